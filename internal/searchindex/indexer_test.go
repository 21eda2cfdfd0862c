package searchindex_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/searchindex"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// scene is an account with a conversation, and what was said in it.
type scene struct {
	*testing.T
	*fixture.World
	pool         *pgxpool.Pool
	contact      handoff.ID
	conversation handoff.ID
}

func newScene(t *testing.T) *scene {
	t.Helper()
	pool := dbtest.Pool(t)
	return newSceneIn(t, pool)
}

func newSceneIn(t *testing.T, pool *pgxpool.Pool) *scene {
	t.Helper()
	s := &scene{T: t, World: fixture.New(t, pool), pool: pool, contact: handoff.NewID(), conversation: handoff.NewID()}
	s.Exec(t, "INSERT INTO contacts (id, account_id, name) VALUES ($1, $2, 'Zoë Quill')", s.contact, s.Account.ID)
	s.Exec(t, "INSERT INTO contact_identities (account_id, kind, value, contact_id) VALUES ($1, 'phone', '447700900123', $2)", s.Account.ID, s.contact)
	s.Exec(t, `INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, opened_at, last_activity_at)
		VALUES ($1, $2, $3, $4, 'waiting', now(), now())`, s.conversation, s.Account.ID, s.Inbox.ID, s.contact)
	s.event(pool, handoff.EventOpened, nil, nil)
	return s
}

func (s *scene) event(tx dbsqlc.DBTX, kind handoff.EventType, message *handoff.ID, data map[string]any) {
	s.Helper()
	text, err := json.Marshal(data)
	require.NoError(s, err)
	require.NoError(s, db.ExecBatch(dbsqlc.New(tx).EventInsert(context.Background(), []dbsqlc.EventInsertParams{{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: &s.Inbox.ID, ConversationID: &s.conversation, Type: kind,
		ActorType: handoff.AuthorSystem, MessageID: message, Data: text, OccurredAt: time.Now(),
	}})))
}

// say writes a message and its event.
func (s *scene) say(tx dbsqlc.DBTX, kind handoff.EventType, text string) handoff.ID {
	s.Helper()
	id := handoff.NewID()
	_, err := tx.Exec(context.Background(), `INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, direction, author_type, type, text, created_at)
		VALUES ($1, $2, $3, $4, $5, 'inbound', 'contact', 'text', $6, now())`, id, s.Account.ID, s.Inbox.ID, s.contact, s.conversation, text)
	require.NoError(s, err)
	s.event(tx, kind, &id, nil)
	return id
}

// index catches up with everything that is committed. Transactions of other tests hold the newest events back for a while.
func (s *scene) index() {
	s.Helper()
	indexer := searchindex.New(s.pool, slog.New(slog.DiscardHandler))
	require.Eventually(s, func() bool {
		_, err := indexer.CatchUp(context.Background())
		require.NoError(s, err)
		return s.behind() == 0
	}, time.Minute, 20*time.Millisecond)
}

func (s *scene) behind() int {
	s.Helper()
	var n int
	require.NoError(s, s.pool.QueryRow(context.Background(), `SELECT count(*) FROM events e
		WHERE NOT EXISTS (SELECT FROM search_cursors c WHERE c.account_id = e.account_id AND (c.txid, c.position) >= (e.txid, e.position))`).Scan(&n))
	return n
}

// found gives the documents of a kind in which all words are.
func (s *scene) found(kind, query string) []handoff.ID {
	s.Helper()
	q, err := searchindex.ParseQuery(query)
	require.NoError(s, err)
	rows, err := dbsqlc.New(s.pool).SearchIndexed(context.Background(), dbsqlc.SearchIndexedParams{
		AccountID: s.Account.ID, Grams: q.Grams(s.Account.ID), Patterns: q.Patterns(), Kinds: []string{kind}, RowLimit: 1000,
	})
	require.NoError(s, err)
	ids := []handoff.ID{}
	for _, row := range rows {
		ids = append(ids, row.RefID)
	}
	return ids
}

