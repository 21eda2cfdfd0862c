package e2e_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
)

// TestADumpBringsEverythingBack restores what docs/upgrading.md says to keep, the database, the files and the key set, in another PostgreSQL
// cluster and beside an empty Temporal, and goes on: with the conversations, with the webhooks that were on their way, and with the cursors
// that clients kept.
func TestADumpBringsEverythingBack(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.burnTransactions()
	into[receipt](t, s.post(text("447700900123", "wamid.before", "before the loss")), http.StatusOK)
	conv := s.open()
	into[conversation](t, s.command(s.anaKey, conv.ID, "claim", nil), http.StatusOK)
	s.gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	into[message](t, s.command(s.anaKey, conv.ID, "messages", map[string]string{"type": "text", "text": "I am with you"}), http.StatusCreated)
	until(t, readyWithin, "a webhook that fails", func() bool { return len(s.gateway.Requests()) >= 1 })
	var cursor string
	read := func() (types []string) {
		page := into[list[event]](t, call(t, http.MethodGet, s.url+"/v1/events?limit=100&cursor="+cursor, s.adminKey, nil), http.StatusOK)
		for _, e := range page.Items {
			types = append(types, e.Type)
		}
		cursor = page.NextCursor
		return types
	}
	until(t, readyWithin, "a client has read all events", func() bool { return slices.Contains(read(), "message.queued") })
	dump := s.dump()
	s.burnTransactions()
	read() // the client has gone on after the dump
	for _, p := range []*process{s.serve, s.worker} {
		require.True(t, p.signal(syscall.SIGTERM, readyWithin))
	}

	restored := s.restoredFrom(dump)
	s.gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	require.Equal(t, "Ana", restored.conversation(conv.ID).Assignee.Name)
	before := len(s.gateway.Requests())
	into[receipt](t, restored.post(text("447700900123", "wamid.after", "after the loss")), http.StatusOK)
	into[receipt](t, restored.post(text("447700900123", "wamid.before", "before the loss")), http.StatusOK)
	until(t, readyWithin, "the contact's message is in the same conversation, and the repeat changed nothing", func() bool {
		return len(restored.messages(conv.ID)) == 3
	})
	until(t, readyWithin, "the webhook that was on its way arrives", func() bool { return len(s.gateway.Requests()) > before })
	restored.verify(s.gateway.Requests()[before])
	require.Equal(t, "ended", into[conversation](t, restored.command(s.anaKey, conv.ID, "resolve", nil), http.StatusOK).Status)
	s.url = restored.url
	since := []string{}
	until(t, readyWithin, "the client that kept its cursor reads what came since, and that alone", func() bool {
		since = append(since, read()...)
		return slices.Contains(since, "conversation.ended")
	})
	require.Contains(t, since, "message.received")
	require.NotContains(t, since, "conversation.opened")
}

// burnTransactions brings the cluster far ahead of a new one, as years do.
func (s *stack) burnTransactions() {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), s.databaseURL)
	require.NoError(s, err)
	defer func() { _ = conn.Close(s.Context()) }()
	_, err = conn.Exec(s.Context(), "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
	require.NoError(s, err)
}

// dump is the database as docs/upgrading.md has it saved.
func (s *stack) dump() string {
	s.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil {
		s.Skip("pg_dump is not in PATH: it comes with PostgreSQL's client programs")
	}
	path := filepath.Join(s.TempDir(), "handoff.dump")
	out, err := exec.Command("pg_dump", "--format=custom", "--file="+path, s.databaseURL).CombinedOutput()
	require.NoError(s, err, "%s", out)
	return path
}

// restoredFrom starts the product on a dump in a new cluster, and with a namespace of Temporal that knows nothing.
func (s *stack) restoredFrom(dump string) *stack {
	s.Helper()
	url := newPostgres(s.T).database(s.T)
	out, err := exec.Command("pg_restore", "--no-owner", "--exit-on-error", "--dbname="+url, dump).CombinedOutput()
	require.NoError(s, err, "%s", out)
	r := s.elsewhere(url)
	command(s.T, r.env, "migrate")
	r.run()
	return r
}

// elsewhere is the stack over another database and an empty namespace of Temporal, with nothing running.
func (s *stack) elsewhere(databaseURL string) *stack {
	s.Helper()
	r := *s
	port := freePort(s.T)
	r.databaseURL, r.namespace = databaseURL, "e2e-"+handoff.NewID().String()
	r.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	r.env = append(slices.Clone(s.env), "DATABASE_URL="+databaseURL, "TEMPORAL_NAMESPACE="+r.namespace, "HANDOFF_PUBLIC_URL="+r.url,
		fmt.Sprintf("HANDOFF_LISTEN=127.0.0.1:%d", port), fmt.Sprintf("HANDOFF_WORKER_LISTEN=127.0.0.1:%d", freePort(s.T)))
	return &r
}
