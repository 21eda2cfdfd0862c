package temporalclient_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/temporalclient"
	"handoff/internal/testenv"
)

// A worker in a namespace that nobody has made waits for it, and whoever reads its log is told what makes one.
func TestAMissingNamespaceIsNamedWithItsCure(t *testing.T) {
	t.Parallel()
	c, err := temporalclient.Dial(temporalclient.Config{Address: testenv.Temporal(t), Namespace: "nobodys", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.EqualError(t, temporalclient.Check(t.Context(), c, "nobodys"),
		"Temporal has no namespace \"nobodys\": run `handoff migrate`, or correct TEMPORAL_NAMESPACE")
}
