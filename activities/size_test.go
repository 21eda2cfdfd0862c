package activities_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/meta"
	"handoff/internal/protocol/native"
)

// speak makes a scene whose contact has said text to an inbox of a protocol, whose endpoint is told of eventTypes.
func speak(t *testing.T, p handoff.Protocol, text string, eventTypes ...string) *scene {
	t.Helper()
	s := &scene{T: t, World: fixture.New(t, dbtest.Pool(t), eventTypes...), now: time.Now().UTC().Truncate(time.Second)}
	s.Exec(t, "UPDATE inboxes SET protocol = $1 WHERE id = $2", p, s.Inbox.ID)
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	body, err := json.Marshal(map[string]any{"contact": map[string]string{"id": "visitor-17"}, "id": "m-1", "text": text})
	require.NoError(t, err)
	items, err := native.ParseMessages(body)
	require.NoError(t, err)
	accepted, err := db.Accept(context.Background(), s.World.DB, db.NewReceipt{
		AccountID: s.Account.ID, InboxID: &s.Inbox.ID, Protocol: p, Body: body, Items: items, At: s.now,
	})
	require.NoError(t, err)
	s.ref = activities.Ref{AccountID: s.Account.ID, InboxID: s.Inbox.ID, ContactID: accepted.Wakes[0].ContactID}
	s.apply()
	return s
}

func TestDelivery_39_AnEventOfOursThatIsTooLargeSaysWhereTheRestIs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", 60_000) // each is six bytes in an event
	s := speak(t, handoff.ProtocolNative, long, "message.received")
	_, err := s.deliver()
	require.NoError(t, err)
	requests := s.Gateway.Requests()
	require.Len(t, requests, 1)
	require.LessOrEqual(t, len(requests[0].Body), 256<<10)
	var event native.EventBody
	require.NoError(t, json.Unmarshal([]byte(requests[0].Body), &event))
	require.True(t, event.Data.Truncated)
	require.Empty(t, event.Data.Message.Text)
	require.JSONEq(t, `{}`, string(event.Data.Message.Content))
	require.Equal(t, "/v1/conversations/"+s.conversation().ID.String()+"/messages", event.Data.URL)
	require.Equal(t, long, *s.message(event.Data.Message.ID).Text, "the whole is there to be read")
}

// A message that intake takes may still be too large in a form that says it several times, with what surrounds it.
func TestDelivery_39_AVendorsWebhookThatIsTooLargeIsAFailedDeliveryAndNeverLeaves(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.lane(s.Endpoint.ID)
	n := len(s.Gateway.Requests())
	s.says(strings.Repeat("x", 190<<10))
	s.says("short")
	require.Zero(t, s.lane(s.Endpoint.ID))
	require.Len(t, s.Gateway.Requests(), n+1, "what follows is not held up")
	require.Contains(t, s.Gateway.Requests()[n].Body, "short")
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'failed' AND failure LIKE 'not sent: its body would have %' AND attempts = 0 AND body = ''"))
	require.Equal(t, "true", s.Gateway.Requests()[n].Header.Get("Handoff-Gap"), "and it is told that something is missing")
}

func TestDelivery_39_AnAgentsMessageThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	id := s.draft(s.Ana, "x")
	content, err := json.Marshal(map[string]string{"body": strings.Repeat("x", 256<<10)})
	require.NoError(t, err)
	s.Exec(t, "UPDATE messages SET content = $1 WHERE id = $2", content, id)
	result, err := s.Reply(context.Background(), activities.ReplyCommand{Command: s.command("reply:1", s.Ana), MessageID: id, Type: "text"})
	require.NoError(t, err)
	require.Equal(t, handoff.CodeInvalid, result.Refused.Code)
	require.Contains(t, result.Refused.Message, "too large")
	require.Zero(t, s.Count(t, "deliveries", "true"))
	require.Equal(t, handoff.StatusWaiting, s.conversation().Status, "a refused reply does nothing else either")
}

func TestDelivery_39_ABatchIsCutBeforeItIsTooLarge(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	s.Exec(t, "UPDATE endpoints SET buffer_size = 50 WHERE id = $1", s.Endpoint.ID)
	n := len(s.Gateway.Requests())
	var want []string
	for _, letter := range strings.Split("abcdefghij", "") {
		want = append(want, strings.Repeat(letter, 20_000))
	}
	s.says(want...)
	s.now = s.now.Add(5 * time.Second)
	require.Zero(t, s.hooks())
	requests := s.Gateway.Requests()[n:]
	require.Greater(t, len(requests), 1)
	require.Less(t, len(requests), len(want), "and no more often than it must be")
	for _, r := range requests {
		require.Equal(t, http.StatusOK, r.Status)
		require.LessOrEqual(t, len(r.Body), 256<<10)
	}
	var got []string
	for _, batch := range s.batches(n) {
		got = append(got, batch...)
	}
	require.Equal(t, want, got, "in order, and all of them")
}

// The bytes of Meta's that are passed on are the contract: they go on as they were taken in.
func TestDelivery_39_BytesThatArePassedOnAreExempt(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	w.Inbox = w.AddInbox(t, handoff.ProtocolPassthrough)
	raw := w.AddRawEndpoint(t, w.Inbox, w.Gateway)
	body := w.Body(john, strings.Repeat("x", 300<<10))
	webhook, err := meta.Parse(body)
	require.NoError(t, err)
	accepted := w.AcceptItems(t, body, webhook.Items, time.Now())
	_, err = w.Activities(t, time.Now).DeliverWebhooks(context.Background(), activities.DeliverInput{
		Ref:        activities.Ref{AccountID: w.Account.ID, InboxID: w.Inbox.ID, ContactID: accepted.Wakes[0].ContactID},
		EndpointID: raw.ID, Max: 10,
	})
	require.NoError(t, err)
	require.Len(t, w.Gateway.Requests(), 1)
	require.Equal(t, string(body), w.Gateway.Requests()[0].Body)
}
