package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/survey"
)

// at builds the API with a clock that the test moves.
func (w *world) at(t *testing.T, now *time.Time) {
	t.Helper()
	w.deps.Now = func() time.Time { return *now }
	w.serve(t)
}

func TestGatewaysRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	w.at(t, &now)
	c := w.conversation(t, "447700900123")
	other := w.conversation(t, "447700900124")
	conversation := "/v1/conversations/" + c.ID.String()
	w.do(t, "POST", conversation+"/claim", w.ana, nil).is(http.StatusOK)
	w.do(t, "GET", conversation+"/rating", w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)

	path := "/v1/inboxes/" + w.Inbox.ID.String() + "/ratings"
	given := w.do(t, "POST", path, w.gateway, map[string]any{"conversation_id": c.ID, "score": 4, "comment": " quick \r\nhelp "}).is(http.StatusCreated)
	require.Equal(t, "quick \nhelp", given.text("comment"))
	require.Equal(t, "Ana", given.text("agent.name"))
	require.Equal(t, "gateway", given.text("via"))
	now = now.Add(23 * time.Hour)
	changed := w.do(t, "POST", path, w.gateway, map[string]any{"contact": map[string]string{"phone": "+44 7700 900123"}, "score": 2}).is(http.StatusCreated)
	require.Equal(t, c.ID.String(), changed.text("conversation_id"))
	require.Equal(t, given.text("given_at"), changed.text("given_at"))
	now = now.Add(time.Hour)
	w.do(t, "POST", path, w.gateway, map[string]any{"conversation_id": c.ID, "score": 5}).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", path, w.gateway, map[string]any{"conversation_id": c.ID, "score": 2}).is(http.StatusCreated)
	require.EqualValues(t, 2, w.do(t, "GET", conversation+"/rating", w.ben, nil).is(http.StatusOK).field("score"))
	require.Equal(t, []map[string]any{{"score": 4.0}, {"score": 2.0}}, w.told(t, c.ID, handoff.EventRated), "never a comment")
	require.Equal(t, 2, w.Count(t, "events", "type = 'conversation.rated' AND actor_type = 'contact'"))

	for name, body := range map[string]any{
		"no conversation":  map[string]any{"score": 3},
		"both":             map[string]any{"score": 3, "conversation_id": c.ID, "contact": map[string]string{"id": "x"}},
		"an unknown one":   map[string]any{"score": 3, "conversation_id": handoff.NewID()},
		"nobody":           map[string]any{"score": 3, "contact": map[string]string{"id": "447700900123"}},
		"empty":            map[string]any{"score": 3, "contact": map[string]string{}},
		"six":              map[string]any{"score": 6, "conversation_id": other.ID},
		"zero":             map[string]any{"score": 0, "conversation_id": other.ID},
		"a NUL":            map[string]any{"score": 3, "conversation_id": other.ID, "comment": "a\x00"},
		"a long comment":   map[string]any{"score": 3, "conversation_id": other.ID, "comment": strings.Repeat("x", 1001)},
		"no score":         map[string]any{"conversation_id": other.ID},
		"somebody else's":  map[string]any{"score": 3, "conversation_id": w.conversationOf(t, w.strangerWorld, "447700900123").ID},
		"no phone of ours": map[string]any{"score": 3, "contact": map[string]string{"phone": "call me"}},
	} {
		got := w.do(t, "POST", path, w.gateway, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s: %s", name, got.body)
	}
	require.Equal(t, 1, w.Count(t, "ratings", "true"))
	w.do(t, "POST", path, w.strangerGateway, map[string]any{"conversation_id": c.ID, "score": 3}).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path, w.ana, map[string]any{"conversation_id": c.ID, "score": 3}).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "GET", conversation+"/rating", w.strangerAgent, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
}

func TestRatingsAreListedAndSummedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().UTC().Truncate(time.Second)
	w.at(t, &now)
	path := "/v1/inboxes/" + w.Inbox.ID.String() + "/ratings"
	for i, phone := range []string{"447700900121", "447700900122", "447700900123", "447700900124"} {
		c := w.conversation(t, phone)
		if i < 3 {
			w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/claim", []string{w.ana, w.ana, w.ben}[i], nil).is(http.StatusOK)
		}
		w.do(t, "POST", path, w.gateway, map[string]any{"conversation_id": c.ID, "score": i + 1}).is(http.StatusCreated)
		now = now.Add(time.Hour)
	}
	page := w.do(t, "GET", "/v1/ratings?limit=3", w.ana, nil).is(http.StatusOK)
	require.EqualValues(t, 4, page.field("items.0.score"), "the latest first")
	page = w.do(t, "GET", "/v1/ratings?limit=3&cursor="+page.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	require.EqualValues(t, 1, page.field("items.0.score"))
	require.Empty(t, page.text("next_cursor"))
	since := url.QueryEscape(now.Add(-2 * time.Hour).Format(time.RFC3339))
	for query, n := range map[string]int{
		"?agent_id=" + w.Ana.Agent.ID.String(): 2, "?score=3": 1, "?since=" + since: 2, "?until=" + since: 2, "?inbox_id=" + handoff.NewID().String(): 0,
	} {
		require.Len(t, w.do(t, "GET", "/v1/ratings"+query, w.ana, nil).is(http.StatusOK).field("items"), n, query)
	}

	sum := w.do(t, "GET", "/v1/ratings/summary", w.adm, nil).is(http.StatusOK)
	require.EqualValues(t, 4, sum.field("count"))
	require.InDelta(t, 2.5, sum.field("average"), 1e-9)
	require.Equal(t, map[string]any{"1": 1.0, "2": 1.0, "3": 1.0, "4": 1.0, "5": 0.0}, sum.field("by_score"))
	require.Len(t, sum.field("by_agent"), 3)
	require.Equal(t, "Ana", sum.text("by_agent.0.agent.name"))
	require.InDelta(t, 1.5, sum.field("by_agent.0.average"), 1e-9)
	require.EqualValues(t, 2, sum.field("by_agent.0.count"))
	require.Nil(t, sum.field("by_agent.2.agent"))
	require.EqualValues(t, 2, w.do(t, "GET", "/v1/ratings/summary?since="+since, w.ana, nil).is(http.StatusOK).field("count"))
	empty := w.do(t, "GET", "/v1/ratings/summary", w.strangerAgent, nil).is(http.StatusOK)
	require.EqualValues(t, 0, empty.field("count"))
	require.Nil(t, empty.field("average"))
	require.Empty(t, w.do(t, "GET", "/v1/ratings", w.strangerAgent, nil).is(http.StatusOK).field("items"))
}

func TestContactsRateByTheLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().UTC().Truncate(time.Second)
	w.at(t, &now)
	c := w.conversation(t, "447700900123")
	link, err := survey.Links(w.Box, "https://handoff.example")(c.AccountID, c.ID, now)
	require.NoError(t, err)
	path := strings.TrimPrefix(link, "https://handoff.example")
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}

	page := w.do(t, "GET", path, "", nil).is(http.StatusOK)
	require.Equal(t, 5, strings.Count(string(page.body), `type="radio"`))
	require.NotContains(t, string(page.body), "checked")
	w.do(t, "POST", path, "", "comment=hello", form...).is(http.StatusUnprocessableEntity)
	w.do(t, "POST", path, "", "score=6", form...).is(http.StatusUnprocessableEntity)
	long := w.do(t, "POST", path, "", "score=3&comment="+strings.Repeat("x", 1001), form...).is(http.StatusUnprocessableEntity)
	require.Contains(t, string(long.body), strings.Repeat("x", 1001), "what was typed is still there")
	require.Zero(t, w.Count(t, "ratings", "true"))

	sent := w.do(t, "POST", path, "", "score=5&comment=%3Cscript%3E+%26+thanks", form...).is(http.StatusSeeOther)
	require.Equal(t, strings.TrimPrefix(path, "/r/"), sent.header.Get("Location"))
	page = w.do(t, "GET", path, "", nil).is(http.StatusOK)
	require.Contains(t, string(page.body), "You gave 5 of 5")
	require.Contains(t, string(page.body), `value="5" required checked`)
	require.Contains(t, string(page.body), "&lt;script&gt; &amp; thanks")
	now = now.Add(24*time.Hour - time.Second)
	w.do(t, "POST", path, "", "score=1", form...).is(http.StatusSeeOther)
	now = now.Add(time.Second)
	page = w.do(t, "GET", path, "", nil).is(http.StatusOK)
	require.Contains(t, string(page.body), "You gave 1 of 5")
	require.NotContains(t, string(page.body), "<form")
	w.do(t, "POST", path, "", "score=4", form...).is(http.StatusSeeOther)
	rating := w.do(t, "GET", "/v1/conversations/"+c.ID.String()+"/rating", w.ana, nil).is(http.StatusOK)
	require.EqualValues(t, 1, rating.field("score"))
	require.Equal(t, "link", rating.text("via"))
	require.Len(t, w.told(t, c.ID, handoff.EventRated), 2)
	require.NotContains(t, w.log.String(), strings.TrimPrefix(path, "/r/"), "a link opens the survey for whoever reads the log")

	now = now.Add(survey.Life)
	expired := w.do(t, "GET", path, "", nil).is(http.StatusNotFound)
	for _, dead := range []string{"/r/x", path + "x", path[:len(path)-1]} {
		require.Equal(t, string(expired.body), string(w.do(t, "GET", dead, "", nil).is(http.StatusNotFound).body), "no link tells more than another")
		w.do(t, "POST", dead, "", "score=1", form...).is(http.StatusNotFound)
	}
}

func TestTheSurveysPageLoadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	token, err := survey.Tokens{Sealer: w.Box}.Make(c.AccountID, c.ID, time.Now().Add(time.Hour))
	require.NoError(t, err)
	for path, status := range map[string]int{"/r/" + token: http.StatusOK, "/r/nothing": http.StatusNotFound} {
		page := w.do(t, "GET", path, "", nil).is(status)
		text := string(page.body)
		require.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
		_, style, _ := strings.Cut(text, "<style>")
		style, _, _ = strings.Cut(style, "</style>")
		sum := sha256.Sum256([]byte(style))
		policy := page.header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "the policy lets the page's own style in")
		require.NotContains(t, policy, "unsafe")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.Equal(t, "no-referrer", page.header.Get("Referrer-Policy"))
		require.Equal(t, "no-store", page.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))
		require.NotContains(t, text, "<script")
		require.NotContains(t, text, "://")
		require.NotContains(t, text, "src=")
	}
}