func TestWhatIsWrittenIsIndexed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	received := s.say(s.pool, handoff.EventMessageReceived, "Where is my order ORD-7741?")
	queued := s.say(s.pool, handoff.EventMessageQueued, "It is on its way")
	history := s.say(s.pool, handoff.EventMessageHistory, "said to the bot")
	phone := s.say(s.pool, handoff.EventMessageSent, "sent from the phone")
	status := s.say(s.pool, handoff.EventMessageRead, "a mere status")
	note := handoff.NewID()
	s.Exec(t, "INSERT INTO notes (id, account_id, conversation_id, text, created_at) VALUES ($1, $2, $3, 'call her back', now())",
		note, s.Account.ID, s.conversation)
	s.event(s.pool, handoff.EventNoteAdded, nil, map[string]any{"note_id": note})
	s.index()

	require.Equal(t, []handoff.ID{received}, s.found("message", "774 order"))
	require.Equal(t, []handoff.ID{queued}, s.found("message", "on its way"))
	require.Equal(t, []handoff.ID{history}, s.found("message", "the bot"))
	require.Equal(t, []handoff.ID{phone}, s.found("message", "from the phone"))
	require.NotContains(t, s.found("message", "mere status"), status)
	require.Equal(t, []handoff.ID{note}, s.found("note", "back"))
	require.Equal(t, []handoff.ID{s.contact}, s.found("contact", "zoe quill"))
	require.Equal(t, []handoff.ID{s.contact}, s.found("contact", "+44 7700 900123"))
}

func TestAFilesNameIsFound(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	media := handoff.NewID()
	s.Exec(t, "INSERT INTO media (id, account_id, kind, state, filename, created_at) VALUES ($1, $2, 'document', 'ready', 'Invoice-2026-114.pdf', now())",
		media, s.Account.ID)
	tx, err := s.pool.Begin(context.Background())
	require.NoError(t, err)
	id := s.say(tx, handoff.EventMessageReceived, "the caption")
	_, err = tx.Exec(context.Background(), "UPDATE messages SET media_id = $1 WHERE id = $2", media, id)
	require.NoError(t, err)
	require.NoError(t, tx.Commit(context.Background()))
	s.index()
	require.Equal(t, []handoff.ID{id}, s.found("message", "invoice 114.pdf caption"))
}

func TestAContactIsFoundByTheirNewName(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.index()
	s.Exec(t, "UPDATE contacts SET name = 'Robin Vale' WHERE id = $1", s.contact)
	s.say(s.pool, handoff.EventMessageReceived, "I have another name")
	s.index()
	require.Equal(t, []handoff.ID{s.contact}, s.found("contact", "robin"))
	require.Empty(t, s.found("contact", "quill"))

	s.Exec(t, "UPDATE contacts SET name = 'Kim Ode' WHERE id = $1", s.contact)
	s.event(s.pool, handoff.EventContactUpdated, nil, map[string]any{"contact_id": s.contact})
	s.index()
	require.Equal(t, []handoff.ID{s.contact}, s.found("contact", "ode kim"))
}

func TestATransactionThatCommitsLateIsNotMissed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	late, err := s.pool.Begin(context.Background())
	require.NoError(t, err)
	defer func() { _ = late.Rollback(context.Background()) }()
	first := s.say(late, handoff.EventMessageReceived, "the slow one")
	second := s.say(s.pool, handoff.EventMessageReceived, "the quick one")
	indexer := searchindex.New(s.pool, slog.New(slog.DiscardHandler))
	_, err = indexer.CatchUp(context.Background())
	require.NoError(t, err)
	require.Empty(t, s.found("message", "the quick one"), "nothing is read that begins after the oldest transaction still running")

	require.NoError(t, late.Commit(context.Background()))
	s.index()
	require.Equal(t, []handoff.ID{first}, s.found("message", "slow"))
	require.Equal(t, []handoff.ID{second}, s.found("message", "quick"))
}

func TestTwoIndexersAtOnceIndexEverythingOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	other := newSceneIn(t, s.pool)
	const messages = 1200 // more than two batches
	var said []handoff.ID
	sevens := 0
	require.NoError(t, pgx.BeginFunc(context.Background(), s.pool, func(tx pgx.Tx) error {
		for i := range messages {
			said = append(said, s.say(tx, handoff.EventMessageReceived, "number "+strconv.Itoa(1_000_000+i)))
			other.say(tx, handoff.EventMessageReceived, "theirs "+strconv.Itoa(i))
			if strings.Contains(strconv.Itoa(i), "7") {
				sevens++
			}
		}
		return nil
	}))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			indexer := searchindex.New(s.pool, slog.New(slog.DiscardHandler))
			require.Eventually(t, func() bool {
				_, err := indexer.CatchUp(context.Background())
				return err == nil && s.behind() == 0
			}, time.Minute, time.Millisecond)
		})
	}
	wg.Wait()
	slices.SortFunc(said, func(x, y handoff.ID) int { return slices.Compare(x[:], y[:]) })
	rows, err := s.pool.Query(context.Background(), "SELECT ref_id FROM search_documents WHERE kind = 'message' AND account_id = $1 ORDER BY ref_id", s.Account.ID)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[handoff.ID])
	require.NoError(t, err)
	require.Equal(t, said, found)
	require.Empty(t, s.found("message", "theirs"), "an account finds nothing of another's")
	require.Len(t, other.found("message", "theirs 7"), sevens)
}

