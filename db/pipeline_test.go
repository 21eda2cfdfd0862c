package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
)

func TestPipelineSendsWritesInOrderWithTheNextQuestion(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	p := db.NewPipeline(tx)
	q := dbsqlc.New(p)
	account, err := q.AccountInsert(t.Context(), dbsqlc.AccountInsertParams{ID: handoff.NewID(), Name: "Acme"})
	require.NoError(t, err, "a question without writes before it")

	contact := handoff.NewID()
	require.NoError(t, q.ContactInsert(t.Context(), dbsqlc.ContactInsertParams{ID: contact, AccountID: account.ID, Name: "John"}))
	require.NoError(t, q.ContactSetName(t.Context(), dbsqlc.ContactSetNameParams{AccountID: account.ID, ID: contact, Name: "Jane"}))
	ids := dbsqlc.ContactListParams{AccountID: account.ID, Ids: []handoff.ID{contact}}
	before, err := dbsqlc.New(tx).ContactList(t.Context(), ids)
	require.NoError(t, err)
	require.Empty(t, before, "nothing has been sent")

	after, err := q.ContactList(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, after, 1)
	require.Equal(t, "Jane", after[0].Name)
}

func TestPipelineReportsAWriteThatFailed(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(*db.Pipeline, *dbsqlc.Queries) error{
		"with the next question": func(_ *db.Pipeline, q *dbsqlc.Queries) error {
			_, err := q.AccountList(t.Context())
			return err
		},
		"with the next row": func(_ *db.Pipeline, q *dbsqlc.Queries) error {
			_, err := q.AccountGet(t.Context(), handoff.NewID())
			return err
		},
		"at the end": func(p *db.Pipeline, _ *dbsqlc.Queries) error { return p.Flush(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := db.NewPipeline(dbtest.Tx(t))
			q := dbsqlc.New(p)
			nobody := dbsqlc.ContactInsertParams{ID: handoff.NewID(), AccountID: handoff.NewID(), Name: "John"}
			require.NoError(t, q.ContactInsert(t.Context(), nobody), "it is only queued")
			require.ErrorContains(t, send(p, q), "contacts_account_id_fkey")
			require.NoError(t, p.Flush(t.Context()), "what was reported is not sent again")
		})
	}
}
