package e2e_test

import (
	"strings"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// temporal is a client of the stack's namespace, without the product's codec.
func (s *stack) temporal() client.Client {
	s.Helper()
	c := s.dial(client.Options{HostPort: s.temporalAddress, Namespace: s.namespace})
	s.Cleanup(c.Close)
	return c
}

// dial connects to a Temporal that may have no time for it just now.
func (s *stack) dial(options client.Options) (c client.Client) {
	s.Helper()
	var err error
	if !waitFor(readyWithin, func() bool { c, err = client.Dial(options); return err == nil }) {
		require.NoError(s, err)
	}
	return c
}

// history is that of a workflow's latest run.
func (s *stack) history(id string) []*historypb.HistoryEvent {
	s.Helper()
	var events []*historypb.HistoryEvent
	for page := s.temporal().GetWorkflowHistory(s.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); page.HasNext(); {
		event, err := page.Next()
		require.NoError(s, err)
		events = append(events, event)
	}
	return events
}

// written is a history as text. The text form shows the bytes of payloads, JSON, as they are.
func written(history []*historypb.HistoryEvent) string {
	var out strings.Builder
	for _, event := range history {
		out.WriteString(event.String() + "\n")
	}
	return strings.ReplaceAll(out.String(), `\"`, `"`)
}
