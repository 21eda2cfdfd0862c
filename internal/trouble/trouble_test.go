package trouble_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/trouble"
)

func TestAFailureIsToldAtOnceAndThenOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		var teller trouble.Teller
		away := errors.New("away")
		teller.Tell(t.Context(), log, "look", nil)
		require.Empty(t, out.String())
		for range 150 {
			teller.Tell(t.Context(), log, "look", away, "loop", 7)
			<-time.After(time.Second)
		}
		require.Equal(t, 3, strings.Count(out.String(), `msg=look loop=7 error=away untold=`), out.String())
		require.Contains(t, out.String(), "untold=59")
		teller.Tell(t.Context(), log, "look", nil)
		teller.Tell(t.Context(), log, "look", nil)
		require.Equal(t, 1, strings.Count(out.String(), `msg="look: it works again"`))

		out.Reset()
		<-time.After(trouble.Every)
		for range 1000 { // by turns, in a moment
			teller.Tell(t.Context(), log, "look", away)
			teller.Tell(t.Context(), log, "look", nil)
		}
		require.Equal(t, 2, strings.Count(out.String(), "\n"), out.String())
	})
}
