package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

const (
	leastVersion = 15
	secretsPage  = 500
	secretsNamed = 10
	notifyWait   = 5 * time.Second
)

func databaseChecks() []Check {
	base := []string{"database"}
	return []Check{
		{Name: "database", Looks: "`DATABASE_URL` leads to a PostgreSQL that lets us in", run: checkDatabase},
		{Name: "database_server", Looks: "its version is 15 or newer and its encoding UTF8; no extension is needed", Needs: base, run: checkServer},
		{Name: "database_schema", Looks: "every migration is applied", Needs: base, run: checkSchema},
		{Name: "database_connections", Looks: "`max_connections` leaves room for the pools of a serve and a worker", Needs: base, run: checkConnections},
		{Name: "database_notify", Looks: "a notification gets through, which a pooler in transaction mode drops", Needs: base, run: checkNotify},
		{Name: "database_clock", Looks: "its clock and ours agree", Needs: base, run: checkDatabaseClock},
		{Name: "secrets", Looks: "the key set opens every sealed secret", Needs: []string{"key_set", "database_schema"}, Timeout: time.Minute, run: checkSecrets},
	}
}

func checkDatabase(ctx context.Context, v *visit) []Finding {
	pool, err := v.Pool(ctx)
	if err == nil {
		v.pool = pool
		return ok("PostgreSQL answers")
	}
	says, cause, cure := "PostgreSQL cannot be used: "+rootOf(err), "", "start PostgreSQL, or correct host and port in DATABASE_URL"
	var refused *pgconn.PgError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28"):
		cause, cure = "it does not take this name and password", "correct name and password in DATABASE_URL"
	case errors.As(err, &refused) && refused.Code == "3D000":
		cause, cure = "the server has no database of this name", "make it (CREATE DATABASE … ENCODING 'UTF8'), or correct the name in DATABASE_URL"
	case errors.As(err, &refused) && refused.Code == "53300":
		cause, cure = "all its connections are taken", "raise max_connections, or lower HANDOFF_DB_CONNECTIONS"
	case pooled(err):
		cause, cure = throughPooler, pastPooler
	case errors.As(err, &unknown):
		cause, cure = "the name server does not know the host", "correct the host in DATABASE_URL"
	case strings.HasPrefix(err.Error(), "read DATABASE_URL"):
		says, cure = "DATABASE_URL cannot be read", "write it as postgres://name:password@host:5432/database"
	}
	return fail(says, cause, cure)
}

// rootOf is the innermost cause: what surrounds it may name the user and the database.
func rootOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	if joined, many := err.(interface{ Unwrap() []error }); many && len(joined.Unwrap()) > 0 {
		return rootOf(joined.Unwrap()[0])
	}
	if strings.Contains(err.Error(), "://") || strings.Contains(err.Error(), "password=") {
		return "it cannot be reached"
	}
	return err.Error()
}

func checkServer(ctx context.Context, v *visit) []Finding {
	s, err := dbsqlc.New(v.pool).DoctorServer(ctx)
	switch {
	case err != nil:
		return unread(err)
	case s.Version/10_000 < leastVersion:
		return fail("PostgreSQL is version "+s.VersionText, "", fmt.Sprintf("upgrade to %d or newer", leastVersion))
	case s.Encoding != "UTF8":
		return fail("the database's encoding is "+s.Encoding, "it was made with another encoding than UTF8, and messages in most languages cannot be kept",
			"make a database with ENCODING 'UTF8' TEMPLATE template0, and move what is in this one by pg_dump")
	}
	return ok("PostgreSQL %s, UTF8, no extension is needed", s.VersionText)
}

const (
	throughPooler = "a pooler in transaction mode, such as PgBouncer's pool_mode=transaction, lies between, through which handoff does not work: it drops " +
		"the settings of connections, prepared statements fail, and LISTEN is forgotten"
	pastPooler = "let DATABASE_URL lead to PostgreSQL itself, or to a pooler in session mode that passes settings on (PgBouncer's ignore_startup_parameters is no help)"
)

// pooled tells whether an error is that of a pooler: of a setting that it does not pass on, or of a statement that another connection prepared.
func pooled(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) &&
		(strings.Contains(refused.Message, "unsupported startup parameter") || refused.Code == "26000" || refused.Code == "42P05")
}

func unread(err error) []Finding {
	if pooled(err) {
		return fail("PostgreSQL did not answer a question: "+rootOf(err), throughPooler, pastPooler)
	}
	return fail("PostgreSQL did not answer a question: "+rootOf(err), "", "look into PostgreSQL's log")
}

