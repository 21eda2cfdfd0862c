package kapso_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol"
	"handoff/internal/protocol/kapso"
	"handoff/internal/signature"
)

// tellAll tells an event and checks what all webhooks have in common.
func tellAll(t *testing.T, e protocol.Event) []protocol.Webhook {
	t.Helper()
	told, err := kapso.Protocol.Webhooks(e)
	require.NoError(t, err)
	version := e.Endpoint.PayloadVersion
	if version == "" {
		version = "v2"
	}
	for _, webhook := range told {
		require.Contains(t, kapso.Protocol.Events, webhook.Event)
		parseTree(t, webhook.Body)
		require.Equal(t, map[string]string{
			"X-Webhook-Event": webhook.Event, "X-Idempotency-Key": "{id}", "X-Webhook-Payload-Version": version,
		}, webhook.Header)
	}
	return told
}

// tell is the one webhook of a name.
func tell(t *testing.T, e protocol.Event, name string) protocol.Webhook {
	t.Helper()
	told := tellAll(t, e)
	i := slices.IndexFunc(told, func(w protocol.Webhook) bool { return w.Event == name })
	require.GreaterOrEqual(t, i, 0, "%s is not told as %s", e.Type, name)
	return told[i]
}

func names(told []protocol.Webhook) []string {
	var names []string
	for _, webhook := range told {
		names = append(names, webhook.Event)
	}
	return names
}

func with(e protocol.Event, change func(e *protocol.Event)) protocol.Event {
	change(&e)
	return e
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	p := kapso.Protocol
	require.Equal(t, handoff.ProtocolKapso, p.Name)
	require.Len(t, p.Events, 14)
	for _, event := range p.Events {
		require.Equal(t, strings.HasPrefix(event, "whatsapp."), slices.Contains(p.Defaults, event), event)
	}
	require.Empty(t, p.Carrier)
	require.Equal(t, handoff.TransportGraph, p.Transport)
	require.True(t, p.Window)
	require.Equal(t, 10*time.Second, p.Timeout)
	require.Equal(t, "X-Webhook-Signature", p.SignatureHeader)
	require.Nil(t, p.End)
	for _, event := range append(slices.Clone(p.Events), "", "*") {
		require.Equal(t, event == "whatsapp.message.received" || event == "whatsapp.message.sent", kapso.Bufferable(event), event)
	}
}

func TestWhatIsToldOfEachEvent(t *testing.T) {
	t.Parallel()
	bot := func(e *protocol.Event) { e.Message.Author = handoff.AuthorBot }
	alone := func(e *protocol.Event) { e.Conversation = nil }
	endedBy := func(reason string, answeredAt *time.Time) protocol.Event {
		return with(unanswered(), func(e *protocol.Event) {
			e.Details, e.Conversation.LastOutboundAt = json.RawMessage(`{"reason":"`+reason+`"}`), answeredAt
		})
	}
	of := func(kind handoff.EventType) protocol.Event {
		return with(delivered(), func(e *protocol.Event) { e.Type = kind })
	}
	openedByOffload := with(offloaded(), func(e *protocol.Event) { e.Type = handoff.EventOpened })
	fromRows := with(ended(), func(e *protocol.Event) { e.Details = nil })
	botSpoke, answered := pointer(at("2025-10-28T13:59:59Z")), pointer(at("2025-10-28T14:00:00Z"))
	for name, tt := range map[string]struct {
		event protocol.Event
		want  []string
	}{
		"received":                    {hello(), []string{"whatsapp.message.received"}},
		"sent":                        {onMyWay(), []string{"whatsapp.message.sent"}},
		"delivered":                   {delivered(), []string{"whatsapp.message.delivered"}},
		"read":                        {of(handoff.EventMessageRead), []string{"whatsapp.message.read"}},
		"played":                      {of(handoff.EventMessagePlayed), []string{"whatsapp.message.read"}},
		"failed":                      {failed(), []string{"whatsapp.message.failed", "agent_execution_failed"}},
		"the bot's failed":            {with(failed(), bot), []string{"whatsapp.message.failed"}},
		"failed in no conversation":   {with(failed(), alone), []string{"whatsapp.message.failed"}},
		"queued":                      {of(handoff.EventMessageQueued), nil},
		"uncertain":                   {of(handoff.EventMessageUncertain), nil},
		"history":                     {of(handoff.EventMessageHistory), nil},
		"media":                       {of(handoff.EventMediaReady), nil},
		"note":                        {of(handoff.EventNoteAdded), nil},
		"opened by a message":         {created(), []string{"whatsapp.conversation.created", "workflow.execution.handoff", "agent_execution_handoff"}},
		"opened by an offload":        {openedByOffload, []string{"whatsapp.conversation.created"}},
		"offloaded":                   {offloaded(), []string{"workflow.execution.handoff", "agent_execution_handoff"}},
		"claimed":                     {of(handoff.EventClaimed), []string{"agent_execution_started"}},
		"released":                    {of(handoff.EventReleased), nil},
		"inactive":                    {inactive(), []string{"whatsapp.conversation.inactive"}},
		"resolved":                    {ended(), []string{"whatsapp.conversation.ended", "agent_execution_ended"}},
		"ended by the gateway":        {endedBy("gateway", nil), []string{"whatsapp.conversation.ended"}},
		"ended by an admin":           {endedBy("admin", nil), []string{"whatsapp.conversation.ended"}},
		"timed out, answered":         {endedBy("inactivity", answered), []string{"whatsapp.conversation.ended"}},
		"timed out":                   {endedBy("inactivity", nil), []string{"whatsapp.conversation.ended", "workflow.execution.failed"}},
		"timed out after the bot":     {endedBy("inactivity", botSpoke), []string{"whatsapp.conversation.ended", "workflow.execution.failed"}},
		"ended, reason from the rows": {fromRows, []string{"whatsapp.conversation.ended", "agent_execution_ended"}},
	} {
		for _, version := range []string{"", "v1", "v2"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				e := tt.event
				e.Endpoint.PayloadVersion = version
				require.Equal(t, tt.want, names(tellAll(t, e)))
			})
		}
	}
}

