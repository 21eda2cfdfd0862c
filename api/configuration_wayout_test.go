package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

func TestAnInboxsWayOutComesAndGoesWithItsToken(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	for _, p := range []handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolKapso, handoff.ProtocolPassthrough} {
		inbox, _ := w.inbox(t, p)
		_, none := w.wayOut(t, inbox)
		require.Nil(t, none, "no token, no way out")

		w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
		path, out := w.wayOut(t, inbox)
		require.Equal(t, "graph", out["transport"])
		require.Equal(t, w.graphURL, out["url"])
		require.Equal(t, "enabled", out["state"])
		require.Empty(t, out["event_types"])

		w.do(t, "PATCH", inbox, w.adm, `{"access_token":""}`).is(http.StatusOK)
		same, out := w.wayOut(t, inbox)
		require.Equal(t, path, same)
		require.Equal(t, "disabled", out["state"])
		require.Equal(t, "the inbox has no access_token: save one", out["disabled_reason"])
		w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).refused(http.StatusConflict, handoff.CodeConflict)

		w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
		same, out = w.wayOut(t, inbox)
		require.Equal(t, path, same, "there is one, and it stays")
		require.Equal(t, "enabled", out["state"])
		w.do(t, "DELETE", inbox, w.adm, nil).is(http.StatusNoContent)
	}
	for _, p := range []handoff.Protocol{handoff.ProtocolAksita, handoff.ProtocolNative} {
		inbox, _ := w.inbox(t, p)
		_, none := w.wayOut(t, inbox)
		require.Nil(t, none)
	}
}

func TestAnInboxsWayOutIsNotChangedByHand(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolKapso, "access_token", metaToken)
	path, _ := w.wayOut(t, inbox)
	for _, change := range []string{
		`{"url":"https://example.com"}`, `{"event_types":["*"]}`, `{"headers":{"A":"b"}}`, `{"state":"disabled","retry":"none"}`, `{"payload":"meta"}`,
		`{"buffer":{}}`, `{"inactivity_minutes":3}`, `{"vendor_secret":"x"}`, `{"payload_version":"v1"}`, `{"ordering":"best_effort"}`,
		`{"rate_limit":0}`, `{"max_in_flight":10}`,
	} {
		refused := w.do(t, "PATCH", path, w.adm, change).refused(http.StatusConflict, handoff.CodeConflict)
		require.Contains(t, refused.text("detail"), "only its state can be changed", change)
	}
	rotated := w.do(t, "POST", path+"/rotate-secret", w.adm, `{}`).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, rotated.text("detail"), "has no secret of its own")
	refused := w.do(t, "DELETE", path, w.adm, nil).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, refused.text("detail"), "remove the token, or disable the endpoint")

	w.do(t, "PATCH", path, w.adm, `{"state":"disabled"}`).is(http.StatusOK)
	w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
	_, out := w.wayOut(t, inbox)
	require.Equal(t, "disabled", out["state"], "what an admin disabled, an admin enables")
	w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).is(http.StatusOK)
}

// sends is a conversation of a Kapso inbox whose agent has just answered, with an image of the customer's that waits for a token.
func (w *configured) sends(t *testing.T) (inbox string, c dbsqlc.Conversation) {
	t.Helper()
	w.graph.AddNumber(w.Inbox.WABAID, w.Inbox.PhoneNumberID, "+1 555-0109")
	inbox = "/v1/inboxes/" + w.Inbox.ID.String()
	w.do(t, "PATCH", inbox, w.adm, map[string]string{"protocol": "kapso"}).is(http.StatusOK)
	w.Inbox.Protocol = handoff.ProtocolKapso
	accepted := w.Accept(t, w.Envelope(map[string]any{
		"contacts": []any{map[string]any{"profile": map[string]string{"name": "John"}, "wa_id": "447700900123"}},
		"messages": []any{map[string]any{
			"from": "447700900123", "id": "wamid.1", "timestamp": "1733670000", "type": "image",
			"image": map[string]string{"id": "300", "mime_type": "image/png"},
		}},
	}), time.Now())
	w.graph.AddMedia("300", "image/png", "", []byte(png))
	snapshot, err := w.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: refOf(accepted.Wakes[0]), Now: time.Now()})
	require.NoError(t, err)
	require.Len(t, snapshot.Media, 1)
	c, err = dbsqlc.New(w.DB).ConversationGet(context.Background(), dbsqlc.ConversationGetParams{AccountID: w.Account.ID, ID: snapshot.Conversation.ID})
	require.NoError(t, err)
	_, err = w.activities.DownloadMedia(context.Background(), activities.MediaInput{Ref: refOf(accepted.Wakes[0]), MediaID: snapshot.Media[0]})
	require.NoError(t, err)
	require.Equal(t, 1, w.Count(t, "media", "state = 'failed' AND failure_code = $1", handoff.FailureNoToken))
	return inbox, c
}

