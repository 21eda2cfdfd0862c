package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

const (
	taken   = `{"offloadSuccess":true,"pauseBot":true}`
	refused = `{"offloadSuccess":false,"pauseBot":false}`
)

func chatlayerPath(inbox dbsqlc.Inbox) string {
	return "/v1/chatlayer/" + inbox.ID.String() + "?challenge.verifyToken=" + fixture.VerifyToken
}

func chatlayerMessages(session string) string {
	return `{"botId":"` + fixture.BotID + `","version":"LIVE","sessionId":"` + session + `","event":"messages","messages":[` + chatlayerTurns + `]}`
}

func chatlayerOffload(session string) string {
	return `{"botId":"` + fixture.BotID + `","version":"LIVE","sessionId":"` + session + `","event":"offload","timestamp":"2026-06-08T09:15:00Z",` +
		`"payload":{"reason":"asked for a person"},"transcript":[` + chatlayerTurns + `]}`
}

const chatlayerTurns = `{"actor":"bot","message":{"text":"Hi, I'm a chatbot"},"timestamp":"2026-06-08T09:14:00Z"},` +
	`{"actor":"user","message":{"messageType":"text","text":"I want a person"},"timestamp":"2026-06-08T09:14:30Z"}`

// apply takes in what a wake is about, as its workflow does.
func (w *world) apply(t *testing.T, wake db.Wake) activities.Snapshot {
	t.Helper()
	snapshot, err := w.activities.ApplyInbound(t.Context(), activities.ApplyInboundInput{
		Ref: activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}, Now: time.Now(),
	})
	require.NoError(t, err)
	return snapshot
}

func TestChatlayersHealthCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	got := w.do(t, "GET", chatlayerPath(inbox), "", nil).is(http.StatusOK)
	require.JSONEq(t, `{"status":"ok"}`, string(got.body))
}

// Nobody can try out which inboxes there are.
func TestDelivery_38_ChatlayersRequestsWithoutTheRightTokenAreAllRefusedAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	tokenless := w.AddInbox(t, handoff.ProtocolChatlayer, func(row *dbsqlc.InboxInsertParams) { row.VerifyToken = nil })
	deleted := w.AddInbox(t, handoff.ProtocolChatlayer)
	w.Exec(t, "UPDATE inboxes SET deleted_at = now() WHERE id = $1", deleted.ID)
	answers := map[string]bool{}
	for name, path := range map[string]string{
		"wrong token":    strings.Replace(chatlayerPath(inbox), fixture.VerifyToken, "guess", 1),
		"longer token":   chatlayerPath(inbox) + "x",
		"no token":       "/v1/chatlayer/" + inbox.ID.String(),
		"empty token":    "/v1/chatlayer/" + tokenless.ID.String() + "?challenge.verifyToken=",
		"none saved":     chatlayerPath(tokenless),
		"another inbox":  chatlayerPath(w.AddInbox(t, handoff.ProtocolNative)),
		"deleted":        chatlayerPath(deleted),
		"no such inbox":  chatlayerPath(dbsqlc.Inbox{ID: handoff.NewID()}),
		"no id of ours":  "/v1/chatlayer/1?challenge.verifyToken=" + fixture.VerifyToken,
		"our own key of": "/v1/chatlayer/" + inbox.ID.String() + "?challenge.verifyToken=" + w.adm,
	} {
		for _, method := range []string{"GET", "POST"} {
			got := w.do(t, method, path, "", chatlayerOffload("s"), "X-Request-Id", "same").refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
			answers[string(got.body)] = true
			require.Len(t, answers, 1, "%s %s", method, name)
		}
	}
	require.Zero(t, w.Count(t, "receipts", "true"))
}

func TestWhatABotSaysIsKeptAndWakesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	w.do(t, "POST", chatlayerPath(inbox), "", chatlayerMessages("s"), "Idempotency-Key", "not ours").is(http.StatusOK)
	require.Equal(t, 2, w.Count(t, "messages", "shadow AND conversation_id IS NULL"))
	require.Zero(t, w.Count(t, "wakes", "raised"))
	require.Empty(t, w.waker.all())

	before := w.Dump(t)
	w.do(t, "POST", chatlayerPath(inbox), "", chatlayerMessages("s")).is(http.StatusOK)
	w.RequireUnchanged(t, before)
}

func TestAnOffloadIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	w.do(t, "POST", chatlayerPath(inbox), "", chatlayerMessages("s")).is(http.StatusOK)
	got := w.do(t, "POST", chatlayerPath(inbox), "", chatlayerOffload("s")).is(http.StatusOK)
	require.Equal(t, taken, string(got.body))
	require.Len(t, w.waker.all(), 1)
	snapshot := w.apply(t, w.waker.all()[0])
	require.Equal(t, handoff.StatusWaiting, snapshot.Conversation.Status)
	require.Equal(t, 3, w.Count(t, "messages", "conversation_id = $1", snapshot.Conversation.ID), "two turns, once each, and the offload")

	before := w.Dump(t)
	got = w.do(t, "POST", chatlayerPath(inbox), "", chatlayerOffload("s")).is(http.StatusOK)
	require.Equal(t, taken, string(got.body))
	w.RequireUnchanged(t, before)
}

func TestAnOffloadThatNobodyCanTakeGoesBackToTheBot(t *testing.T) {
	t.Parallel()
	inTwoDays := strings.ToLower(time.Now().UTC().Add(48 * time.Hour).Format("Mon"))
	hours, err := json.Marshal(handoff.Hours{{Days: []string{inTwoDays}, From: "09:00", To: "17:00"}})
	require.NoError(t, err)
	one := int32(1)
	for name, change := range map[string]func(*dbsqlc.InboxInsertParams){
		"closed by hand": func(row *dbsqlc.InboxInsertParams) { row.Accepting = false },
		"out of hours":   func(row *dbsqlc.InboxInsertParams) { row.Hours = hours },
		"queue full":     func(row *dbsqlc.InboxInsertParams) { row.QueueLimit = &one },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			inbox := w.AddInbox(t, handoff.ProtocolChatlayer, change)
			if inbox.QueueLimit != nil {
				w.do(t, "POST", chatlayerPath(inbox), "", chatlayerOffload("first")).is(http.StatusOK)
				again := strings.Replace(chatlayerOffload("first"), "09:15:00", "09:16:00", 1)
				require.Equal(t, taken, string(w.do(t, "POST", chatlayerPath(inbox), "", again).body), "who is in the queue stays")
			}
			messages, wakes := w.Count(t, "messages", "true"), len(w.waker.all())
			got := w.do(t, "POST", chatlayerPath(inbox), "", chatlayerOffload("s")).is(http.StatusOK)
			require.Equal(t, refused, string(got.body))
			require.Equal(t, messages, w.Count(t, "messages", "true"))
			require.Len(t, w.waker.all(), wakes)
			require.Equal(t, 1, w.Count(t, "receipt_items", "outcome = 'refused'"))
		})
	}
}

func TestOffloadsAtOnceFillTheQueueAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	limit := int32(5)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer, func(row *dbsqlc.InboxInsertParams) { row.QueueLimit = &limit })
	answers := make([]string, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			got := w.do(t, "POST", chatlayerPath(inbox), "", chatlayerOffload(fmt.Sprint("s", i)))
			answers[i] = string(got.body)
		})
	}
	all.Wait()
	accepted := 0
	for _, answer := range answers {
		if answer == taken {
			accepted++
			continue
		}
		require.Equal(t, refused, answer)
	}
	require.Equal(t, 5, accepted)
}

func TestABodyThatIsNotForTheBotOfTheInboxIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	got := w.do(t, "POST", chatlayerPath(inbox), "", strings.Replace(chatlayerOffload("s"), fixture.BotID, "another", 1)).
		refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "body.botId", got.text("errors.0.location"))
	w.do(t, "POST", chatlayerPath(inbox), "", `{"event":`).refused(http.StatusBadRequest, handoff.CodeMalformed)
	w.do(t, "POST", chatlayerPath(inbox), "", `{"event":"weather","sessionId":"s"}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Zero(t, w.Count(t, "receipts", "true"))
}

// A 200 says that it is stored; anything else makes Chatlayer repeat it.
func TestAnOffloadThatCannotBeStoredFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	w.DB.(*pgxpool.Pool).Close()
	got := w.do(t, "POST", chatlayerPath(inbox), "", chatlayerOffload("s"))
	require.GreaterOrEqual(t, got.status, 500)
	require.NotContains(t, w.log.String(), fixture.VerifyToken)
}
