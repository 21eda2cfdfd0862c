package api_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/protocol/hitlchat"
	"handoff/workflows"
)

func TestAnInboxSwitchesItsModeAndItsEndpointsFollow(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolHitlChat)
	gateway, _ := w.endpoint(t, inbox)
	own, _ := w.endpoint(t, inbox, "event_types", []string{"message.*"})
	for _, step := range []struct {
		to      string
		gateway []any
		payload string
		own     []any
	}{
		{"kapso", []any{
			"whatsapp.conversation.created", "whatsapp.conversation.ended", "whatsapp.conversation.inactive", "whatsapp.message.delivered",
			"whatsapp.message.failed", "whatsapp.message.read", "whatsapp.message.received", "whatsapp.message.sent",
		}, "events", []any{"message.*"}},
		{"hitlchat", []any{"conversation_resolved", "outbound_message"}, "events", []any{"message.*"}},
		{"passthrough", []any{"meta"}, "meta", []any{"meta"}},
		{"hitlchat", []any{"conversation_resolved", "outbound_message"}, "events", []any{"conversation_resolved", "outbound_message"}},
	} {
		switched := w.do(t, "PATCH", inbox, w.adm, map[string]string{"protocol": step.to}).is(http.StatusOK)
		require.Equal(t, step.to, switched.text("protocol"))
		got := w.do(t, "GET", gateway, w.adm, nil).is(http.StatusOK)
		require.Equal(t, step.gateway, got.field("event_types"))
		require.Equal(t, step.payload, got.text("payload"))
		require.Equal(t, step.to == "kapso", got.field("inactivity_minutes") != nil)
		require.Equal(t, step.own, w.do(t, "GET", own, w.adm, nil).is(http.StatusOK).field("event_types"))
		if step.to == "kapso" {
			require.NotEmpty(t, switched.text("verify_token"), "Kapso's inboxes are posted to by Meta, which names itself")
			w.do(t, "PATCH", gateway, w.adm, `{"vendor_secret":"x","payload_version":"v1","buffer":{}}`).is(http.StatusOK)
			continue
		}
		require.Nil(t, switched.field("verify_token"), "it has one already")
		require.Equal(t, false, got.field("vendor_secret_set"))
		require.Equal(t, "v2", got.text("payload_version"))
		require.Nil(t, got.field("buffer"))
	}
}

func TestAModeThatAnInboxCannotSwitchTo(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	for from, to := range map[handoff.Protocol]string{
		handoff.ProtocolKapso: "native", handoff.ProtocolChatlayer: "hitlchat", handoff.ProtocolNative: "aksita", handoff.ProtocolAksita: "native",
	} {
		inbox, _ := w.inbox(t, from)
		change := map[string]any{"protocol": to}
		if to == "hitlchat" {
			change["waba_id"], change["phone_number_id"] = "1", "2"
		}
		refused := w.do(t, "PATCH", inbox, w.adm, change).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, refused.text("detail"), "make a new inbox")
	}
}