func TestNothingIsToldThatTheProtocolDoesNotPromise(t *testing.T) {
	t.Parallel()
	for _, kind := range append(slices.Clone(handoff.EventTypes), handoff.EventMessageHistory, handoff.EventNoteAdded) {
		told := tellAll(t, with(delivered(), func(e *protocol.Event) { e.Type = kind }))
		require.Equal(t, slices.Contains(kapso.Protocol.Tells, kind), len(told) > 0, kind)
	}
	require.True(t, kapso.Protocol.Counts)
}

func TestWhatCannotBeTold(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]protocol.Event{
		"no message":              with(hello(), func(e *protocol.Event) { e.Message = nil }),
		"no message that failed":  with(failed(), func(e *protocol.Event) { e.Message = nil }),
		"opened no conversation":  with(created(), func(e *protocol.Event) { e.Conversation = nil }),
		"ended no conversation":   with(ended(), func(e *protocol.Event) { e.Conversation = nil }),
		"claimed no conversation": with(offloaded(), func(e *protocol.Event) { e.Type, e.Conversation = handoff.EventClaimed, nil }),
		"details":                 with(ended(), func(e *protocol.Event) { e.Details = json.RawMessage(`{"reason":7}`) }),
		"version":                 with(hello(), func(e *protocol.Event) { e.Endpoint.PayloadVersion = "v3" }),
		"content":                 with(hello(), func(e *protocol.Event) { e.Message.Content = json.RawMessage(`{"text":{"body":"secret`) }),
		"content too deep": with(hello(), func(e *protocol.Event) {
			e.Message.Content = json.RawMessage(`{"text":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`)
		}),
	} {
		_, err := kapso.Protocol.Webhooks(e)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}

func TestHandoffInBothNames(t *testing.T) {
	t.Parallel()
	told := tellAll(t, offloaded())
	body := `{"event":"workflow.execution.handoff","occurred_at":"2025-12-08T12:00:00Z","project_id":"990e8400-e29b-41d4-a716-446655440004",` +
		`"workflow_id":"880e8400-e29b-41d4-a716-446655440001","workflow_execution_id":"770e8400-e29b-41d4-a716-446655440002",` +
		`"status":"handoff","tracking_id":"01980000-0000-7000-8000-00000000000e","channel":"whatsapp",` +
		`"whatsapp_conversation_id":"770e8400-e29b-41d4-a716-446655440002",` +
		`"handoff":{"reason":"User requested human assistance","source":"agent_tool"}}`
	require.Equal(t, body, string(told[0].Body))
	require.Equal(t, strings.Replace(body, "workflow.execution.handoff", "agent_execution_handoff", 1), string(told[1].Body))

	require.Contains(t, string(tell(t, created(), kapso.EventAgentHandoff).Body), `"handoff":{"reason":null,"source":"agent_tool"}`)
}

func TestTheAgentsPart(t *testing.T) {
	t.Parallel()
	claimed := with(offloaded(), func(e *protocol.Event) {
		e.Type = handoff.EventClaimed
		e.Details = json.RawMessage(`{"assignee":{"id":"01980000-0000-7000-8000-0000000000aa","name":"Ann <ann@example.com>"}}`)
	})
	body := string(tell(t, claimed, kapso.EventAgentStarted).Body)
	require.Contains(t, body, `"status":"running"`)
	require.True(t, strings.HasSuffix(body, `,"agent":{"id":"01980000-0000-7000-8000-0000000000aa","name":"Ann <ann@example.com>"}}`), body)
	require.Contains(t, string(tell(t, ended(), kapso.EventAgentEnded).Body), `"status":"ended"`)
	require.Contains(t, string(tell(t, failed(), kapso.EventAgentFailed).Body),
		`"error":{"message":"Re-engagement message: More than 24 hours have passed since the recipient last replied"}`)
}