func TestAnIndexerThatDiesLeavesNothingOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	require.NoError(t, pgx.BeginFunc(context.Background(), s.pool, func(tx pgx.Tx) error {
		for i := range 700 {
			s.say(tx, handoff.EventMessageReceived, "number "+strconv.Itoa(1_000_000+i))
		}
		return nil
	}))
	// It dies in the middle of its second batch: the database refuses a document of it.
	s.Exec(t, `CREATE OR REPLACE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF new.text LIKE '%1000650%' THEN RAISE EXCEPTION 'died'; END IF; RETURN new; END $$`)
	s.Exec(t, "CREATE TRIGGER die BEFORE INSERT ON search_documents FOR EACH ROW EXECUTE FUNCTION die()")
	indexer := searchindex.New(s.pool, slog.New(slog.DiscardHandler))
	require.Eventually(t, func() bool {
		_, err := indexer.CatchUp(context.Background())
		return err != nil
	}, time.Minute, 20*time.Millisecond)
	require.Less(t, len(s.found("message", "number")), 700)
	s.Exec(t, "DROP TRIGGER die ON search_documents")
	s.index()
	require.Len(t, s.found("message", "number"), 700)
}

// The accounts that have waited longest come first: one that could not be indexed kept all others from it, for ever.
func TestAnAccountThatCannotBeIndexedKeepsNoOtherFromIt(t *testing.T) {
	t.Parallel()
	broken := newScene(t)
	other := newSceneIn(t, broken.pool)
	broken.Exec(t, "ALTER TABLE search_documents ADD CONSTRAINT broken CHECK (account_id <> '"+broken.Account.ID.String()+"')")
	require.NoError(t, dbsqlc.New(broken.pool).SearchCursorsAdd(t.Context()))
	broken.Exec(t, "UPDATE search_cursors SET updated_at = now() - interval '1 hour' WHERE account_id = $1", broken.Account.ID)
	id := other.say(other.pool, handoff.EventMessageReceived, "my parcel")
	indexer := searchindex.New(broken.pool, slog.New(slog.DiscardHandler))
	require.Eventually(t, func() bool {
		_, err := indexer.CatchUp(t.Context())
		return slices.Contains(other.found(searchindex.KindMessage, "parcel"), id) && err != nil && strings.Contains(err.Error(), broken.Account.ID.String())
	}, time.Minute, 20*time.Millisecond)
}

func TestIndexingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.say(s.pool, handoff.EventMessageReceived, "hello there")
	s.index()
	versions := func() (text string) {
		require.NoError(t, s.pool.QueryRow(context.Background(), "SELECT string_agg(d.xmin::text || d.*::text, ',' ORDER BY ref_id) FROM search_documents d").Scan(&text))
		return text
	}
	before := versions()
	s.Exec(t, "DELETE FROM search_cursors")
	s.index()
	require.Equal(t, before, versions())
}

func TestWhatIsErasedStaysErased(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.say(s.pool, handoff.EventMessageReceived, "to be forgotten")
	s.index()
	s.say(s.pool, handoff.EventMessageReceived, "this too, to be forgotten, and not indexed yet")
	require.NoError(t, db.InTx(context.Background(), s.pool, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		if err := q.SearchCursorHold(context.Background(), s.Account.ID); err != nil {
			return err
		}
		indexer := searchindex.New(s.pool, slog.New(slog.DiscardHandler))
		n, err := indexer.CatchUp(context.Background())
		require.NoError(t, err)
		require.Zero(t, n, "nobody indexes the account meanwhile")
		if _, err := tx.Exec(context.Background(), "UPDATE messages SET text = NULL WHERE contact_id = $1", s.contact); err != nil {
			return err
		}
		n64, err := q.SearchDocumentEraseContact(context.Background(), dbsqlc.SearchDocumentEraseContactParams{AccountID: s.Account.ID, ContactID: s.contact})
		require.EqualValues(t, 2, n64, "the message and the contact")
		return err
	}))
	s.index()
	require.Empty(t, s.found("message", "forgotten"))
}

func TestTheIndexFollowsByItself(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- searchindex.New(s.pool, slog.New(slog.DiscardHandler)).Run(ctx) }()
	id := s.say(s.pool, handoff.EventMessageReceived, "hello there")
	require.Eventually(t, func() bool { return slices.Equal(s.found("message", "hello"), []handoff.ID{id}) }, time.Minute, 50*time.Millisecond)
	stop()
	require.NoError(t, <-done)
}
