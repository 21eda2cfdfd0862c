// Package dbtest gives tests a migrated Postgres database. Only tests import it.
//
// The schema is migrated once per server into a template, from which databases are cloned; a test gives its database back, emptied, to the next.
package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"handoff"
	"handoff/db"
	"handoff/internal/testenv"
)

const (
	// Packages are tested side by side against one server, which has 100 connections by default.
	poolSize     = 5
	setupTimeout = 60 * time.Second
)

// Tx is a transaction on a migrated database that all tests share. It is rolled back at the end of the test.
func Tx(tb testing.TB) pgx.Tx {
	tb.Helper()
	pool := sharedPool(tb)
	tx, err := pool.Begin(context.Background())
	if err != nil {
		tb.Fatalf("begin the test's transaction: %v", err)
	}
	tb.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

// Pool is connected to a migrated, empty database that belongs to the test alone. It is emptied at the test's end and used again: to
// clone one costs several times as much. Tests that change the schema take URL.
func Pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	server := testenv.Postgres(tb)
	name := spare.take(server)
	if name == "" {
		name = clone(tb, server)
	}
	url := databaseURL(tb, server, name)
	tb.Cleanup(func() { spare.giveBack(tb, server, name, url) })
	pool, err := db.Open(context.Background(), url, poolSize)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// URL is the connection string of a migrated, empty database that belongs to the test alone and is dropped at its end.
func URL(tb testing.TB) string {
	tb.Helper()
	server := testenv.Postgres(tb)
	name := clone(tb, server)
	tb.Cleanup(func() { drop(tb, server, name) })
	return databaseURL(tb, server, name)
}

func clone(tb testing.TB, server string) (name string) {
	tb.Helper()
	template, err := makeTemplate(context.Background(), server)
	if err != nil {
		tb.Fatal(err)
	}
	name = "handoff_test_" + hex.EncodeToString(newID())
	if err := execute(context.Background(), server, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		tb.Fatalf("create the test's database: %v", err)
	}
	return name
}

func drop(tb testing.TB, server, name string) {
	tb.Helper()
	// FORCE: a server under test may still hold a connection.
	if err := execute(context.Background(), server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
		tb.Logf("drop the test's database: %v", err)
	}
}

// shared holds the pools of Tx by server. They live as long as the process, because the last test to use one is not known.
var shared = struct {
	sync.Mutex
	pools map[string]*pgxpool.Pool
}{pools: map[string]*pgxpool.Pool{}}

func sharedPool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	server := testenv.Postgres(tb)
	shared.Lock()
	defer shared.Unlock()
	if pool := shared.pools[server]; pool != nil {
		return pool
	}
	ctx := context.Background()
	name, err := makeShared(ctx, server)
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := db.Open(ctx, databaseURL(tb, server, name), poolSize)
	if err != nil {
		tb.Fatal(err)
	}
	shared.pools[server] = pool
	return pool
}

func databaseURL(tb testing.TB, server, name string) string {
	tb.Helper()
	url, err := withDatabase(server, name)
	if err != nil {
		tb.Fatal(err)
	}
	return url
}

func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("read the test server's URL: it must look like postgres://user@host:port/database: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

func newID() []byte {
	id := handoff.NewID()
	return id[:]
}

// migrationsHash names the schema: a template that was made from other migrations is not used.
var migrationsHash = sync.OnceValues(func() (string, error) {
	dir, err := migrationsDir()
	if err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("find migrations in %s: %d files, %w", dir, len(files), err)
	}
	hash := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(file), len(content), content)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
})

// migrationsDir walks up from the test's working directory, its package's folder, to the folder of go.mod.
func migrationsDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "db", "migrations"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the migrations: there is no go.mod above the test's folder")
		}
		dir = parent
	}
}
