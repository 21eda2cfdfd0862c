package api_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func madeUpCursor(list, position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"l":"` + list + `","p":` + position + `}`))
}

// A cursor is whatever a client sends: one that nobody gave is refused, or leads nowhere, and never fails the server.
func TestMadeUpCursorsAreNoFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	conversation, id := "/v1/conversations/"+c.ID.String(), handoff.NewID().String()
	view := w.do(t, "POST", "/v1/views", w.adm, `{"name":"All","filters":{}}`).is(http.StatusCreated).text("id")
	positions := []string{
		"null", "-1", "9223372036854775807", "18446744073709551615", "1e30", `"\u0000"`, `"` + id + `"`, "[]", "{}",
		`{"t":18446744073709551615,"n":0}`, `{"t":1,"n":18446744073709551615}`, `{"t":9223372036854775808,"n":9223372036854775808}`,
		`{"at":"0000-01-01T00:00:00Z","id":"` + id + `","inbox":"` + id + `","priority":1}`, `{"at":"9999-12-31T23:59:59Z","id":"` + id + `","inbox":"` + id + `"}`,
		`{"at":"2026-01-01T00:00:00Z"}`, `{"id":"` + id + `"}`, `{"at":"2026-01-01T00:00:00Z","id":"` + id + `"}`, `{"priority":-32768}`,
	}
	for path, list := range map[string]string{
		"/v1/agents?": "agents", "/v1/api-keys?": "api-keys", "/v1/audit-log?": "audit-log", "/v1/contacts?": "contacts", "/v1/deliveries?": "deliveries",
		"/v1/contacts/" + c.ContactID.String() + "/conversations?": "contact-conversations", "/v1/erasures?": "erasures", "/v1/events?": "events",
		"/v1/conversations?": "conversations-newest", "/v1/conversations?sort=queue&": "conversations-queue", "/v1/views/" + view + "/conversations?": "conversations-newest",
		"/v1/exports/conversations?": "export-conversations", "/v1/inboxes?": "inboxes", "/v1/mentions?": "mentions", "/v1/quick-replies?": "quick-replies",
		"/v1/ratings?": "ratings", "/v1/views?": "views", "/v1/search?q=hello&": "search", "/v1/teams?": "teams", conversation + "/events?": "conversation-events",
		conversation + "/messages?": "messages-asc", conversation + "/notes?": "notes", conversation + "/scheduled-messages?": "scheduled-messages",
	} {
		for _, position := range positions {
			got := w.do(t, "GET", path+"cursor="+madeUpCursor(list, position), w.adm, nil)
			require.Less(t, got.status, 500, "%s %s: %s", path, position, got.body)
		}
	}
	for list, body := range map[string]map[string]any{
		"recover": {"since": "2026-01-01T00:00:00Z"}, "replay": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
	} {
		for _, position := range positions {
			body["cursor"] = madeUpCursor(list, position)
			got := w.do(t, "POST", "/v1/endpoints/"+w.Endpoint.ID.String()+"/"+list, w.adm, body)
			require.Less(t, got.status, 500, "%s %s: %s", list, position, got.body)
		}
	}
	// A stream would look for what comes after it again and again.
	beyond := madeUpCursor("events", `{"t":1,"n":18446744073709551615}`)
	w.do(t, "GET", "/v1/events/stream?cursor="+beyond, w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", "/v1/events/stream", w.ana, nil, "Last-Event-ID", beyond).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.NotContains(t, w.log.String(), `"level":"ERROR"`)
}