func checkSchema(ctx context.Context, v *visit) []Finding {
	current, err := v.Migrated(ctx)
	switch {
	case err != nil:
		return unread(err)
	case !current:
		return fail("the schema is behind this version of handoff, or the database is a restored one whose events do not go on yet",
			"handoff was set up or upgraded, or the database restored from a dump, and `handoff migrate` was not run afterwards", "run `handoff migrate`")
	}
	moved, err := dbsqlc.New(v.pool).FeedMoved(ctx)
	switch {
	case err != nil:
		return unread(err)
	case moved:
		return warn("the database lives in another cluster than before, or its cluster was promoted or brought back to an earlier point",
			"clients may have read events that are lost, and their cursors would skip as many new ones", "run `handoff migrate`")
	}
	return ok("every migration is applied")
}

func checkConnections(ctx context.Context, v *visit) []Finding {
	s, err := dbsqlc.New(v.pool).DoctorServer(ctx)
	if err != nil {
		return unread(err)
	}
	pool, room := v.pool.Config().MaxConns, s.MaxConnections-s.Reserved
	if 2*pool > room {
		return warn(fmt.Sprintf("a serve and a worker open up to %d connections each, and PostgreSQL has %d for everybody", pool, room),
			"max_connections is small, or the pools are large", fmt.Sprintf("set HANDOFF_DB_CONNECTIONS to %d or less, or raise max_connections", max(2, room/3)))
	}
	return ok("pools of %d connections; PostgreSQL has %d, of which %d are in use", pool, room, s.Connections)
}

// checkNotify listens on one connection and notifies by another.
func checkNotify(ctx context.Context, v *visit) []Finding {
	conn, err := v.Connect(ctx)
	if err != nil {
		return unread(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only looked at
	channel := "handoff_doctor_" + strings.ReplaceAll(handoff.NewID().String(), "-", "")
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return unread(err)
	}
	if _, err := v.pool.Exec(ctx, "SELECT pg_notify($1, '')", channel); err != nil {
		return unread(err)
	}
	waitCtx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	if _, err := conn.WaitForNotification(waitCtx); err != nil {
		return fail("a notification did not get through", throughPooler, pastPooler)
	}
	return ok("a notification gets through")
}

func checkDatabaseClock(ctx context.Context, v *visit) []Finding {
	asked := v.Now()
	s, err := dbsqlc.New(v.pool).DoctorServer(ctx)
	if err != nil {
		return unread(err)
	}
	answered := v.Now()
	return clockFinding("PostgreSQL", asked.Add(answered.Sub(asked)/2).Sub(s.At))
}

// clockFinding says what a skew means: how far this machine is ahead.
func clockFinding(whose string, skew time.Duration) []Finding {
	words := spread(skew)
	if words == "" {
		return ok("this machine's clock and that of %s agree", whose)
	}
	f := Finding{
		Status: Warning, Says: fmt.Sprintf("this machine's clock is %s that of %s", words, whose),
		Cause: "one of them is not kept by NTP", Cure: "run chrony, ntpd or systemd-timesyncd on both: receivers refuse webhooks whose time is five minutes off, and timers run by these clocks",
	}
	if skew.Abs() > tolerated {
		f.Status = Failed
	}
	return []Finding{f}
}

// checkSecrets opens every secret. What is inside is not looked at.
func checkSecrets(ctx context.Context, v *visit) []Finding {
	var total, old, closed int
	var named []string
	after := dbsqlc.DoctorSecretsParams{RowLimit: secretsPage}
	for {
		rows, err := dbsqlc.New(v.pool).DoctorSecrets(ctx, after)
		if err != nil {
			return unread(err)
		}
		for _, row := range rows {
			total++
			if _, err := v.box.Open(row.Sealed, secretbox.AssociatedData{
				AccountID: row.AccountID, Table: row.PlaceTable, Column: row.PlaceColumn, RowID: row.PlaceID,
			}); err != nil {
				closed++
				if len(named) < secretsNamed {
					named = append(named, fmt.Sprintf("%s.%s of %s", row.PlaceTable, row.PlaceColumn, row.RowID))
				}
			} else if !v.box.Current(row.Sealed) {
				old++
			}
			after.AfterID, after.AfterColumn = row.RowID, row.PlaceColumn
		}
		if len(rows) < secretsPage {
			break
		}
	}
	if closed > 0 {
		return fail(fmt.Sprintf("%d of %d secrets do not open: %s", closed, total, strings.Join(named, ", ")),
			"the key set lacks the key that sealed them: it is another deployment's, or a key was dropped before they were sealed anew",
			"find the key set that was in use when they were saved (a backup of HANDOFF_KEYSET); failing that, save these secrets again: rotate endpoint secrets, and give inboxes their tokens")
	}
	if old > 0 {
		return ok("%d secrets open, %d of them sealed by an older key of the set: handoff keyset reseal seals them anew", total, old)
	}
	return ok("%d secrets open, all sealed by the newest key in use", total)
}
