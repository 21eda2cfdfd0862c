package api_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/internal/graph"
)

func TestReadMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	require.EqualValues(t, 1, c.UnreadCount)
	require.EqualValues(t, 0, w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK).field("unread_count"))
	w.do(t, "POST", path+"/read", w.ben, nil).is(http.StatusOK)
	require.Equal(t, []map[string]any{{"unread_count": 0.0}}, w.told(t, c.ID, handoff.EventRead), "there was nothing left to read")
	require.EqualValues(t, 1, w.do(t, "POST", path+"/unread", w.ana, nil).is(http.StatusOK).field("unread_count"))
	w.do(t, "POST", path+"/unread", w.ana, nil).is(http.StatusOK)
	require.Equal(t, []map[string]any{{"unread_count": 1.0}}, w.told(t, c.ID, handoff.EventUpdated))
	require.Empty(t, w.Deliveries(t), "the inbox sends no receipts")
	for _, command := range []string{"/read", "/unread", "/typing"} {
		w.do(t, "POST", path+command, w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
}

// onWhatsApp makes the inbox send by the Graph API, and read its contacts' messages aloud.
func (w *world) onWhatsApp(t *testing.T) *fakegraph.Graph {
	t.Helper()
	meta, _ := w.SpeakKapso(t, handoff.ProtocolKapso)
	w.Exec(t, "UPDATE inboxes SET read_receipts = true, typing_indicators = true WHERE id = $1", w.Inbox.ID)
	w.activities = w.Activities(t, time.Now)
	w.deps.Typing = graph.New(graph.Config{BaseURL: w.GraphURL, HTTP: w.poster}).Typing
	w.serve(t)
	return meta
}

// leave runs the lane of the endpoint by which a conversation's calls leave.
func (w *world) leave(t *testing.T, contact handoff.ID) {
	t.Helper()
	var endpoint handoff.ID
	require.NoError(t, w.DB.QueryRow(t.Context(), "SELECT id FROM endpoints WHERE transport = 'graph' AND inbox_id = $1", w.Inbox.ID).Scan(&endpoint))
	_, _ = w.activities.DeliverWebhooks(context.Background(), activities.DeliverInput{
		Ref: activities.Ref{AccountID: w.Account.ID, InboxID: w.Inbox.ID, ContactID: contact}, EndpointID: endpoint, Max: 20, Last: 1,
	})
}

func TestAReceiptTellsWhatsAppOnceThatTheLatestMessageWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	meta := w.onWhatsApp(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	latest := func() string {
		return w.do(t, "GET", path+"/messages?order=desc&limit=1", w.ana, nil).is(http.StatusOK).text("items.0.external_id")
	}
	first := latest()
	w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/unread", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "deliveries", "event_type = 'read_receipt' AND message_id IS NULL"))
	require.Equal(t, 1, w.Count(t, "wakes", "raised"))
	require.Equal(t, c.ContactID, w.waker.all()[len(w.waker.all())-1].ContactID)
	w.leave(t, c.ContactID)
	require.Equal(t, []fakegraph.Mark{{PhoneNumberID: w.Inbox.PhoneNumberID, MessageID: first}}, meta.Marks())

	w.Accept(t, w.Body("447700900123", "one thing more"), time.Now())
	_, err := w.activities.ApplyInbound(t.Context(), activities.ApplyInboundInput{
		Ref: activities.Ref{AccountID: w.Account.ID, InboxID: w.Inbox.ID, ContactID: c.ContactID}, Now: time.Now(),
	})
	require.NoError(t, err)
	second := latest()
	require.NotEqual(t, first, second)
	w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK)
	w.leave(t, c.ContactID)
	require.Equal(t, second, meta.Marks()[1].MessageID)
	w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK)
}

