package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/registry"
)

// talk is a conversation in an inbox of some protocol.
type talk struct {
	ref activities.Ref
	id  handoff.ID
}

// inboxesOfAllProtocols have, each, an endpoint for every event of ours and every one of its vendor's.
func (w *world) inboxesOfAllProtocols(t *testing.T) []dbsqlc.Inbox {
	t.Helper()
	var inboxes []dbsqlc.Inbox
	own := w.Inbox
	for _, p := range registry.All {
		w.Inbox = w.AddInbox(t, p.Name)
		w.AddEndpoint(t, w.Gateway, append([]string{"*", "note.added", "note.*"}, p.Events...)...)
		inboxes = append(inboxes, w.Inbox)
	}
	w.Inbox = own
	return inboxes
}

// open opens a conversation by an offload, which every protocol's inbox takes.
func (w *world) open(t *testing.T, inbox dbsqlc.Inbox, session string) talk {
	t.Helper()
	accepted, err := db.Accept(t.Context(), w.DB, db.NewReceipt{
		AccountID: inbox.AccountID, InboxID: &inbox.ID, Protocol: inbox.Protocol, Body: []byte(`{"n":"` + session + `"}`), At: time.Now(),
		Items: []handoff.Item{{
			Kind: handoff.ItemOffload, ExternalID: session, Offload: &handoff.ItemOffloadBody{Reason: "asks for a person", Source: handoff.SourceGateway},
			Contact: &handoff.ItemContact{Name: "John", Identities: []handoff.Identity{
				{Kind: handoff.IdentitySession, Value: session}, {Kind: handoff.IdentityPhone, Value: "4477" + session},
			}},
		}},
	})
	require.NoError(t, err)
	require.Len(t, accepted.Wakes, 1, "%s: %+v", inbox.Protocol, accepted.Items)
	ref := activities.Ref{AccountID: inbox.AccountID, InboxID: inbox.ID, ContactID: accepted.Wakes[0].ContactID}
	snapshot, err := w.activities.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: ref, Now: time.Now()})
	require.NoError(t, err)
	return talk{ref, snapshot.Conversation.ID}
}

// carriers are all places from which something leaves, or which somebody outside is shown.
var carriers = map[string]string{
	"deliveries": "convert_from(body, 'UTF8')", "receipts": "convert_from(body, 'UTF8')", "messages": "content::text || coalesce(text, '')",
	"events": "data::text", "delivery_attempts": "coalesce(response_excerpt, '') || coalesce(error, '')", "ratings": "comment",
}

// Notes never leave: however one is added, in an inbox of whatever protocol, its text is in nothing that goes out.
func TestNoNoteLeavesByAnyWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inboxes := w.inboxesOfAllProtocols(t)
	game := 0
	rapid.Check(t, func(r *rapid.T) {
		game++
		inbox := rapid.SampledFrom(inboxes).Draw(r, "inbox")
		if inbox.Protocol == handoff.ProtocolPassthrough {
			return // it has no conversations, and so no notes
		}
		one := w.open(t, inbox, fmt.Sprintf("%08d", game))
		path := "/v1/conversations/" + one.id.String()
		var secrets []string
		secret := func() string {
			secrets = append(secrets, fmt.Sprintf("canary-%d-%d", game, len(secrets)))
			return secrets[len(secrets)-1]
		}
		post := func(command string, body map[string]any) int {
			return w.do(t, http.MethodPost, path+command, w.ana, body).status
		}
		r.Repeat(map[string]func(*rapid.T){
			"note": func(*rapid.T) {
				require.Equal(r, http.StatusCreated, post("/notes", map[string]any{"text": secret(), "mentions": []handoff.ID{w.Ben.Agent.ID}}))
			},
			"claim":   func(*rapid.T) { post("/claim", nil) },
			"release": func(*rapid.T) { post("/release", nil) },
			"transfer": func(*rapid.T) {
				post("/transfer", map[string]any{"to_agent_id": w.Ben.Agent.ID, "note": secret()})
			},
			"reply":   func(*rapid.T) { post("/messages", map[string]any{"type": "text", "text": "Hi"}) },
			"resolve": func(*rapid.T) { post("/resolve", map[string]any{"note": secret(), "disposition": "done"}) },
			"tags":    func(*rapid.T) { post("/tags", map[string]any{"add": []string{fmt.Sprint("t", len(secrets)%60)}}) },
			"read":    func(*rapid.T) { post("/read", nil) },
			"deliver": func(*rapid.T) { w.deliverAll(t, one) },
		})
		w.deliverAll(t, one)
		for table, text := range carriers {
			require.Zero(r, w.Count(t, table, text+" LIKE $1", fmt.Sprintf("%%canary-%d-%%", game)), "%s of %s", table, inbox.Protocol)
		}
	})
	require.NotZero(t, w.Count(t, "notes", "text LIKE 'canary-%'"), "notes were written")
	require.NotZero(t, w.Count(t, "deliveries", "event_type = 'conversation.updated'"), "and events told")
	require.Zero(t, w.Count(t, "deliveries", "event_type LIKE 'note.%'"))
	for _, request := range w.Gateway.Requests() {
		require.NotContains(t, request.Body, "canary")
		headers, err := json.Marshal(request.Header)
		require.NoError(t, err)
		require.NotContains(t, string(headers), "canary")
	}
	require.NotContains(t, w.log.String(), "canary")
}

// deliverAll runs every lane of the conversation's contact once.
func (w *world) deliverAll(t *testing.T, one talk) {
	t.Helper()
	rows, err := w.DB.Query(t.Context(), "SELECT e.id FROM endpoints e WHERE e.inbox_id = $1 AND e.transport = 'webhook'", one.ref.InboxID)
	require.NoError(t, err)
	var endpoints []handoff.ID
	for rows.Next() {
		var id handoff.ID
		require.NoError(t, rows.Scan(&id))
		endpoints = append(endpoints, id)
	}
	require.NoError(t, rows.Err())
	for _, id := range endpoints {
		_, err := w.activities.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: one.ref, EndpointID: id, Max: 20, Last: 1})
		require.NoError(t, err)
	}
}
