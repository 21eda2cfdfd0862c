package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// failed sends a message that fails.
func (w *world) failed(t *testing.T, path, body string) (id string) {
	t.Helper()
	sent := w.do(t, "POST", path+"/messages", w.ana, body).is(http.StatusCreated)
	w.fail(t, sent.text("id"))
	return sent.text("id")
}

func (w *world) fail(t *testing.T, message string) {
	t.Helper()
	w.Exec(t, "UPDATE messages SET status = 'failed', failure_code = '131000', failure_reason = 'x' WHERE id = $1", uuidOf(t, message))
}

func TestAFailedMessageIsSentAgainAsANewOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	quoted := w.do(t, "GET", path+"/messages", w.ana, nil).is(http.StatusOK).text("items.0.id")
	failed := w.failed(t, path, `{"type":"text","text":"Hi John","reply_to":"`+quoted+`"}`)
	retry := path + "/messages/" + failed + "/retry"

	first := w.do(t, "POST", retry, w.ana, nil, "Idempotency-Key", "k").is(http.StatusCreated)
	require.NotEqual(t, failed, first.text("id"))
	require.Equal(t, failed, first.text("retry_of"))
	require.Equal(t, "Hi John", first.text("text"))
	require.Equal(t, quoted, first.text("reply_to"))
	require.Equal(t, "queued", first.text("status"))
	again := w.do(t, "POST", retry, w.ana, nil, "Idempotency-Key", "k").is(http.StatusCreated)
	require.Equal(t, first.text("id"), again.text("id"))
	w.do(t, "POST", retry, w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.fail(t, first.text("id"))
	second := w.do(t, "POST", retry, w.ana, nil).is(http.StatusCreated)
	require.Equal(t, failed, second.text("retry_of"))
	w.Exec(t, "UPDATE messages SET status = 'delivered' WHERE id = $1", uuidOf(t, second.text("id")))
	w.do(t, "POST", retry, w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	require.Equal(t, 3, w.Count(t, "deliveries", "event_type = 'outbound_message'"), "the first send and two retries")
	require.Equal(t, 1, w.Count(t, "messages", "id = $1 AND status = 'failed'", uuidOf(t, failed)), "what failed stays failed")
}

func TestWhatCannotBeSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	other := "/v1/conversations/" + w.conversation(t, "447700900124").ID.String()
	inbound := w.do(t, "GET", path+"/messages", w.ana, nil).is(http.StatusOK).text("items.0.id")
	queued := w.do(t, "POST", path+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated).text("id")
	for _, id := range []string{inbound, queued} {
		w.do(t, "POST", path+"/messages/"+id+"/retry", w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	}
	w.fail(t, inbound)
	w.do(t, "POST", path+"/messages/"+inbound+"/retry", w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	failed := w.failed(t, path, `{"type":"text","text":"Hello"}`)
	w.do(t, "POST", other+"/messages/"+failed+"/retry", w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path+"/messages/"+handoff.NewID().String()+"/retry", w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path+"/messages/"+failed+"/retry", w.strangerAgent, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path+"/messages/"+failed+"/retry", w.ben, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.Exec(t, "UPDATE conversations SET window_expires_at = now() - interval '1 second'")
	w.do(t, "POST", path+"/messages/"+failed+"/retry", w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeWindowClosed)
	require.Zero(t, w.Count(t, "messages", "retry_of IS NOT NULL"), "what was refused left nothing behind")
}

func TestOfSimultaneousRetriesOneIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	failed := w.failed(t, path, `{"type":"text","text":"Hi"}`)
	statuses := map[int]int{}
	for _, a := range w.parallel(t, 6, "POST", path+"/messages/"+failed+"/retry", w.ana, nil) {
		statuses[a.status]++
	}
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 5}, statuses)
	require.Equal(t, 1, w.Count(t, "messages", "retry_of IS NOT NULL"))
}

// Temporal was away: whether the retry leaves is open for a while, and then it is not under way any more.
func TestARetryThatNobodyTookUpIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	w.at(t, &now)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	failed := w.failed(t, path, `{"type":"text","text":"Hi"}`)
	w.commands.fail = func(string) error { return &handoff.Error{Code: handoff.CodeUnavailable, Message: "later"} }
	w.do(t, "POST", path+"/messages/"+failed+"/retry", w.ana, nil).refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	w.commands.fail = nil
	w.do(t, "POST", path+"/messages/"+failed+"/retry", w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	now = now.Add(2*time.Minute + time.Second)
	w.do(t, "POST", path+"/messages/"+failed+"/retry", w.ana, nil).is(http.StatusCreated)
	require.Equal(t, 1, w.Count(t, "messages", "retry_of IS NOT NULL"))
}
