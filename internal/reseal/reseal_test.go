package reseal_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/reseal"
	"handoff/internal/secretbox"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// unsealed are columns of bytes that hold no secret.
var unsealed = map[string]string{
	"api_keys.hash":                 "a hash of 256 random bits",
	"deliveries.body":               "content, which the database holds in clear",
	"erasures.sha256":               "a hash of the report",
	"idempotency_keys.request_hash": "a hash",
	"receipts.body":                 "content, which the database holds in clear",
	"receipts.sha256":               "a hash",
}

// sealed gives every sealed value of the world a plaintext of its own, under box.
func sealEverything(t *testing.T, w *fixture.World, box *secretbox.Box) []secretbox.AssociatedData {
	t.Helper()
	ctx, account := context.Background(), w.Account.ID
	old, command, erasure := handoff.NewID(), handoff.NewID(), handoff.NewID()
	w.Exec(t, "INSERT INTO endpoint_secrets (id, account_id, endpoint_id, secret, created_at, expires_at) VALUES ($1, $2, $3, '', now(), now())", old, account, w.Endpoint.ID)
	w.Exec(t, "INSERT INTO idempotency_keys (account_id, route, key, request_hash, command_id, created_at) VALUES ($1, 'POST /', 'k', '', $2, now())", account, command)
	w.Exec(t, "INSERT INTO erasures (id, account_id, contact_id, actor_type, requested_at) VALUES ($1, $2, $3, 'operator', now())", erasure, account, handoff.NewID())
	places := []secretbox.AssociatedData{
		secretbox.EndpointSecret(account, w.Endpoint.ID), secretbox.VendorSecret(account, w.Endpoint.ID), secretbox.EndpointHeaders(account, w.Endpoint.ID),
		secretbox.OldEndpointSecret(account, w.Endpoint.ID), secretbox.AccessToken(account, w.Inbox.ID), secretbox.AppSecret(account, w.Inbox.ID),
		secretbox.VerifyToken(account, w.Inbox.ID), secretbox.Answer(account, command), secretbox.ErasureSubject(account, erasure),
	}
	for _, place := range places {
		value, err := box.Seal([]byte(place.Table+place.Column), place)
		require.NoError(t, err)
		row := place.RowID
		column := "id"
		switch place.Table {
		case "endpoint_secrets":
			column = "endpoint_id"
		case "idempotency_keys":
			column = "command_id"
		}
		_, err = w.DB.Exec(ctx, "UPDATE "+place.Table+" SET "+place.Column+" = $1 WHERE "+column+" = $2", value, row)
		require.NoError(t, err)
	}
	return places
}

func read(t *testing.T, d db.DB, place secretbox.AssociatedData) []byte {
	t.Helper()
	column := map[string]string{"endpoint_secrets": "endpoint_id", "idempotency_keys": "command_id"}[place.Table]
	if column == "" {
		column = "id"
	}
	var value []byte
	require.NoError(t, d.QueryRow(context.Background(), "SELECT "+place.Column+" FROM "+place.Table+" WHERE "+column+" = $1", place.RowID).Scan(&value))
	return value
}

func TestEverySealedValueGetsTheNewKey(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	keys, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	box, err := secretbox.New(keys)
	require.NoError(t, err)
	places := sealEverything(t, w, box)
	w.Exec(t, "UPDATE endpoints SET deleted_at = now()") // what is deleted is resealed too

	rotated, err := secretbox.Rotate(keys)
	require.NoError(t, err)
	usage, err := reseal.Use(t.Context(), w.DB, rotated)
	require.NoError(t, err)
	require.Equal(t, []int64{int64(len(places)), 0}, []int64{usage[0].Sealed, usage[1].Sealed})
	fresh, err := secretbox.New(rotated)
	require.NoError(t, err)
	report, err := reseal.Run(t.Context(), w.DB, fresh)
	require.NoError(t, err)
	require.Equal(t, reseal.Report{Resealed: len(places)}, report)

	pruned, err := secretbox.Prune(rotated, nil)
	require.NoError(t, err)
	alone, err := secretbox.New(pruned)
	require.NoError(t, err)
	for _, place := range places {
		plain, err := alone.Open(read(t, w.DB, place), place)
		require.NoError(t, err)
		require.Equal(t, place.Table+place.Column, string(plain))
	}
	report, err = reseal.Run(t.Context(), w.DB, fresh)
	require.NoError(t, err)
	require.Equal(t, reseal.Report{}, report, "a repeat does nothing")
	usage, err = reseal.Use(t.Context(), w.DB, pruned)
	require.NoError(t, err)
	require.Len(t, usage, 1)
	require.Equal(t, int64(len(places)), usage[0].Sealed)
}

// A new column of bytes is either sealed, and then known to Run, or it is in the list of those that hold no secret.
func TestNoSealedColumnIsForgotten(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	box, err := secretbox.New(func() string { k, err := secretbox.GenerateKeyset(); require.NoError(t, err); return k }())
	require.NoError(t, err)
	known := map[string]bool{}
	for _, place := range sealEverything(t, w, box) {
		known[place.Table+"."+place.Column] = true
	}
	rows, err := w.DB.Query(t.Context(), `SELECT c.table_name || '.' || c.column_name
		FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'bytea' AND c.table_name NOT LIKE 'goose%'`)
	require.NoError(t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		var column string
		require.NoError(t, rows.Scan(&column))
		require.True(t, known[column] || unsealed[column] != "", "%s is neither resealed nor known to hold no secret", column)
		n++
	}
	require.NoError(t, rows.Err())
	require.Equal(t, len(known)+len(unsealed), n)
}

// What somebody saves between our reading and our writing stays.
func TestAConcurrentChangeWins(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	seen := read(t, w.DB, secretbox.EndpointSecret(w.Account.ID, w.Endpoint.ID))
	w.Exec(t, "UPDATE endpoints SET secret = 'saved meanwhile'")
	n, err := dbsqlc.New(w.DB).ResealEndpoint(t.Context(), dbsqlc.ResealEndpointParams{
		PlaceColumn: "secret", ID: w.Endpoint.ID, Sealed: seen, Resealed: []byte("resealed"),
	})
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, "saved meanwhile", string(read(t, w.DB, secretbox.EndpointSecret(w.Account.ID, w.Endpoint.ID))))
}

// What does not open is left as it is, named, and keeps nobody from the rest.
func TestWhatDoesNotOpenIsLeft(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	keys, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	box, err := secretbox.New(keys)
	require.NoError(t, err)
	places := sealEverything(t, w, box)
	broken := append([]byte(nil), read(t, w.DB, places[0])...)
	broken[len(broken)-1] ^= 1
	w.Exec(t, "UPDATE endpoints SET secret = $1", broken)
	rotated, err := secretbox.Rotate(keys)
	require.NoError(t, err)
	fresh, err := secretbox.New(rotated)
	require.NoError(t, err)
	report, err := reseal.Run(t.Context(), w.DB, fresh)
	require.NoError(t, err)
	require.Equal(t, len(places)-1, report.Resealed)
	require.Equal(t, 1, report.Closed)
	require.Equal(t, []string{"endpoints.secret of " + w.Endpoint.ID.String()}, report.Named)
	require.Equal(t, broken, read(t, w.DB, places[0]))
}