// Whatever Meta says of a receipt, an agent's message leaves after it and the endpoint stays enabled.
func TestAReceiptThatFailsKeepsNothingWaiting(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakegraph.Fault{
		"refused": {Path: "/messages", Code: 131009}, "Meta fails": {Path: "/messages", Code: 131000}, "no answer": {Path: "/messages", Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			meta := w.onWhatsApp(t)
			c := w.conversation(t, "447700900123")
			path := "/v1/conversations/" + c.ID.String()
			w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK)
			meta.Fail(fault)
			w.leave(t, c.ContactID)
			sent := w.do(t, "POST", path+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
			w.leave(t, c.ContactID)
			require.Len(t, meta.Sent(), 1, "the message does not wait for the receipt")
			marks := len(meta.Marks()) // Meta may have acted on the one whose answer was lost
			require.Equal(t, 1, w.Count(t, "messages", "id = $1 AND status = 'delivered_to_gateway'", uuidOf(t, sent.text("id"))))
			require.Equal(t, 1, w.Count(t, "endpoints", "transport = 'graph' AND state = 'enabled'"))
			if name == "refused" {
				require.Equal(t, 1, w.Count(t, "deliveries", "event_type = 'read_receipt' AND state = 'failed' AND attempts = 1"))
				return
			}
			require.Equal(t, 1, w.Count(t, "deliveries", "event_type = 'read_receipt' AND state = 'pending' AND attempts = 1"))

			w.Exec(t, "UPDATE deliveries SET next_attempt_at = now() WHERE event_type = 'read_receipt'")
			w.leave(t, c.ContactID)
			require.Len(t, meta.Marks(), marks+1, "a receipt may be repeated")
		})
	}
}

func TestNoReceiptWithoutAWayOfOurOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, "UPDATE inboxes SET read_receipts = true, typing_indicators = true")
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK)
	require.Empty(t, w.Deliveries(t))
	got := w.do(t, "POST", path+"/typing", w.ana, nil).is(http.StatusOK)
	require.Equal(t, false, got.field("shown"))
	require.Contains(t, got.text("reason"), "access token")
}

func TestTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	meta := w.onWhatsApp(t)
	now := time.Now()
	w.at(t, &now)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	shown := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return len(meta.Marks()) == n }, time.Minute, 5*time.Millisecond)
		require.True(t, meta.Marks()[n-1].Typing)
	}
	for range 3 {
		require.Equal(t, true, w.do(t, "POST", path+"/typing", w.ana, nil).is(http.StatusOK).field("shown"))
	}
	shown(1)
	now = now.Add(5 * time.Second)
	w.do(t, "POST", path+"/typing", w.ana, nil).is(http.StatusOK)
	shown(2)
	w.do(t, "POST", "/v1/conversations/"+w.conversation(t, "447700900124").ID.String()+"/typing", w.ana, nil).is(http.StatusOK)
	shown(3)

	now = now.Add(time.Hour)
	w.do(t, "POST", path+"/claim", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/typing", w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", path+"/typing", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.Exec(t, "UPDATE inboxes SET typing_indicators = false")
	require.Equal(t, false, w.do(t, "POST", path+"/typing", w.ben, nil).is(http.StatusOK).field("shown"))
	w.Exec(t, "UPDATE inboxes SET typing_indicators = true")
	w.Exec(t, "UPDATE conversations SET window_expires_at = now() - interval '1 minute'")
	require.Equal(t, false, w.do(t, "POST", path+"/typing", w.ben, nil).is(http.StatusOK).field("shown"))
	w.do(t, "POST", path+"/resolve", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/typing", w.ben, nil).refused(http.StatusConflict, handoff.CodeConflict)
	require.Len(t, meta.Marks(), 3)
}

// A vendor that does not answer keeps no agent waiting.
func TestTypingWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.onWhatsApp(t)
	hold, called := make(chan struct{}), sync.WaitGroup{}
	called.Add(1)
	w.deps.Typing = func(ctx context.Context, token, _, _ string) error {
		defer called.Done()
		if token != fixture.VendorToken {
			t.Errorf("called with the token %q", token)
		}
		if _, limited := ctx.Deadline(); !limited {
			t.Error("the call has no end")
		}
		<-hold
		return nil
	}
	w.serve(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	w.do(t, "POST", path+"/typing", w.ana, nil, "Idempotency-Key", "k").is(http.StatusOK)
	close(hold)
	called.Wait()
}
