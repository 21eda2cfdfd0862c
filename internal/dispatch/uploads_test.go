package dispatch

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/mediastore"
)

// shelf is a dispatcher with uploads.
type shelf struct {
	*fixture.World
	*Dispatcher
	contact handoff.ID
}

func newShelf(t *testing.T) shelf {
	t.Helper()
	w := fixture.New(t, dbtest.Pool(t))
	d := New(w.DB, func(context.Context, db.Wake) error { return nil }, slog.New(slog.DiscardHandler))
	d.Files = w.Activities(t, time.Now).Store
	return shelf{w, d, accepted(t, w, "447700900123").ContactID}
}

func (s shelf) upload(t *testing.T, age time.Duration) handoff.ID {
	t.Helper()
	id := handoff.NewID()
	q := dbsqlc.New(s.DB)
	require.NoError(t, q.MediaInsertUpload(t.Context(), dbsqlc.MediaInsertUploadParams{
		ID: id, AccountID: s.Account.ID, Kind: "image", CreatedAt: time.Now().Add(-age),
	}))
	_, err := s.Files.Write(t.Context(), mediastore.Key(s.Account.ID, id), strings.NewReader("x"), mediastore.Limits{})
	require.NoError(t, err)
	return id
}

func (s shelf) use(ctx context.Context, q *dbsqlc.Queries, upload handoff.ID) error {
	_, err := q.MessageInsertOutbound(ctx, dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: s.Inbox.ID, ContactID: s.contact, AuthorType: handoff.AuthorAgent,
		Type: "image", Content: []byte("{}"), MediaID: &upload, CreatedAt: time.Now(),
	})
	return err
}

// kept tells whether row and file are there; they go together.
func (s shelf) kept(t *testing.T, upload handoff.ID) bool {
	t.Helper()
	rows, err := dbsqlc.New(s.DB).MediaList(t.Context(), dbsqlc.MediaListParams{AccountID: s.Account.ID, Ids: []handoff.ID{upload}})
	require.NoError(t, err)
	reader, err := s.Files.Read(t.Context(), mediastore.Key(s.Account.ID, upload))
	if err == nil {
		require.NoError(t, reader.Close())
	}
	require.Equal(t, len(rows) == 1, err == nil, "row and file go together")
	return err == nil
}

func TestUploadsThatNoMessageUsedAreDeletedAfterADay(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	unused, used, fresh := s.upload(t, 25*time.Hour), s.upload(t, 25*time.Hour), s.upload(t, 23*time.Hour)
	require.NoError(t, s.use(t.Context(), dbsqlc.New(s.DB), used))
	inbound := s.upload(t, 25*time.Hour)
	_, err := s.DB.Exec(t.Context(), "UPDATE media SET contact_id = $1, inbox_id = $2 WHERE id = $3", s.contact, s.Inbox.ID, inbound)
	require.NoError(t, err)
	many := make([]handoff.ID, uploadLimit)
	for i := range many {
		many[i] = s.upload(t, 48*time.Hour)
	}

	require.NoError(t, s.expireUploads(t.Context()))

	for _, id := range append(many, unused) {
		require.False(t, s.kept(t, id))
	}
	require.True(t, s.kept(t, used), "a message uses it")
	require.True(t, s.kept(t, fresh), "its agent may still send it")
	require.True(t, s.kept(t, inbound), "a contact sent it")
}

// A message that is being written as the sweep comes keeps its file.
func TestAnUploadThatIsBeingUsedIsKept(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	id := s.upload(t, 25*time.Hour)
	require.NoError(t, db.InTx(t.Context(), s.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		require.NoError(t, s.use(t.Context(), q, id))
		// The constraint is deferred; checked now, it takes the lock that it takes at the commit.
		_, err := tx.Exec(t.Context(), "SET CONSTRAINTS ALL IMMEDIATE")
		require.NoError(t, err)
		return s.expireUploads(t.Context())
	}))
	require.NoError(t, s.expireUploads(t.Context()))
	require.True(t, s.kept(t, id))
}

// Where the file cannot be deleted its row stays, and the next sweep tries again.
func TestASweepThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	id := s.upload(t, 25*time.Hour)
	whole := s.Files
	broken, err := mediastore.Open(t.Context(), "file://"+t.TempDir())
	require.NoError(t, err)
	require.NoError(t, broken.Close())
	s.Files = broken
	require.Error(t, s.expireUploads(t.Context()))
	s.Files = whole
	require.True(t, s.kept(t, id))
	require.NoError(t, s.expireUploads(t.Context()))
	require.False(t, s.kept(t, id))
}