func TestAnInboxThatIsBusyKeepsItsMode(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox := "/v1/inboxes/" + w.Inbox.ID.String()
	refused := func(says string) {
		t.Helper()
		got := w.do(t, "PATCH", inbox, w.adm, `{"protocol":"kapso"}`).refused(http.StatusConflict, handoff.CodeConflict)
		require.Contains(t, got.text("detail"), "while it has "+says+":")
		require.Equal(t, "hitlchat", w.do(t, "GET", inbox, w.adm, nil).text("protocol"))
	}
	w.Accept(t, w.Body("447700900122", "Hello"), time.Now())
	refused("1 accepted message that is not applied yet")
	first := w.conversation(t, "447700900123")
	refused("1 open conversation and 1 accepted message that is not applied yet")
	w.conversation(t, "447700900124")
	w.do(t, "POST", "/v1/conversations/"+first.ID.String()+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
	refused("2 open conversations, 1 accepted message that is not applied yet and 1 webhook or call on its way")
	w.Exec(t, "UPDATE receipt_items SET outcome = 'applied' WHERE outcome = 'accepted'")
	w.Exec(t, "UPDATE conversations SET status = 'ended', end_reason = 'admin', ended_at = now()")
	endpoint := "/v1/endpoints/" + w.Endpoint.ID.String()
	w.do(t, "PATCH", endpoint, w.adm, `{"state":"disabled"}`).is(http.StatusOK)
	refused("1 webhook or call on its way")
	w.do(t, "DELETE", endpoint, w.adm, nil).is(http.StatusNoContent)
	w.do(t, "PATCH", inbox, w.adm, `{"protocol":"kapso"}`).is(http.StatusOK)
}

// A message that is accepted while the mode changes is accepted in the old mode, and the change is refused, or in the new one.
func TestAMessageDuringASwitchIsInOneModeOrTheOther(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox := "/v1/inboxes/" + w.Inbox.ID.String()
	switched := 0
	for n := range 60 {
		from, to := "hitlchat", "passthrough"
		w.do(t, "PATCH", inbox, w.adm, map[string]string{"protocol": from}).is(http.StatusOK)
		parsed, err := hitlchat.Parse(w.Body(fmt.Sprintf("4477009%05d", n), "Hello"))
		require.NoError(t, err)
		var together sync.WaitGroup
		var accepted db.Accepted
		var refused error
		var change answer
		together.Go(func() {
			accepted, refused = db.Accept(context.Background(), w.DB, db.NewReceipt{
				AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: fmt.Appendf(nil, "body %d", n), Items: parsed.Items, At: time.Now(),
			})
		})
		together.Go(func() { change = w.do(t, "PATCH", inbox, w.adm, map[string]string{"protocol": to}) })
		together.Wait()
		require.NoError(t, refused)
		if change.status == http.StatusConflict {
			require.Equal(t, db.OutcomeAccepted, accepted.Items[0].Outcome)
			require.Equal(t, "hitlchat", w.do(t, "GET", inbox, w.adm, nil).text("protocol"))
		} else {
			switched++
			change.is(http.StatusOK)
			require.Equal(t, db.OutcomeForwarded, accepted.Items[0].Outcome, "in the new mode nothing is a conversation's")
		}
		w.settle(t)
	}
	t.Logf("%d of 60 switches won", switched)
}

// settle makes an inbox idle again.
func (w *configured) settle(t *testing.T) {
	t.Helper()
	w.Exec(t, "UPDATE receipt_items SET outcome = 'applied' WHERE outcome = 'accepted'")
	w.Exec(t, "UPDATE deliveries SET state = 'delivered', next_attempt_at = NULL WHERE state = 'pending'")
}

// What is being accepted holds a switch up, and nothing else does.
func TestASwitchWaitsForWhatIsBeingAccepted(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox := "/v1/inboxes/" + w.Inbox.ID.String()
	tx, err := w.DB.Begin(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	body := w.Body("447700900123", "Hello")
	parsed, err := hitlchat.Parse(body)
	require.NoError(t, err)
	require.NoError(t, dbsqlc.New(tx).ProtocolShare(context.Background(), w.Account.ID.String()), "as intake begins")
	w.do(t, "PATCH", inbox, w.adm, `{"name":"Renamed meanwhile"}`).is(http.StatusOK)

	done, kapso, a := make(chan error, 1), handoff.ProtocolKapso, w.admin()
	go func() {
		_, err := a.UpdateInbox(context.Background(), w.Account.ID, w.Inbox.ID, admin.InboxFields{Protocol: &kapso})
		done <- err
	}()
	require.Eventually(t, func() bool {
		return w.Count(t, "pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock'") == 1
	}, 5*time.Second, time.Millisecond)
	_, err = db.Accept(context.Background(), tx, db.NewReceipt{
		AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: parsed.Items, At: time.Now(),
	})
	require.NoError(t, err)
	require.NoError(t, tx.Commit(context.Background()))
	refused := <-done
	require.Equal(t, handoff.CodeConflict, handoff.ErrorCode(refused))
	require.Contains(t, refused.Error(), "1 accepted message")
}

// Two admins who change an inbox at once do not undo each other's change.
func TestAnOldCopyOfAnInboxIsNotSaved(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, made := w.inbox(t, handoff.ProtocolHitlChat)
	a := w.admin()
	var late answer
	w.graph.AddNumber("3", "4", "+1 555-0101")
	waba, number, token := "3", "4", metaToken
	first := true
	a.Check = checkFunc(func() {
		if first {
			first = false
			late = w.do(t, "PATCH", inbox, w.adm, `{"protocol":"kapso"}`)
		}
	}, w.asks().Check)
	_, err := a.UpdateInbox(context.Background(), w.Account.ID, uuidOf(t, made.text("id")), inboxOf(&waba, &number, &token))
	late.is(http.StatusOK)
	require.Equal(t, handoff.CodeConflict, handoff.ErrorCode(err))
	require.Contains(t, err.Error(), "somebody else has just changed the inbox")
	require.Equal(t, "kapso", w.do(t, "GET", inbox, w.adm, nil).text("protocol"))
}

func TestAConversationOfTheOldModeEndsInIt(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	c := w.conversation(t, "447700900123")
	w.do(t, "PATCH", "/v1/inboxes/"+w.Inbox.ID.String(), w.adm, `{"protocol":"kapso"}`).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/resolve", w.ana, nil).is(http.StatusOK)
	deliver := activities.DeliverInput{
		Ref: workflows.NewConversationInput(w.Account.ID, c.InboxID, c.ContactID).Ref, EndpointID: w.Endpoint.ID, Max: 5,
	}
	_, err := w.activities.DeliverWebhooks(context.Background(), deliver)
	require.NoError(t, err)
	require.Contains(t, w.Gateway.Requests()[0].Body, "conversation_resolved")
	w.do(t, "PATCH", "/v1/inboxes/"+w.Inbox.ID.String(), w.adm, `{"protocol":"kapso"}`).is(http.StatusOK)
}
