package activities_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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
	"handoff/db/dbtest"
	"handoff/internal/mediastore"
	"handoff/internal/searchindex"
	"handoff/internal/secretbox"
)

// noRuns are runs that are never there: an erasure ends conversations by itself.
type noRuns struct{}

func (noRuns) Resolve(context.Context, activities.Ref, handoff.ID, string) error { return nil }
func (noRuns) Terminate(context.Context, activities.Ref) error                   { return nil }
func (noRuns) Forget(context.Context, activities.Ref) (int, error)               { return 0, nil }

// request begins to erase the scene's contact.
func (s *scene) request(contact handoff.ID) activities.ErasureInput {
	s.Helper()
	row, _, err := db.RequestErasure(context.Background(), s.World.DB, db.NewErasure{
		AccountID: s.Account.ID, ContactID: contact, ActorType: "operator", At: s.now,
		Seal: func(id handoff.ID, subject []byte) ([]byte, error) {
			return s.World.Box.Seal(subject, secretbox.ErasureSubject(s.Account.ID, id))
		},
	})
	require.NoError(s, err)
	return activities.ErasureInput{AccountID: s.Account.ID, ErasureID: row.ID, ContactID: contact}
}

// erase does what the workflow does.
func (s *scene) erase(in activities.ErasureInput) dbsqlc.Erasure {
	s.Helper()
	ctx := context.Background()
	s.Runs = noRuns{}
	for round := 0; ; round++ {
		require.Less(s, round, 20)
		out := activities.EraseCloseResult{Open: 1}
		for try := 0; out.Open+out.Pending > 0; try++ {
			require.Less(s, try, 20)
			var err error
			out, err = s.EraseClose(ctx, activities.EraseCloseInput{ErasureInput: in, Drop: true, Force: true})
			require.NoError(s, err)
		}
		_, err := s.EraseShared(ctx, activities.EraseSharedInput{ErasureInput: in})
		require.NoError(s, err)
		for _, do := range []func(context.Context, activities.ErasureInput) (struct{}, error){
			s.EraseRuns, s.EraseAnswers, s.EraseRows, s.EraseReceipts, s.EraseHistories,
		} {
			_, err := do(ctx, in)
			require.NoError(s, err)
		}
		verified, err := s.EraseVerify(ctx, in)
		if err == nil {
			_, err = s.EraseFinish(ctx, activities.EraseFinishInput{ErasureInput: in, Verified: verified})
		}
		if err == nil {
			break
		}
		var again interface{ Type() string }
		require.ErrorAs(s, err, &again)
		require.Equal(s, activities.Unerased, again.Type(), "%v", err)
	}
	row, err := dbsqlc.New(s.World.DB).ErasureGet(ctx, dbsqlc.ErasureGetParams{AccountID: in.AccountID, ID: in.ErasureID})
	require.NoError(s, err)
	return row
}

