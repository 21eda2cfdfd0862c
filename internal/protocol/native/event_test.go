package native_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/native"
)

func id(n string) handoff.ID { return uuid.MustParse("01980000-0000-7000-8000-00000000000" + n) }

func queued() protocol.Event {
	seq, agent := int64(4), id("5")
	return protocol.Event{
		ID: id("1"), Type: handoff.EventMessageQueued, At: time.Date(2026, 6, 9, 12, 5, 0, 120_000_000, time.FixedZone("CEST", 7200)), Seq: &seq,
		Actor: protocol.Actor{Type: handoff.AuthorAgent, ID: &agent}, Details: json.RawMessage(`{}`), Inbox: protocol.Inbox{ID: id("2")},
		Conversation: &protocol.Conversation{ID: id("3"), Status: handoff.StatusAssigned, OpenedAt: time.Date(2026, 6, 9, 10, 0, 0, 0, time.UTC)},
		Message: &protocol.Message{
			ID: id("4"), Direction: handoff.Outbound, Type: "text", Text: "<Hi>", Content: json.RawMessage(`{"body": "<Hi>"}`), Status: handoff.MessageQueued,
		},
	}
}

func body(t *testing.T, e protocol.Event) string {
	t.Helper()
	webhooks, err := native.Protocol.Webhooks(e)
	require.NoError(t, err)
	require.Len(t, webhooks, 1)
	require.Equal(t, string(e.Type), webhooks[0].Event)
	require.Empty(t, webhooks[0].Header)
	return string(webhooks[0].Body)
}

// What receivers have read since the first release stays as it is, byte for byte; new keys come after it.
func TestTheFirstKeysOfAnEventStay(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"type":"message.queued","timestamp":"2026-06-09T10:05:00.120Z","data":{"event_id":"01980000-0000-7000-8000-000000000001",`+
		`"inbox_id":"01980000-0000-7000-8000-000000000002","conversation_id":"01980000-0000-7000-8000-000000000003","seq":4,`+
		`"actor":{"type":"agent","id":"01980000-0000-7000-8000-000000000005"},"message":{"id":"01980000-0000-7000-8000-000000000004",`+
		`"direction":"outbound","type":"text","text":"\u003cHi\u003e","content":{"body":"\u003cHi\u003e"},"status":"queued"},`+
		`"conversation":{"id":"01980000-0000-7000-8000-000000000003","status":"assigned","opened_at":"2026-06-09T10:00:00.000Z"}}}`, body(t, queued()))

	require.Equal(t, `{"type":"endpoint.disabled","timestamp":"2026-06-09T10:05:00.120Z","data":{"event_id":"01980000-0000-7000-8000-000000000001",`+
		`"actor":{"type":"system"},"details":{"reason":"gone"}}}`, body(t, protocol.Event{
		ID: id("1"), Type: handoff.EventEndpointDisabled, At: queued().At, Actor: protocol.Actor{Type: handoff.AuthorSystem},
		Details: json.RawMessage(`{"reason": "gone"}`),
	}))
}

func TestAnEventSaysAllThatIsKnown(t *testing.T) {
	t.Parallel()
	e, ended := queued(), time.Date(2026, 6, 9, 11, 0, 0, 0, time.UTC)
	e.Type, e.Details = handoff.EventEnded, json.RawMessage(`{"reason":"resolved"}`)
	e.Conversation.Status, e.Conversation.EndReason, e.Conversation.EndedAt = handoff.StatusEnded, handoff.EndResolved, &ended
	e.Contact = protocol.Contact{ID: id("6"), Name: "Ann", Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: "visitor-17"}}}
	m := e.Message
	m.ExternalID, m.ReplyTo, m.Author, m.CreatedAt = "w2", "w1", handoff.AuthorAgent, e.At
	m.Media = &protocol.Media{State: handoff.MediaReady, URL: "https://us.example/m/t", MIMEType: "image/png", Filename: "a.png", Size: 7}
	got := body(t, e)
	require.Contains(t, got, `"status":"queued","external_id":"w2","reply_to":"w1","media":{"state":"ready","url":"https://us.example/m/t",`+
		`"mime_type":"image/png","filename":"a.png","size":7},"author":{"type":"agent"},"created_at":"2026-06-09T10:05:00.120Z"},`+
		`"details":{"reason":"resolved"},"contact":{"id":"01980000-0000-7000-8000-000000000006","name":"Ann",`+
		`"identities":[{"kind":"session","value":"visitor-17"}]},"conversation":{"id":"01980000-0000-7000-8000-000000000003","status":"ended",`+
		`"end_reason":"resolved","opened_at":"2026-06-09T10:00:00.000Z","ended_at":"2026-06-09T11:00:00.000Z"}}}`)
	var read native.EventBody
	require.NoError(t, json.Unmarshal([]byte(got), &read))
	again, err := json.Marshal(read)
	require.NoError(t, err)
	require.Equal(t, got, string(again), "the described body is the one that is sent")
}

func TestListsAndContentAreNeverNull(t *testing.T) {
	t.Parallel()
	e := queued()
	e.Contact.ID, e.Message.Content = id("6"), nil
	got := body(t, e)
	require.Contains(t, got, `"identities":[]`)
	require.Contains(t, got, `"content":{}`)
}

func TestNotesAndHistoryNeverLeave(t *testing.T) {
	t.Parallel()
	for _, eventType := range []handoff.EventType{handoff.EventNoteAdded, handoff.EventMessageHistory, "conversation.invented", ""} {
		e := queued()
		e.Type = eventType
		webhooks, err := native.Webhooks(e)
		require.NoError(t, err)
		require.Empty(t, webhooks, eventType)
		require.NotContains(t, native.Protocol.Events, string(eventType))
	}
}

func TestFaultyDetailsAreAnErrorAndNoBody(t *testing.T) {
	t.Parallel()
	e := queued()
	e.Details = json.RawMessage(`{`)
	_, err := native.Webhooks(e)
	require.Equal(t, handoff.CodeInternal, handoff.ErrorCode(err))
}
