// Package db holds what the product knows: schema, queries and the transactions that more than one package needs.
//
// Postgres is the truth about every conversation. SQL stands in queries and migrations only; dbsqlc is generated from them.
package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB runs queries and transactions. A pool is one, and so is a transaction, whose transactions are savepoints; tests use that
// to leave nothing behind.
type DB interface {
	dbsqlc.DBTX
	Begin(ctx context.Context) (pgx.Tx, error)
}

// connectTimeout bounds the start of a connection: one that hangs holds a place in the pool, and the driver waits without an end.
const connectTimeout = 10 * time.Second

// Open connects a pool to url and checks that the server answers. conns is the pool's size, 0 for the driver's default. Options are the
// last to change the configuration.
func Open(ctx context.Context, url string, conns int32, options ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	config, err := poolConfig(url)
	if err != nil {
		return nil, err
	}
	if conns > 0 {
		config.MaxConns = conns
	}
	config.MinIdleConns = min(2, config.MaxConns)
	config.MaxConnLifetimeJitter = 5 * time.Minute
	for name, value := range map[string]string{
		"application_name": "handoff", "timezone": "UTC",
		// A statement's plan is made once and kept. Postgres would otherwise plan those that take arrays anew each time, which was a
		// quarter of its CPU time for a message. Lists with optional filters ask for plans of their own: see Planned.
		"plan_cache_mode":   "force_generic_plan",
		"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s",
	} {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		// Without it ids travel through database/sql's Valuer as text, which was a tenth of the CPU time of a message.
		pgxuuid.Register(conn.TypeMap())
		return nil
	}
	for _, option := range options {
		option(config)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database at %s: %w", config.ConnConfig.Host, err)
	}
	return pool, nil
}

// InTx runs f in a transaction and commits what it did, or rolls all of it back when f fails.
func InTx(ctx context.Context, db DB, f func(pgx.Tx, *dbsqlc.Queries) error) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return f(tx, dbsqlc.New(tx)) })
}

// Planned runs f with plans that are made for its arguments: for lists, whose filters may be absent.
func Planned(ctx context.Context, db DB, f func(*dbsqlc.Queries) error) error {
	return InTx(ctx, db, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		if _, err := tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_custom_plan"); err != nil {
			return err
		}
		return f(q)
	})
}

// Migrate brings the schema up to date and gives the number of migrations that it applied. Several processes may call it at
// once: an advisory lock lets one of them work.
func Migrate(ctx context.Context, url string) (int, error) {
	provider, closeDB, err := migrationProvider(url)
	if err != nil {
		return 0, err
	}
	defer closeDB()
	results, err := provider.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(results), continueFeed(ctx, url)
}

// continueFeed lets the events of a database that was restored from a dump go on: see migration 00012_feed_offset.
func continueFeed(ctx context.Context, url string) error {
	return connected(ctx, url, func(q *dbsqlc.Queries) error {
		if _, err := q.FeedContinue(ctx); err != nil {
			return fmt.Errorf("let the events go on: %w", err)
		}
		return nil
	})
}

// Migrated tells whether the schema is up to date, and whether events go on where a restored dump ended.
func Migrated(ctx context.Context, url string) (bool, error) {
	provider, closeDB, err := migrationProvider(url)
	if err != nil {
		return false, err
	}
	defer closeDB()
	pending, err := provider.HasPending(ctx)
	if err != nil || pending {
		return false, err
	}
	behind := false
	err = connected(ctx, url, func(q *dbsqlc.Queries) error {
		behind, err = q.FeedBehind(ctx)
		return err
	})
	return !behind, err
}

// connected runs f on a connection of its own: there may be no pool yet.
func connected(ctx context.Context, url string, f func(*dbsqlc.Queries) error) error {
	conn, err := Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return f(dbsqlc.New(conn))
}

// Connect opens one connection that is in no pool. The caller closes it.
func Connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := connConfig(url)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return conn, nil
}

// poolConfig reads a connection string, and bounds the start of connections.
func poolConfig(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	if config.ConnConfig.ConnectTimeout == 0 || config.ConnConfig.ConnectTimeout > connectTimeout {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// connConfig is for one connection. It is read as the pool's is: pgx's own parser takes pool_max_conns and the like for settings of the
// server, which refuses the connection for them.
func connConfig(url string) (*pgx.ConnConfig, error) {
	config, err := poolConfig(url)
	if err != nil {
		return nil, err
	}
	return config.ConnConfig, nil
}

func migrationProvider(url string) (*goose.Provider, func(), error) {
	config, err := connConfig(url)
	if err != nil {
		return nil, nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	// goose's own locker polls every five seconds, which a second process would always wait for.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, nil, err
	}
	conn := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, conn, files, goose.WithSessionLocker(locker))
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return provider, func() { _ = conn.Close() }, nil
}

// NotFound turns the driver's "no rows" into the product's error; what names the thing in words.
func NotFound(err error, what string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return handoff.Errorf(handoff.CodeNotFound, "there is no such %s", what)
	}
	return err
}

// Unstorable is the product's error for a value that Postgres cannot hold, nil for any other error. JSON allows U+0000 and half a
// surrogate pair, and Postgres' text does not.
func Unstorable(err error) *handoff.Error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || !strings.HasPrefix(pg.Code, "22") {
		return nil
	}
	return &handoff.Error{
		Code: handoff.CodeInvalid, Err: err, Message: "a value cannot be stored: remove U+0000, unpaired surrogates and numbers beyond all limits",
	}
}

// LogText is what a log may say of err. What PostgreSQL says of a statement that failed can hold values, such as a number or a part of a
// text: of it there is the code and what it is about, by name.
func LogText(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err.Error()
	}
	text := "PostgreSQL: SQLSTATE " + pg.Code
	for _, about := range [][2]string{{"constraint", pg.ConstraintName}, {"table", pg.TableName}, {"column", pg.ColumnName}} {
		if about[1] != "" {
			text += ", " + about[0] + " " + about[1]
		}
	}
	return text
}

// ViolatesUnique tells whether err is the violation of the named unique index.
func ViolatesUnique(err error, index string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == index
}

// SchemaMissing tells whether a statement failed for lack of a table or a column: the database has not been migrated.
func SchemaMissing(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42703")
}
