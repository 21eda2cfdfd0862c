package dbtest

import (
	"context"
	"sync"
	"testing"
)

// spare are the databases of tests that have ended, emptied, by server.
var spare = spares{names: map[string][]string{}}

type spares struct {
	mu    sync.Mutex
	names map[string][]string
}

// take is empty where there is none.
func (s *spares) take(server string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := s.names[server]
	if len(free) == 0 {
		return ""
	}
	s.names[server] = free[:len(free)-1]
	return free[len(free)-1]
}

// emptied makes a database as it was cloned. Connections that something of the test still holds are ended first; no trigger and no
// foreign key has a say, so that the order of the tables does not matter.
const emptied = `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'feed_clusters') LOOP
        EXECUTE format('DELETE FROM %I', one.tablename);
    END LOOP;
    UPDATE feed_clusters SET cluster = feed_cluster();
    PERFORM setval(sequencename::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public' AND sequencename NOT LIKE 'goose%';
END $$;`

// giveBack empties a database for the next test. One that cannot be emptied is dropped.
func (s *spares) giveBack(tb testing.TB, server, name, url string) {
	tb.Helper()
	if err := execute(context.Background(), url, emptied); err != nil {
		tb.Logf("empty the test's database: %v", err)
		drop(tb, server, name)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[server] = append(s.names[server], name)
}
