package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
)

// upgraded is what an installation had on the schema before the current ones: testdata/upgrade has its database as pg_dump wrote it, after a
// day in which Nora was claimed, answered, tagged and wrote again (a webhook of that fails), Omar was resolved, Pia put aside and Quinn moved
// to a team's line.
type upgraded struct {
	AccountID             string            `json:"account_id"`
	InboxID               string            `json:"inbox_id"`
	EndpointID            string            `json:"endpoint_id"`
	EndpointSecret        string            `json:"endpoint_secret"`
	FailingEndpointID     string            `json:"failing_endpoint_id"`
	FailingEndpointSecret string            `json:"failing_endpoint_secret"`
	Keys                  map[string]string `json:"keys"`
	Keyset                json.RawMessage   `json:"keyset"`
	DumpedAt              time.Time         `json:"dumped_at"`
}

func TestAnInstallationOnTheSchemaBeforeIsUpgraded(t *testing.T) {
	t.Parallel()
	s, old := newUpgraded(t)
	all := into[list[conversation]](t, s.get("/v1/conversations?limit=100"), http.StatusOK).Items
	by := map[string]conversation{}
	states := map[string]string{}
	for _, c := range all {
		by[c.Contact.Name], states[c.Contact.Name] = c, c.Status
	}
	require.Equal(t, map[string]string{"Nora": "assigned", "Omar": "ended", "Pia": "snoozed", "Quinn": "waiting"}, states)
	require.Equal(t, "Ana", by["Nora"].Assignee.Name)
	said := s.messages(by["Nora"].ID)
	require.Equal(t, "are you still there?", said[len(said)-1].Text)
	require.Len(t, pages[event](t, s.url+"/v1/conversations/"+by["Nora"].ID+"/events", s.anaKey), int(said[len(said)-1].Seq))

	// The keys that agents and gateways had still work, and so do the secrets that were sealed then.
	into[message](t, s.command(s.anaKey, by["Nora"].ID, "messages", map[string]string{"type": "text", "text": "still here"}), http.StatusCreated)
	s.arrives(old.FailingEndpointSecret, "message.received", "are you still there?")
	s.arrives(old.EndpointSecret, "outbound_message", "still here")
	into[receipt](t, s.post(text("447700900102", "wamid.upgraded", "it came broken")), http.StatusOK)
	until(t, readyWithin, "somebody who was helped before writes again", func() bool {
		waiting := into[list[conversation]](t, s.get("/v1/conversations?status=waiting"), http.StatusOK).Items
		return slices.ContainsFunc(waiting, func(c conversation) bool { return c.Contact.ID == by["Omar"].Contact.ID && c.ID != by["Omar"].ID })
	})
	into[receipt](t, s.post(text("447700900101", "wamid.OLD1", "I need to speak to a human")), http.StatusOK)
	require.Equal(t, "ended", into[conversation](t, s.command(s.anaKey, by["Nora"].ID, "resolve", nil), http.StatusOK).Status)
	require.Len(t, s.messages(by["Nora"].ID), len(said)+1, "what had been accepted before is known")
}

// newUpgraded loads the database, upgrades it as an operator does, and starts the product over it. Temporal knows nothing of it: what
// conversations wait for stands in the rows.
func newUpgraded(t *testing.T) (*stack, upgraded) {
	t.Helper()
	var old upgraded
	described, err := os.ReadFile("testdata/upgrade/schema-6.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(described, &old))
	url := newPostgres(t).database(t)
	load(t, url, "testdata/upgrade/schema-6.sql", time.Since(old.DumpedAt))
	s := prepareStack(t, url, testenv.Temporal(t), string(old.Keyset))
	s.account, s.inbox, s.endpoint, s.secret = old.AccountID, old.InboxID, old.EndpointID, old.EndpointSecret
	s.gatewayKey, s.anaKey, s.adminKey = old.Keys["gateway"], old.Keys["agent"], old.Keys["admin"]
	for _, endpoint := range []string{old.EndpointID, old.FailingEndpointID} {
		command(t, s.env, "endpoint", "update", endpoint, "--account="+s.account, "--url="+s.gateway.URL)
	}
	s.run()
	return s, old
}

// load runs a dump, and moves all its times by how old it is: conversations end after a day.
func load(t *testing.T, url, path string, age time.Duration) {
	t.Helper()
	dump, err := os.ReadFile(path)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), string(dump))
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), `SELECT format('UPDATE %I.%I SET %s', table_schema, table_name,
			string_agg(format('%I = %I + make_interval(secs => %s)', column_name, column_name, $1::bigint), ', '))
		FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' AND is_generated = 'NEVER'
		GROUP BY table_schema, table_name`, int64(age.Seconds()))
	require.NoError(t, err)
	moves, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, moves)
	for _, move := range moves {
		_, err = conn.Exec(t.Context(), move)
		require.NoError(t, err)
	}
}

// arrives waits for a webhook of this event that holds text, and verifies its signature.
func (s *stack) arrives(secret, kind, text string) {
	s.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(s, err)
	until(s.T, readyWithin, kind+" arrives", func() bool {
		return slices.ContainsFunc(s.gateway.Requests(), func(r fixture.Request) bool {
			return strings.Contains(r.Body, text) && r.Header.Get("Handoff-Event") == kind && verifier.Verify([]byte(r.Body), r.Header) == nil
		})
	})
}

// TestAnotherDeploymentsKeySetIsNotPutIntoService starts the API with keys that seal nothing in its database: it would make secrets that
// nobody else opens.
func TestAnotherDeploymentsKeySetIsNotPutIntoService(t *testing.T) {
	t.Parallel()
	s := prepareStack(t, dbtest.URL(t), testenv.Temporal(t), strings.TrimSpace(string(command(t, nil, "keyset"))))
	s.setUp(nil)
	other := strings.TrimSpace(string(command(t, nil, "keyset")))
	s.serve = launch(t, append(slices.Clone(s.env), "HANDOFF_KEYSET="+other), "serve")
	until(t, readyWithin, "it says that it is not ready, and why", func() bool {
		a, err := send(http.MethodGet, s.url+"/readyz", "", nil)
		return err == nil && a.status == http.StatusServiceUnavailable && strings.Contains(s.serve.log(), "opens no secret of this database")
	})
	s.serve.kill()
	s.serve = launch(t, s.env, "serve")
	until(t, readyWithin, "with the right one it is", func() bool {
		a, err := send(http.MethodGet, s.url+"/readyz", "", nil)
		return err == nil && a.status == http.StatusOK
	})
}