func TestBatchIsTheVectorsBody(t *testing.T) {
	t.Parallel()
	webhook, err := kapso.Protocol.Merge(kapso.EventMessageReceived, nil, 5*time.Second)
	require.NoError(t, err)
	// The vector is a batch of nobody, with a number of its own.
	body := strings.NewReplacer(`"first_sequence":0`, `"first_sequence":1`, `"last_sequence":0`, `"last_sequence":1`).Replace(string(webhook.Body))
	require.Equal(t, `{"type":"whatsapp.message.received","batch":true,`+
		`"batch_info":{"size":0,"window_ms":5000,"first_sequence":1,"last_sequence":1},"data":[]}`, body)
	require.NoError(t, signature.VerifyHex("kapso-secret", []byte(body), "92aaa763dd2c247386c4dfe22bcb5a059af2749394535d1110bfe1d061992567"))
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v1", "v2"} {
		e := with(hello(), func(e *protocol.Event) { e.Endpoint.PayloadVersion = version })
		one := tell(t, e, kapso.EventMessageReceived)
		e.Message.Content = json.RawMessage(`{"text":{"body":"<b>&</b>"},"type":"text"}`)
		two := tell(t, e, kapso.EventMessageReceived)
		for size, parts := range map[string][]protocol.Part{"1": {{Body: one.Body, Seq: 7}}, "2": {{Body: one.Body, Seq: 7}, {Body: two.Body, Seq: 9}}} {
			webhook, err := kapso.Protocol.Merge(one.Event, parts, 1500*time.Millisecond)
			require.NoError(t, err)
			last, bodies := "7", string(one.Body)
			if size == "2" {
				last, bodies = "9", bodies+","+string(two.Body)
			}
			require.Equal(t, `{"type":"whatsapp.message.received","batch":true,"batch_info":{"size":`+size+
				`,"window_ms":1500,"first_sequence":7,"last_sequence":`+last+`},"data":[`+bodies+`]}`, string(webhook.Body), "the parts are as they were")
			require.Equal(t, map[string]string{
				"X-Webhook-Event": one.Event, "X-Idempotency-Key": "{id}", "X-Webhook-Payload-Version": version, "X-Webhook-Batch": "true",
				"X-Batch-Size": size,
			}, webhook.Header)
			require.Equal(t, one.Event, webhook.Event)
		}
	}
	_, err := kapso.Protocol.Merge(kapso.EventMessageReceived, []protocol.Part{{Body: []byte(`{`)}}, time.Second)
	require.Error(t, err)
}

func TestBatchHasTheKeysOfKapsosExample(t *testing.T) {
	t.Parallel()
	example := parseTree(t, corpora.File(t, "whatsapp", "doc-derived", "kapso-batch-2.json"))
	part := protocol.Part{Body: tell(t, hello(), kapso.EventMessageReceived).Body, Seq: 1}
	webhook, err := kapso.Protocol.Merge(kapso.EventMessageReceived, []protocol.Part{part, part}, time.Second)
	require.NoError(t, err)
	ours := parseTree(t, webhook.Body)
	require.Equal(t, []string{"type", "batch", "batch_info", "data"}, ours.keys)
	for _, key := range example.keys {
		require.NotNil(t, ours.at(key), key)
	}
	for _, key := range example.at("data.0").keys {
		require.NotNil(t, ours.at("data.1."+key), key)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	m := handoff.OutboundMessage{
		CallbackData: "01980000-0000-7000-8000-000000000001",
		ID:           uuid.MustParse("01980000-0000-7000-8000-000000000001"), To: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "15551234567"}},
		Type: "text", Content: json.RawMessage(`{"body":"On my way"}`), ReplyTo: "wamid.123",
	}
	call, err := kapso.Protocol.Send(protocol.Inbox{PhoneNumberID: "123456789012345"}, protocol.Contact{}, m)
	require.NoError(t, err)
	require.Equal(t, "/123456789012345/messages", call.Path)
	require.Equal(t, `{"messaging_product":"whatsapp","to":"15551234567","type":"text","text":{"body":"On my way"},`+
		`"context":{"message_id":"wamid.123"},"biz_opaque_callback_data":"01980000-0000-7000-8000-000000000001"}`, string(call.Body))

	_, err = kapso.Protocol.Send(protocol.Inbox{}, protocol.Contact{}, m)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	m.To = nil
	_, err = kapso.Protocol.Send(protocol.Inbox{PhoneNumberID: "1"}, protocol.Contact{}, m)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
}

func TestMetaHeader(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]string{
		"X-Idempotency-Key": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	}, kapso.MetaHeader([]byte("abc")))
}

func TestLimitsAreKapsos(t *testing.T) {
	t.Parallel()
	require.Equal(t, []time.Duration{time.Second, 5 * time.Second, time.Minute},
		[]time.Duration{kapso.MinBufferWindow, kapso.DefaultBufferWindow, kapso.MaxBufferWindow})
	require.Equal(t, []int{1, 50, 100}, []int{kapso.MinBufferSize, kapso.DefaultBufferSize, kapso.MaxBufferSize})
	require.Equal(t, []int{1, 60, 1440}, []int{kapso.MinInactivityMinutes, kapso.DefaultInactivityMinutes, kapso.MaxInactivityMinutes})
}
