package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
)

func uuidOf(t *testing.T, text string) handoff.ID {
	t.Helper()
	id, err := uuid.Parse(text)
	require.NoError(t, err)
	return id
}

func TestErrorsOfCommands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err        error
		status     int
		code       handoff.Code
		retryAfter string
		kept       int // messages that are still there afterwards
	}{
		"somebody else was faster": {
			err:    &handoff.Error{Code: handoff.CodeConflict, Message: "Ben has it", Assignee: &handoff.AgentRef{ID: handoff.NewID(), Name: "Ben"}},
			status: http.StatusConflict, code: handoff.CodeConflict,
		},
		"the window closed meanwhile": {
			err:    handoff.Errorf(handoff.CodeWindowClosed, "the window is closed"),
			status: http.StatusUnprocessableEntity, code: handoff.CodeWindowClosed,
		},
		"Temporal is away": {
			err:    &handoff.Error{Code: handoff.CodeUnavailable, Message: "later", RetryAfter: 2500 * time.Millisecond},
			status: http.StatusServiceUnavailable, code: handoff.CodeUnavailable, retryAfter: "3", kept: 1,
		},
		"it took too long": {
			err: context.DeadlineExceeded, status: http.StatusServiceUnavailable, code: handoff.CodeUnavailable, retryAfter: "1", kept: 1,
		},
		"a bug": {
			err: errors.New("secret canary 4242"), status: http.StatusInternalServerError, code: handoff.CodeInternal, kept: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
			w.commands.fail = func(string) error { return c.err }
			for _, command := range []string{"/claim", "/resolve"} {
				w.do(t, "POST", path+command, w.ana, nil).refused(c.status, c.code)
			}
			got := w.do(t, "POST", path+"/messages", w.ana, map[string]string{"type": "text", "text": "Hi"}).refused(c.status, c.code)
			require.Equal(t, c.retryAfter, got.header.Get("Retry-After"))
			require.NotContains(t, string(got.body), "canary")
			require.Equal(t, c.kept, w.count(t, "SELECT count(*) FROM messages WHERE direction = 'outbound'"))
			if name == "somebody else was faster" {
				require.Equal(t, "Ben", got.text("assignee.name"))
			}
		})
	}
}

func TestPanicsAreAnsweredWithoutTheirText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/claim"
	w.commands.fail = func(string) error { panic("secret canary 4242") }
	for _, headers := range [][]string{nil, {"Idempotency-Key", "k"}} {
		got := w.do(t, "POST", path, w.ana, nil, headers...).refused(http.StatusInternalServerError, handoff.CodeInternal)
		require.NotContains(t, string(got.body), "canary")
	}
	require.Contains(t, w.log.String(), "canary")
}

// The row shows a conflict, so the workflow is not asked.
func TestTheRowIsAskedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	w.do(t, "POST", path+"/claim", w.ben, nil).is(http.StatusOK)
	calls := w.commands.count()
	got := w.do(t, "POST", path+"/claim", w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	require.Equal(t, "Ben", got.text("assignee.name"))
	w.do(t, "POST", path+"/messages", w.ana, map[string]string{"type": "text", "text": "Hi"}).refused(http.StatusConflict, handoff.CodeConflict)
	require.Equal(t, calls, w.commands.count())
}

func TestOfSimultaneousClaimsOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/claim"
	var mu sync.Mutex
	statuses := map[int]int{}
	var group sync.WaitGroup
	for i := range 6 {
		key := []string{w.ana, w.ben}[i%2]
		group.Go(func() {
			got := w.do(t, "POST", path, key, nil)
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{http.StatusOK: 3, http.StatusConflict: 3}, statuses)
}

func TestEightCommandsOfAConversationAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/claim"
	hold, started := make(chan struct{}), make(chan struct{}, 8)
	w.commands.fail = func(string) error { return nil }
	w.commands.before = func() { started <- struct{}{}; <-hold }
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { w.do(t, "POST", path, w.ana, nil).is(http.StatusOK) })
	}
	for range 8 {
		<-started
	}
	got := w.do(t, "POST", path, w.ana, nil).refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	close(hold)
	group.Wait()
	w.commands.before = nil
	w.do(t, "POST", path, w.ana, nil).is(http.StatusOK)
}

func TestWhoActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	ana := map[string]any{"agent_id": w.Ana.Agent.ID}
	w.do(t, "POST", path+"/claim", w.ben, ana).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "POST", path+"/claim", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "POST", path+"/claim", w.adm, map[string]any{"agent_id": handoff.NewID()}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "POST", path+"/claim", w.adm, map[string]any{"agent_id": w.strangerWorld.Ana.Agent.ID}).
		refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "Ana", w.do(t, "POST", path+"/claim", w.adm, ana).is(http.StatusOK).text("assignee.name"))
	w.do(t, "POST", path+"/messages", w.adm, map[string]string{"type": "text", "text": "Hi"}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "POST", path+"/messages", w.adm, map[string]any{"type": "text", "text": "Hi", "agent_id": w.Ana.Agent.ID}).is(http.StatusCreated)
	note := w.do(t, "POST", path+"/notes", w.adm, map[string]string{"text": "by the back office"}).is(http.StatusCreated)
	require.Equal(t, "system", note.text("author.type"))
	require.Equal(t, "ended", w.do(t, "POST", path+"/resolve", w.adm, nil).is(http.StatusOK).text("status"))
}

func TestMessagesThatCanBeSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String() + "/messages"
	quoted := w.do(t, "GET", path, w.ana, nil).is(http.StatusOK)
	for name, body := range map[string]string{
		"text":        `{"type":"text","text":"héllo \ud83d\ude00"}`,
		"quote":       `{"type":"text","text":"this one","reply_to":"` + quoted.text("items.0.id") + `"}`,
		"image":       `{"type":"image","image":{"link":"https://example.com/a.jpg","caption":"a cat"}}`,
		"template":    `{"type":"template","template":{"name":"hello","language":{"code":"en"}}}`,
		"location":    `{"type":"location","location":{"longitude":-3.70379012345678901234,"latitude":40.4}}`,
		"contacts":    `{"type":"contacts","contacts":[{"name":{"formatted_name":"Ana","first_name":"Ana"}}]}`,
		"reaction":    `{"type":"reaction","reaction":{"message_id":"wamid.A","emoji":"👍"}}`,
		"interactive": `{"type":"interactive","interactive":{"type":"button","body":{"text":"Yes?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}}}`,
	} {
		got := w.do(t, "POST", path, w.ana, body).is(http.StatusCreated)
		require.Equal(t, "queued", got.text("status"), name)
		if name == "quote" {
			require.Equal(t, quoted.text("items.0.id"), got.text("reply_to"))
			require.Equal(t, quoted.text("items.0.external_id"), got.text("reply_to_external_id"))
		}
		if name == "image" {
			require.Equal(t, "a cat", got.text("text"))
		}
	}
	// Meta's object passes through as it was written, up to what jsonb keeps.
	require.Equal(t, 1, w.count(t, `SELECT count(*) FROM messages WHERE content->>'longitude' = '-3.70379012345678901234'`))
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/messages"
	other := w.conversation(t, "447700900124")
	foreign := w.do(t, "GET", "/v1/conversations/"+other.ID.String()+"/messages", w.ana, nil).is(http.StatusOK).text("items.0.id")
	for name, body := range map[string]string{
		"no text":            `{"type":"text"}`,
		"empty":              `{"type":"text","text":"  "}`,
		"too long":           `{"type":"text","text":"` + strings.Repeat("x", 4097) + `"}`,
		"unknown type":       `{"type":"fax","fax":{}}`,
		"two contents":       `{"type":"text","text":"a","image":{"link":"https://example.com"}}`,
		"no content":         `{"type":"image"}`,
		"http link":          `{"type":"image","image":{"link":"http://example.com/a.jpg"}}`,
		"NUL":                `{"type":"text","text":"a\u0000b"}`,
		"NUL inside":         `{"type":"image","image":{"link":"https://example.com/a.jpg","caption":"\u0000"}}`,
		"half a surrogate":   `{"type":"template","template":{"name":"\ud800","language":{"code":"en"}}}`,
		"unknown field":      `{"type":"text","text":"a","to":"447700900123"}`,
		"quote of another's": `{"type":"text","text":"a","reply_to":"` + foreign + `"}`,
		"quote of nothing":   `{"type":"text","text":"a","reply_to":"` + handoff.NewID().String() + `"}`,
	} {
		got := w.do(t, "POST", path, w.ana, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s: %s", name, got.body)
		got.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	w.do(t, "POST", path, w.ana, `{"type":"text"`).refused(http.StatusBadRequest, handoff.CodeMalformed)
	w.do(t, "POST", path, w.ana, nil).refused(http.StatusBadRequest, handoff.CodeMalformed)
}

func TestOutsideTheWindowTemplatesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String() + "/messages"
	_, err := w.DB.Exec(context.Background(), "UPDATE conversations SET window_expires_at = now() - interval '1 second'")
	require.NoError(t, err)
	w.do(t, "POST", path, w.ana, `{"type":"text","text":"late"}`).refused(http.StatusUnprocessableEntity, handoff.CodeWindowClosed)
	w.do(t, "POST", path, w.ana, `{"type":"template","template":{"name":"hello","language":{"code":"en"}}}`).is(http.StatusCreated)
}

// Huma's own errors would repeat the body.
func TestRefusalsNeverRepeatWhatWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	for _, body := range []string{
		`{"type":"text","text":"canary-4242"`, `{"type":7,"text":"canary-4242"}`, `"canary-4242"`, `{"text":["canary-4242"]}`, "canary-4242",
	} {
		for _, route := range []string{"/messages", "/notes", "/resolve"} {
			got := w.do(t, "POST", path+route, w.ana, body)
			require.GreaterOrEqual(t, got.status, 400)
			require.NotContains(t, string(got.body), "canary")
		}
	}
	require.NotContains(t, w.log.String(), "canary")
	require.NotContains(t, w.log.String(), "hk_")
}
