package native_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol/native"
)

func TestStatuses(t *testing.T) {
	t.Parallel()
	const ours = "01980000-0000-7000-8000-000000000001"
	item := one(t, native.ParseStatuses, `{"message_id":"`+strings.ToUpper(ours)+`","external_id":"w1","status":"read","timestamp":"2026-06-08T09:14:00Z","contact":{"id":"visitor-17"}}`)
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemStatus, ExternalID: "w1", Contact: &handoff.ItemContact{Identities: visitor},
		Status: &handoff.ItemStatusBody{Status: handoff.MessageRead, At: time.Date(2026, 6, 8, 9, 14, 0, 0, time.UTC), CallbackData: ours},
	}, item)
	item = one(t, native.ParseStatuses, `{"statuses":[{"external_id":"w1","status":"failed","failure":{"code":"blocked","reason":"by the contact"}}]}`)
	require.Equal(t, &handoff.Failure{Code: "blocked", Reason: "by the contact"}, item.Status.Failure)
	item = one(t, native.ParseStatuses, `{"message_id":"`+ours+`","status":"failed"}`)
	require.Equal(t, &handoff.Failure{Code: "unknown", Reason: "the gateway gave no reason"}, item.Status.Failure)
	require.Empty(t, item.ExternalID)

	for body, want := range map[string]string{
		`{"status":"sent"}`:                                                           "body.message_id",
		`{"message_id":"m1","status":"sent"}`:                                         "body.message_id",
		`{"message_id":"","status":"sent"}`:                                           "body.message_id",
		`{"external_id":"w1"}`:                                                        "body.status",
		`{"external_id":"w1","status":"queued"}`:                                      "body.status",
		`{"external_id":"w1","status":"sent","failure":{}}`:                           "body.failure",
		`{"external_id":"w1","status":"failed","failure":{"code":131047}}`:            "body.failure.code",
		`{"external_id":"w1","status":"failed","failure":{"title":"x"}}`:              "body.failure.title",
		`{"external_id":"w1","status":"failed","failure":"x"}`:                        "body.failure",
		`{"external_id":"w1","status":"sent","contact":{}}`:                           "body.contact.id",
		`{"statuses":[{"external_id":"w1","status":"sent","timestamp":"yesterday"}]}`: "body.statuses[0].timestamp",
	} {
		require.Equal(t, []string{want}, locations(t, native.ParseStatuses, body), body)
	}
}

func TestOffload(t *testing.T) {
	t.Parallel()
	item := one(t, native.ParseOffload, `{"contact":{"id":"visitor-17"},"id":"o1","reason":"asked","payload":{ "order": "\u0000" },"timestamp":"2026-06-08T09:15:00Z",
		"transcript":[{"direction":"inbound","text":"Hi","id":"m1","timestamp":"2026-06-08T09:14:00Z"},
			{"direction":"outbound","author":"agent","type":"location","content":{"latitude":1}},{"direction":"outbound","text":"Bye","type":"text"}]}`)
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemOffload, ExternalID: "offload:o1", Contact: &handoff.ItemContact{Identities: visitor},
		Offload: &handoff.ItemOffloadBody{
			Reason: "asked", Payload: json.RawMessage(`{"order":"\ufffd"}`), Source: handoff.SourceGateway, At: time.Date(2026, 6, 8, 9, 15, 0, 0, time.UTC),
			Transcript: []handoff.HistoryTurn{
				{Direction: handoff.Inbound, Text: "Hi", ExternalID: "m1", At: time.Date(2026, 6, 8, 9, 14, 0, 0, time.UTC)},
				{Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "location", Content: json.RawMessage(`{"type":"location","location":{"latitude":1}}`)},
				{Direction: handoff.Outbound, Text: "Bye"},
			},
		},
	}, item)
	for body, want := range map[string][]string{
		`{}`:                                                            {"body.contact"},
		`{"contact":{"id":"1"},"payload":[]}`:                           {"body.payload"},
		`{"contact":{"id":"1"},"reason":7}`:                             {"body.reason"},
		`{"contact":{"id":"1"},"id":7}`:                                 {"body.id"},
		`{"contact":{"id":"1"},"offload":true}`:                         {"body.offload"},
		`{"contact":{"id":"1"},"transcript":[{"text":"x"}]}`:            {"body.transcript[0].direction"},
		`{"contact":{"id":"1"},"transcript":[{"direction":"inbound"}]}`: {"body.transcript[0].text"},
		`{"contact":{"id":"1"},"transcript":[{"direction":"inbound","author":"bot","text":"x"}]}`: {"body.transcript[0].author"},
		`{"contact":{"id":"1"},"transcript":[{"direction":"inbound","text":"x","actor":"bot"}]}`:  {"body.transcript[0].actor"},
	} {
		require.Equal(t, want, locations(t, native.ParseOffload, body), body)
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemEnd, ExternalID: "end:e1", Contact: &handoff.ItemContact{Identities: visitor}, Reason: "left the page",
	}, one(t, native.ParseEnd, `{"contact":{"id":"visitor-17"},"id":"e1","reason":"left the page"}`))
	require.Equal(t, []string{"body.timestamp"}, locations(t, native.ParseEnd, `{"contact":{"id":"1"},"timestamp":"now"}`))
}

// A hand-off of tomorrow in the words of today's is another hand-off.
func TestARequestWithoutAnIDIsNoRepeat(t *testing.T) {
	t.Parallel()
	for _, parse := range []parser{native.ParseOffload, native.ParseEnd} {
		require.Empty(t, one(t, parse, `{"contact":{"id":"1"},"timestamp":"2026-06-08T09:14:00Z"}`).ExternalID)
	}
}
