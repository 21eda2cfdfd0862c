package dbtest

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"handoff/db"
)

// setupLock is the advisory lock under which templates are made. Advisory locks hold per database, so everybody takes it in
// the database that the server's URL names.
const setupLock = 0x68616e646f6666

// makeTemplate gives the name of the migrated database that others are cloned from, and makes it first where it is missing.
func makeTemplate(ctx context.Context, server string) (string, error) {
	hash, err := migrationsHash()
	if err != nil {
		return "", err
	}
	name := "handoff_template_" + hash
	return name, makeOnce(ctx, server, name, func(draft string) error {
		if err := execute(ctx, server, "CREATE DATABASE "+draft); err != nil {
			return err
		}
		url, err := withDatabase(server, draft)
		if err != nil {
			return err
		}
		_, err = db.Migrate(ctx, url)
		return err
	})
}

// makeShared gives the name of the database that Tx works in. It is not the template itself, because a database with
// connections cannot be cloned.
func makeShared(ctx context.Context, server string) (string, error) {
	template, err := makeTemplate(ctx, server)
	if err != nil {
		return "", err
	}
	hash, err := migrationsHash()
	if err != nil {
		return "", err
	}
	name := "handoff_shared_" + hash
	return name, makeOnce(ctx, server, name, func(draft string) error {
		return execute(ctx, server, "CREATE DATABASE "+draft+" TEMPLATE "+template)
	})
}

// makeOnce makes a database under another name and renames it when it is complete, so that a process that was killed half-way
// leaves nothing that looks finished.
func makeOnce(ctx context.Context, server, name string, build func(draft string) error) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("reach the test database server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	if made, err := exists(ctx, conn, name); made || err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(setupLock)); err != nil {
		return fmt.Errorf("wait for another process that prepares the test database: %w", err)
	}
	if made, err := exists(ctx, conn, name); made || err != nil {
		return err
	}
	draft := name + "_draft"
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+draft+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop what is left of an unfinished test database: %w", err)
	}
	if err := build(draft); err != nil {
		return fmt.Errorf("prepare test database %s: %w", name, err)
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name); err != nil {
		return fmt.Errorf("finish test database %s: %w", name, err)
	}
	return nil
}

func exists(ctx context.Context, conn *pgx.Conn, name string) (bool, error) {
	var found bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found)
	return found, err
}

func execute(ctx context.Context, server, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("reach the test database server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
