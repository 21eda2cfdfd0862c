package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// TestPayloadsAreSealedWithConversationsOpen switches sealing on in the middle of a conversation: what was written before is read, what
// is written from then on is sealed, and the codec endpoint opens it for the Temporal UI.
func TestPayloadsAreSealedWithConversationsOpen(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	into[receipt](t, s.post(text("447700900123", "wamid.before", "before")), http.StatusOK)
	conv := s.open()
	id := "conversation:" + s.inbox + ":" + conv.Contact.ID
	before := len(s.historyEvents(id))
	for _, p := range []*process{s.serve, s.worker} {
		require.True(t, p.signal(syscall.SIGTERM, 30*time.Second), "it stops when it is asked to")
	}
	codecPort := freePort(t)
	env := append(slices.Clone(s.env), "HANDOFF_SEAL_PAYLOADS=true", fmt.Sprintf("HANDOFF_CODEC_LISTEN=127.0.0.1:%d", codecPort))
	s.serve, s.worker = launch(t, env, "serve"), launch(t, env, "worker")
	s.ready(s.url)

	until(t, readyWithin, "the new worker carries out commands", func() bool {
		return s.command(s.anaKey, conv.ID, "claim", nil).status == http.StatusOK
	})
	ended := into[conversation](t, s.command(s.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	require.Equal(t, "ended", ended.Status)

	events := s.historyEvents(id)
	require.Contains(t, fmt.Sprint(events[:before]), conv.ID, "this is where an id would be found")
	require.NotContains(t, fmt.Sprint(events[before:]), conv.ID)
	sealed := sealedPayloads(events[before:])
	require.NotEmpty(t, sealed)
	opened, err := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", codecPort),
	}).Decode(sealed)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(opened), conv.ID)
}

func (s *stack) historyEvents(id string) []*historypb.HistoryEvent {
	s.Helper()
	temporal, err := client.Dial(client.Options{HostPort: s.temporalAddress, Namespace: s.namespace})
	require.NoError(s, err)
	defer temporal.Close()
	var events []*historypb.HistoryEvent
	for page := temporal.GetWorkflowHistory(s.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); page.HasNext(); {
		event, err := page.Next()
		require.NoError(s, err)
		events = append(events, event)
	}
	return events
}

// sealedPayloads are the results of the updates and local activities in a history.
func sealedPayloads(events []*historypb.HistoryEvent) []*commonpb.Payload {
	var found []*commonpb.Payload
	for _, event := range events {
		for _, details := range event.GetMarkerRecordedEventAttributes().GetDetails() {
			for _, payload := range details.GetPayloads() {
				found = append(found, proto.CloneOf(payload))
			}
		}
		for _, payload := range event.GetWorkflowExecutionUpdateCompletedEventAttributes().GetOutcome().GetSuccess().GetPayloads() {
			found = append(found, proto.CloneOf(payload))
		}
	}
	return found
}