// hits gives the columns of all tables that have a text somewhere, in whatever type.
func hits(t *testing.T, pool db.DB, canary string) []string {
	t.Helper()
	ctx := context.Background()
	rows, err := pool.Query(ctx, `SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
		  AND c.data_type IN ('text', 'bytea', 'json', 'jsonb', 'uuid', 'ARRAY') ORDER BY 1, 2`)
	require.NoError(t, err)
	var columns [][3]string
	for rows.Next() {
		var c [3]string
		require.NoError(t, rows.Scan(&c[0], &c[1], &c[2]))
		columns = append(columns, c)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, len(columns), 150)
	var out []string
	for _, c := range columns {
		where := fmt.Sprintf("position($1 IN %q::text) > 0", c[1])
		if c[2] == "bytea" {
			where = fmt.Sprintf("position(convert_to($1, 'UTF8') IN %q) > 0", c[1])
		}
		var n int
		require.NoError(t, pool.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %q WHERE %s", c[0], where), canary).Scan(&n))
		if n > 0 {
			out = append(out, fmt.Sprintf("%s.%s: %d", c[0], c[1], n))
		}
	}
	return out
}

func (s *scene) keepAnswer(route, key, body string) {
	s.Helper()
	ctx, q := context.Background(), dbsqlc.New(s.World.DB)
	row, err := q.IdempotencyKeyInsert(ctx, dbsqlc.IdempotencyKeyInsertParams{
		AccountID: s.Account.ID, Route: route, Key: key, RequestHash: []byte("x"), CommandID: handoff.NewID(), CreatedAt: s.now,
	})
	require.NoError(s, err)
	sealed, err := s.World.Box.Seal([]byte(body), secretbox.Answer(s.Account.ID, row.CommandID))
	require.NoError(s, err)
	status := int32(201)
	require.NoError(s, q.IdempotencyKeyFinish(ctx, dbsqlc.IdempotencyKeyFinishParams{
		AccountID: s.Account.ID, Route: route, Key: key, Status: &status, Body: sealed,
	}))
}

// TestNothingOfAnErasedContactIsLeft erases a contact who has about everything, beside another who shares a receipt with them.
func TestNothingOfAnErasedContactIsLeft(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, q := context.Background(), dbsqlc.New(s.World.DB)
	s.apply()
	conv := s.conversation()
	_, err := s.Claim(ctx, s.command("claim", s.Ana))
	require.NoError(t, err)
	text := "Zanzibar is our word"
	reply, err := q.MessageInsertOutbound(ctx, dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: s.Inbox.ID, ContactID: s.ref.ContactID, AuthorType: handoff.AuthorAgent,
		AuthorID: s.Ana.AgentID(), Type: "text", Text: &text, Content: json.RawMessage(`{"body":"Zanzibar is our word"}`), CreatedAt: s.now,
	})
	require.NoError(t, err)
	_, err = s.Reply(ctx, activities.ReplyCommand{Command: s.command("reply", s.Ana), MessageID: reply.ID, Type: "text"})
	require.NoError(t, err)
	s.exec(`INSERT INTO notes (id, account_id, conversation_id, agent_id, text, created_at) VALUES (gen_random_uuid(), $1, $2, $3, 'Zanzibar note', now())`,
		s.Account.ID, conv.ID, s.Ana.Agent.ID)
	s.exec(`INSERT INTO mentions (account_id, note_id, agent_id) SELECT account_id, id, $1 FROM notes`, s.Ben.Agent.ID)
	s.exec(`INSERT INTO ratings (conversation_id, account_id, inbox_id, score, comment, via, given_at, updated_at)
		VALUES ($1, $2, $3, 1, 'Zanzibar rating', 'link', now(), now())`, conv.ID, s.Account.ID, s.Inbox.ID)
	file := handoff.NewID()
	s.exec(`INSERT INTO media (id, account_id, inbox_id, contact_id, kind, state, filename, created_at) VALUES ($1, $2, $3, $4, 'image', 'ready', 'Zanzibar.png', now())`,
		file, s.Account.ID, s.Inbox.ID, s.ref.ContactID)
	_, err = s.Store.Write(ctx, mediastore.Key(s.Account.ID, file), strings.NewReader("Zanzibar bytes"), mediastore.Limits{})
	require.NoError(t, err)
	s.exec(`UPDATE messages SET media_id = $1 WHERE id = $2`, file, reply.ID)
	s.exec(`UPDATE contacts SET name = 'Zanzibar', attributes = '{"place":"Zanzibar"}' WHERE id = $1`, s.ref.ContactID)
	s.keepAnswer("POST /v1/conversations/"+conv.ID.String()+"/messages", "k1", `{"text":"Zanzibar"}`)
	s.keepAnswer("POST /v1/conversations", "k2", `{"contact":{"id":"`+s.ref.ContactID.String()+`"}}`)
	s.keepAnswer("POST /v1/other", "k3", `{"fine":true}`)
	// One body of two contacts, and a status that is parked.
	both := s.Envelope(map[string]any{
		"contacts": []any{map[string]any{"wa_id": john}, map[string]any{"wa_id": "447700900999"}},
		"messages": []any{
			map[string]any{"from": john, "id": "wamid.zanzibar1", "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": "Zanzibar calling"}},
			map[string]any{"from": "447700900999", "id": "wamid.other1", "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": "Somebody else"}},
		},
	})
	s.Accept(t, both, s.now)
	s.Accept(t, s.StatusBody("wamid.zanzibar2", "delivered"), s.now)
	_, err = searchindex.New(s.World.DB, s.Log).CatchUp(ctx)
	require.NoError(t, err)
	for _, canary := range []string{"Zanzibar", john, "wamid.zanzibar1", "wamid.zanzibar2", s.ref.ContactID.String(), conv.ID.String()} {
		require.NotEmpty(t, hits(t, s.World.DB, canary), canary)
	}

	in := s.request(s.ref.ContactID)
	require.Equal(t, in, s.request(s.ref.ContactID), "asked again it is the same")
	row := s.erase(in)

	for _, canary := range []string{"Zanzibar", "zanzibar", john, "wamid.zanzibar", conv.ID.String(), reply.ID.String(), file.String()} {
		require.Empty(t, hits(t, s.World.DB, canary), canary)
	}
	require.Equal(t, []string{"audit_entries.target_id: 1", "erasures.certificate: 1", "erasures.contact_id: 1", "events.data: 1"}, hits(t, s.World.DB, s.ref.ContactID.String()))
	_, err = s.Store.Read(ctx, mediastore.Key(s.Account.ID, file))
	require.Error(t, err, "the file is gone")
	require.Equal(t, 1, s.Count(t, "messages", "text = 'Somebody else'"), "the other contact keeps theirs")
	require.Equal(t, 1, s.Count(t, "receipt_items", "outcome = 'accepted'"), "and what is still to be applied of it")
	require.Equal(t, 0, s.Count(t, "receipts", "body <> ''"), "no raw bytes name the contact")
	require.Equal(t, 3, s.Count(t, "receipts", "length(sha256) = 32"), "the hashes stay")
	require.Equal(t, 0, s.Count(t, "idempotency_keys", "key = 'k1'"))
	require.Equal(t, 1, s.Count(t, "idempotency_keys", "key = 'k2' AND status = 409"))
	require.Equal(t, 1, s.Count(t, "idempotency_keys", "key = 'k3' AND status = 201"))

	require.Equal(t, "finished", row.State)
	hash := sha256.Sum256(row.Certificate)
	require.Equal(t, hex.EncodeToString(hash[:]), hex.EncodeToString(row.Sha256))
	var certificate activities.Certificate
	require.NoError(t, json.Unmarshal(row.Certificate, &certificate))
	require.Equal(t, s.ref.ContactID, certificate.ContactID)
	require.EqualValues(t, 1, certificate.Erased["conversations"])
	require.EqualValues(t, 3, certificate.Erased["messages"])
	require.EqualValues(t, 1, certificate.Erased["files"])
	require.EqualValues(t, 3, certificate.Erased["receipts"])
	require.EqualValues(t, 2, certificate.Erased["stored_answers"])
	require.NotEmpty(t, certificate.NotCovered)
}

