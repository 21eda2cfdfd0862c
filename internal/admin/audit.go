package admin

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Audit writes one entry of the audit log in the transaction that first changes something, so that there is no change without its
// entry and no entry without its change. It belongs to one request or command.
type Audit struct {
	// Entry says who does what. Its target is set by what makes a new thing.
	Entry   dbsqlc.AuditInsertParams
	written bool
}

// DB is database with the entry added to what is changed by way of it.
func (a *Audit) DB(database db.DB) db.DB { return auditedDB{database, a} }

// Written tells whether the entry is in the database, or in the transaction that DB was given.
func (a *Audit) Written() bool { return a.written }

// Write writes the entry by itself, for what was changed elsewhere.
func (a *Audit) Write(ctx context.Context, database db.DB) error {
	err := dbsqlc.New(database).AuditInsert(ctx, a.Entry)
	a.written = err == nil
	return err
}

// made says which thing a command has made.
func (a Admin) made(kind string, account, id handoff.ID) {
	if a.Audit != nil {
		a.Audit.Entry.TargetType, a.Audit.Entry.TargetID, a.Audit.Entry.AccountID = kind, &id, account
	}
}

type auditedDB struct {
	db.DB
	audit *Audit
}

func (d auditedDB) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := d.DB.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &auditedTx{Tx: tx, audit: d.audit, changed: new(bool)}, nil
}

// Exec gives a statement that changes something a transaction, for its entry.
func (d auditedDB) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	if !changes(sql) {
		return d.DB.Exec(ctx, sql, args...)
	}
	err = pgx.BeginFunc(ctx, d, func(tx pgx.Tx) (err error) {
		tag, err = tx.Exec(ctx, sql, args...)
		return err
	})
	return tag, err
}

func (d auditedDB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if !changes(sql) {
		return d.DB.QueryRow(ctx, sql, args...)
	}
	return scanFunc(func(dest ...any) error {
		return pgx.BeginFunc(ctx, d, func(tx pgx.Tx) error { return tx.QueryRow(ctx, sql, args...).Scan(dest...) })
	})
}

type scanFunc func(dest ...any) error

func (f scanFunc) Scan(dest ...any) error { return f(dest...) }

// auditedTx looks at what is done in it: a transaction may be there to read only.
type auditedTx struct {
	pgx.Tx
	audit   *Audit
	changed *bool
	inner   bool
}

func (t *auditedTx) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := t.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &auditedTx{Tx: tx, audit: t.audit, changed: t.changed, inner: true}, nil
}

func (t *auditedTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := t.Tx.Exec(ctx, sql, args...)
	*t.changed = *t.changed || (changes(sql) && tag.RowsAffected() > 0)
	return tag, err
}

func (t *auditedTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	*t.changed = *t.changed || changes(sql)
	return t.Tx.Query(ctx, sql, args...)
}

func (t *auditedTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	*t.changed = *t.changed || changes(sql)
	return t.Tx.QueryRow(ctx, sql, args...)
}

func (t *auditedTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	*t.changed = true
	return t.Tx.SendBatch(ctx, b)
}

func (t *auditedTx) Commit(ctx context.Context) error {
	if t.inner || t.audit.written || !*t.changed {
		return t.Tx.Commit(ctx)
	}
	if err := dbsqlc.New(t.Tx).AuditInsert(ctx, t.audit.Entry); err != nil {
		return err
	}
	err := t.Tx.Commit(ctx)
	t.audit.written = err == nil
	return err
}

// changes tells whether a query of ours writes. Its first line is its name.
func changes(sql string) bool {
	for {
		sql = strings.TrimSpace(sql)
		if !strings.HasPrefix(sql, "--") {
			break
		}
		_, sql, _ = strings.Cut(sql, "\n")
	}
	switch word, _, _ := strings.Cut(strings.ToUpper(sql), " "); strings.TrimSpace(word) {
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		return true
	case "WITH":
		upper := strings.ToUpper(sql)
		return strings.Contains(upper, "INSERT INTO ") || strings.Contains(upper, "UPDATE ") || strings.Contains(upper, "DELETE FROM ")
	}
	return false
}
