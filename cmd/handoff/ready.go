package main

import (
	"context"
	"errors"
	"time"

	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/feed"
	"handoff/internal/health"
	"handoff/internal/secretbox"
	"handoff/internal/temporalclient"
)

// drainFlags say how serve stops.
type drainFlags struct {
	Drain time.Duration `help:"For how long a serve that was asked to stop goes on as before while /readyz answers 503: as long as a load balancer needs to notice." env:"HANDOFF_DRAIN" default:"3s" group:"API"`
}

// watch makes the checks of /readyz, and shows them among the metrics.
func (s *stack) watch(checks ...health.Check) {
	s.health = health.New(s.log, time.Now, checks...)
	s.metrics.Checks(s.health.Last)
}

// databaseChecks are for a process that can do nothing without its database.
func (s *stack) databaseChecks() []health.Check {
	return []health.Check{{Name: "database", Run: s.pool.Ping}, {Name: "schema", Run: s.checkSchema}, {Name: "keyset", Run: s.checkKeyset}}
}

// temporalCheck takes a worker out of service, which has nothing else to do, and only degrades the API: intake goes on without Temporal.
func (s *stack) temporalCheck(advisory bool) health.Check {
	return health.Check{Name: "temporal", Advisory: advisory, Run: func(ctx context.Context) error {
		return temporalclient.Check(ctx, s.temporal, s.namespace)
	}}
}

// pollsCheck tells a worker that waits for tasks from one that is still starting, or has stopped.
func (s *stack) pollsCheck() health.Check {
	return health.Check{Name: "polls", Run: func(context.Context) error {
		if !s.polls.Waiting() {
			return errors.New("no request for tasks is under way")
		}
		return nil
	}}
}

func listenCheck(events *feed.Hub) health.Check {
	return health.Check{Name: "listen", Advisory: true, Run: func(context.Context) error {
		if !events.Hearing() {
			return errors.New("PostgreSQL does not announce new events (LISTEN): they are looked for every second")
		}
		return nil
	}}
}

// checkSchema looks until the schema is current: it only goes forward, and each look opens a connection of its own.
func (s *stack) checkSchema(ctx context.Context) error {
	if s.migrated.Load() {
		return nil
	}
	current, err := db.Migrated(ctx, s.databaseURL)
	if err == nil && !current {
		err = errors.New("the schema is behind, or the database was restored from a dump: run `handoff migrate`")
	}
	s.migrated.Store(err == nil)
	return err
}

// keysetSample is how many secrets are tried. Single ones may be damaged; that none opens is another deployment's key set.
const keysetSample = 20

// checkKeyset looks until a secret opens, or there is none: with the wrong key set webhooks could not be signed, and new secrets would be
// sealed so that the others' keys do not open them.
func (s *stack) checkKeyset(ctx context.Context) error {
	if s.opened.Load() {
		return nil
	}
	rows, err := dbsqlc.New(s.pool).DoctorSecrets(ctx, dbsqlc.DoctorSecretsParams{RowLimit: keysetSample})
	if err != nil {
		return err
	}
	for _, row := range rows {
		place := secretbox.AssociatedData{AccountID: row.AccountID, Table: row.PlaceTable, Column: row.PlaceColumn, RowID: row.PlaceID}
		if _, err = s.box.Open(row.Sealed, place); err == nil {
			break
		}
	}
	if err != nil {
		return errors.New("the key set opens no secret of this database: see HANDOFF_KEYSET and HANDOFF_KEYSET_FILE; it is another deployment's")
	}
	s.opened.Store(true)
	return nil
}

// serving is the context of what answers requests. When ctx is done, /readyz says so at once, and serving ends HANDOFF_DRAIN later: whoever
// sends requests has stopped by then.
func (s *stack) serving(ctx context.Context) (context.Context, context.CancelFunc) {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-ctx.Done():
		case <-serving.Done():
			return
		}
		s.health.Drain()
		timer := time.NewTimer(s.drain)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-serving.Done():
		}
		stop()
	}()
	return serving, stop
}
