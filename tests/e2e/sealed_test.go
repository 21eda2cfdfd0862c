package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"handoff/db/dbtest"
	"handoff/internal/testenv"
	"handoff/workflows"
)

// TestPayloadsAreSealedWithConversationsOpen switches sealing on in the middle of a conversation: what was written before is read, what
// is written from then on is sealed, and the codec endpoint opens it for the Temporal UI.
func TestPayloadsAreSealedWithConversationsOpen(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	into[receipt](t, s.post(text("447700900123", "wamid.before", "before")), http.StatusOK)
	conv := s.open()
	id := "conversation:" + s.inbox + ":" + conv.Contact.ID
	// A row is there before its workflow task is written down.
	until(t, readyWithin, "the history has the conversation's id", func() bool { return strings.Contains(fmt.Sprint(s.history(id)), conv.ID) })
	for _, p := range []*process{s.serve, s.worker} {
		require.True(t, p.signal(syscall.SIGTERM, readyWithin), "it stops when it is asked to")
	}
	before := len(s.history(id))
	codecPort := freePort(t)
	env := append(slices.Clone(s.env), "HANDOFF_SEAL_PAYLOADS=true", fmt.Sprintf("HANDOFF_CODEC_LISTEN=127.0.0.1:%d", codecPort))
	s.serve, s.worker = launch(t, env, "serve"), launch(t, env, "worker")
	s.ready(s.url)

	until(t, readyWithin, "the new worker carries out commands", func() bool {
		return s.command(s.anaKey, conv.ID, "claim", nil).status == http.StatusOK
	})
	ended := into[conversation](t, s.command(s.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	require.Equal(t, "ended", ended.Status)

	events := s.history(id)
	require.NotContains(t, fmt.Sprint(events[before:]), conv.ID)
	sealed := sealedPayloads(events[before:])
	require.NotEmpty(t, sealed)
	opened, err := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", codecPort),
	}).Decode(sealed)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(opened), conv.ID)
}

// TestOperatorsSignalsWorkWithSealedPayloads sends signals as the Temporal UI does: with no payload, as plain JSON where it knows of no codec
// endpoint, and sealed by the codec endpoint where it does.
func TestOperatorsSignalsWorkWithSealedPayloads(t *testing.T) {
	t.Parallel()
	codecPort := freePort(t)
	s := newStackSet(t, dbtest.URL(t), testenv.Temporal(t), []string{
		"HANDOFF_SEAL_PAYLOADS=true", fmt.Sprintf("HANDOFF_CODEC_LISTEN=127.0.0.1:%d", codecPort),
	})
	endpoint := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: fmt.Sprintf("http://127.0.0.1:%d", codecPort)})
	plain, sealed := s.operator(), s.operator(endpoint)
	s.gateway.AnswerTo(func(string) int { return http.StatusInternalServerError })
	into[receipt](t, s.post(text("447700900123", "wamid.sealed", "I need to speak to a human")), http.StatusOK)
	conv := s.open()
	plain.id = "conversation:" + s.inbox + ":" + conv.Contact.ID
	sealed.id = plain.id
	into[message](t, s.command(s.anaKey, conv.ID, "messages", []byte(`{"type":"text","text":"first"}`)), http.StatusCreated)
	sealed.says("HTTP 500, attempt 2)")
	require.Len(t, s.gateway.Requests(), 2, "the next attempt is minutes away")

	_, err := plain.client.WorkflowService().SignalWorkflowExecution(t.Context(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: s.namespace, WorkflowExecution: plain.execution(), SignalName: workflows.RetryDeliverySignal,
	})
	require.NoError(t, err)
	s.webhook(3)
	sealed.says("RetryDelivery at")
	plain.signal(workflows.ReassignSignal, `{"by":"Olga","reason":"canary of what is plain"}`)
	until(t, readyWithin, "it is back in the line", func() bool { return s.conversation(conv.ID).Status == "waiting" })
	sealed.says("Reassign by Olga at")
	sealed.signal(workflows.SkipDeliverySignal, `{"by":"Olga","reason":"canary of what is sealed"}`)
	sealed.says("1 webhook was given up")
	sealed.signal(workflows.SkipDeliverySignal, `{"typo":"Olga"}`)
	sealed.says("unknown field \"typo\"")
	plain.readsNothing(endpoint)
	sealed.signal(workflows.ResolveSignal, `{"by":"Olga"}`)
	until(t, readyWithin, "it has ended", func() bool { return s.conversation(conv.ID).Status == "ended" })
}

// readsNothing holds what Temporal keeps of a conversation against what the codec endpoint makes of it.
func (o *operator) readsNothing(endpoint converter.PayloadCodec) {
	o.Helper()
	value, err := o.client.QueryWorkflow(o.Context(), o.id, "", "__temporal_workflow_metadata")
	require.NoError(o, err)
	var metadata sdkpb.WorkflowMetadata
	require.ErrorIs(o, value.Get(&metadata), converter.ErrEncodingIsNotSupported, "the current details are sealed")
	described, err := o.client.DescribeWorkflow(o.Context(), o.id, "")
	require.NoError(o, err)
	_, err = described.GetStaticSummary()
	require.ErrorIs(o, err, converter.ErrEncodingIsNotSupported)
	events := o.history(o.id)
	require.Contains(o, fmt.Sprint(events), "canary of what is plain", "it was sent so")
	require.NotContains(o, fmt.Sprint(events), "canary of what is sealed")
	var summaries []*commonpb.Payload
	for _, event := range events {
		if summary := event.GetUserMetadata().GetSummary(); summary != nil {
			summaries = append(summaries, summary)
		}
	}
	opened, err := endpoint.Decode(summaries)
	require.NoError(o, err)
	words := fmt.Sprint(opened)
	for _, summary := range []string{"Support (hitlchat)", "apply inbound", "skip delivery", "webhooks to "} {
		require.Contains(o, words, summary)
		require.NotContains(o, fmt.Sprint(events), summary)
	}
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