func (s *scene) exec(sql string, args ...any) {
	s.Helper()
	_, err := s.World.DB.Exec(context.Background(), sql, args...)
	require.NoError(s, err)
}

// A webhook is on its way while its contact is erased, and its answer comes when nothing of them is left.
func TestAnAnswerToAnErasedContactsWebhookChangesNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		s := newScene(t)
		s.apply()
		_, err := s.Claim(context.Background(), s.command("claim", s.Ana))
		require.NoError(t, err)
		s.queued("Hi John")
		var erased dbsqlc.Erasure
		s.Gateway.Answer(func(n int) (int, string) {
			if n == 1 {
				erased = s.erase(s.request(s.ref.ContactID))
			}
			return status, ""
		})
		_, err = s.deliver()
		require.Equal(t, status == http.StatusOK, err == nil, "one that failed is tried again: %v", err)
		require.Equal(t, "finished", erased.State)
		result, err := s.deliver()
		require.NoError(t, err)
		require.Len(t, s.Gateway.Requests(), 1)
		require.Empty(t, result.Lanes, "and the lane ends")
		require.Zero(t, s.Count(t, "deliveries", "true")+s.Count(t, "delivery_attempts", "true")+s.Count(t, "wakes", "true"))
	}
}

// TestMessagesRaceAnErasure lets intake and workers go on while the contact is erased: whatever comes is either erased with the contact or
// a new contact's, and nothing waits for ever.
func TestMessagesRaceAnErasure(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, racePool(t))
	s.apply()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var mu sync.Mutex
	accepted := map[string]handoff.ID{} // text → contact
	contacts := map[handoff.ID]bool{s.ref.ContactID: true}
	var group sync.WaitGroup
	for writer := range 3 {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				text := fmt.Sprintf("writer %d message %d", writer, n)
				out := s.Accept(s.T, s.Body(john, text), time.Now())                                                                                    //nolint:contextcheck // ctx only stops the test
				m, err := dbsqlc.New(s.World.DB).MessageGet(s.Context(), dbsqlc.MessageGetParams{AccountID: s.Account.ID, ID: *out.Items[0].MessageID}) //nolint:contextcheck // as above
				mu.Lock()
				if err == nil {
					accepted[text], contacts[m.ContactID] = m.ContactID, true
				}
				mu.Unlock()
			}
		})
	}
	group.Go(func() {
		for ctx.Err() == nil {
			mu.Lock()
			known := make([]handoff.ID, 0, len(contacts))
			for contact := range contacts {
				known = append(known, contact)
			}
			mu.Unlock()
			for _, contact := range known {
				ref := activities.Ref{AccountID: s.Account.ID, InboxID: s.Inbox.ID, ContactID: contact}
				if _, err := s.ApplyInbound(s.Context(), activities.ApplyInboundInput{Ref: ref, Now: time.Now()}); err != nil { //nolint:contextcheck // as above
					t.Errorf("apply: %v", err)
				}
			}
		}
	})
	old := s.ref.ContactID
	for s.Count(t, "messages", "contact_id = $1", old) < 5 {
		require.NoError(t, t.Context().Err())
	}
	in := s.request(old)
	before := s.Count(t, "messages", "contact_id <> $1", old)
	for s.Count(t, "messages", "contact_id <> $1", old) < before+5 {
		require.NoError(t, t.Context().Err())
	}
	s.erase(in)
	stop()
	group.Wait()
	require.Equal(t, 0, s.Count(t, "messages", "contact_id = $1", old))
	require.Equal(t, 0, s.Count(t, "contacts", "id = $1", old))
	require.Equal(t, 1, s.Count(t, "contact_identities", "value = $1", john), "the number is one new contact's")
	for text, contact := range accepted {
		if contact != old {
			require.Equal(t, 1, s.Count(t, "messages", "text = $1 AND contact_id = $2", text, contact), "%s is not lost", text)
		}
	}
	require.True(t, slices.ContainsFunc(mapValues(accepted), func(id handoff.ID) bool { return id != old }))
}

func mapValues[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func racePool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(context.Background(), dbtest.URL(t), 12)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