func refOf(w db.Wake) activities.Ref {
	return workflows.NewConversationInput(w.AccountID, w.InboxID, w.ContactID).Ref
}

func TestASavedTokenFetchesTheFilesThatWaitedForIt(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, c := w.sends(t)
	w.Exec(t, "UPDATE wakes SET raised = false, media_pending = 0")
	wakes := len(w.waker.all())
	w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "media", "state = 'pending' AND failure_code IS NULL AND failure_reason IS NULL AND finished_at IS NULL"))
	require.Equal(t, 1, w.Count(t, "wakes", "raised AND media_pending = 1 AND next_signal_at IS NOT NULL"))
	all := w.waker.all()
	require.Len(t, all, wakes+1)
	require.Equal(t, c.ContactID, all[wakes].ContactID)

	conv := workflows.NewConversationInput(w.Account.ID, c.InboxID, c.ContactID)
	snapshot, err := w.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: conv.Ref, Now: time.Now()})
	require.NoError(t, err)
	require.Len(t, snapshot.Media, 1)
	_, err = w.activities.DownloadMedia(context.Background(), activities.MediaInput{Ref: conv.Ref, MediaID: snapshot.Media[0]})
	require.NoError(t, err)
	require.Equal(t, 1, w.Count(t, "media", "state = 'ready'"))
}

func TestFilesThatMetaHasDeletedAreNotFetchedAgain(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.sends(t)
	w.Exec(t, "UPDATE media SET created_at = now() - interval '8 days'")
	w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "media", "state = 'failed'"))
	w.Exec(t, "UPDATE media SET created_at = now(), failure_code = 'too_large'")
	w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "media", "state = 'failed'"), "a token does not make a file smaller")
}

// Meta refuses the token, and everything waits. A good one is saved, and everything leaves.
func TestASavedTokenSendsWhatTheOldOneWasRefusedFor(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, c := w.sends(t)
	w.do(t, "PATCH", inbox, w.adm, map[string]any{"access_token": "EAAold", "validate": false}).is(http.StatusOK)
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
	path, out := w.wayOut(t, inbox)
	deliver := activities.DeliverInput{
		Ref: workflows.NewConversationInput(w.Account.ID, c.InboxID, c.ContactID).Ref, EndpointID: uuidOf(t, out["id"].(string)), Max: 1,
	}
	_, err := w.activities.DeliverWebhooks(context.Background(), deliver)
	require.NoError(t, err)
	refused := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "disabled", refused.text("state"))
	require.Equal(t, 1, w.Count(t, "deliveries", "state = 'held' AND endpoint_id = $1", deliver.EndpointID))
	w.Exec(t, "UPDATE endpoints SET paused_until = now() + interval '1 hour' WHERE id = $1", deliver.EndpointID)
	w.Exec(t, "UPDATE wakes SET raised = false")
	require.False(t, w.do(t, "GET", inbox+"/health", w.adm, nil).is(http.StatusOK).field("ok").(bool))

	wakes := len(w.waker.all())
	w.do(t, "PATCH", inbox, w.adm, map[string]string{"access_token": metaToken}).is(http.StatusOK)
	enabled := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "enabled", enabled.text("state"))
	require.Nil(t, enabled.field("disabled_reason"))
	require.Nil(t, enabled.field("paused_until"))
	require.Equal(t, 1, w.Count(t, "deliveries", "state = 'pending' AND endpoint_id = $1", deliver.EndpointID))
	require.Equal(t, 1, w.Count(t, "wakes", "raised"))
	require.Len(t, w.waker.all(), wakes+1, "one contact is woken once, whatever waits for it")
	_, err = w.activities.DeliverWebhooks(context.Background(), deliver)
	require.NoError(t, err)
	require.Len(t, w.graph.Sent(), 1)
}
