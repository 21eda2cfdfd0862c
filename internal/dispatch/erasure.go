package dispatch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

const (
	eraseEvery = time.Second
	eraseLimit = 100
	// eraseAgain is when Temporal is asked again for the workflow of an erasure that is not finished: it may have lost it.
	eraseAgain = time.Minute
)

// startErasures sees to it that every erasure has a workflow: whoever asks for one only writes its row, with Temporal away too. Only one
// goroutine may call it.
func (d *Dispatcher) startErasures(ctx context.Context, now time.Time) error {
	if d.Erase == nil {
		return nil
	}
	maps.DeleteFunc(d.erasures, func(_ handoff.ID, asked time.Time) bool { return now.Sub(asked) >= eraseAgain })
	rows, err := dbsqlc.New(d.db).ErasureRunning(ctx, dbsqlc.ErasureRunningParams{
		Asked: slices.AppendSeq([]handoff.ID{}, maps.Keys(d.erasures)), RowLimit: eraseLimit,
	})
	if err != nil {
		return err
	}
	failed := []error{}
	for _, row := range rows {
		err := d.Erase(ctx, row.AccountID, row.ID, row.ContactID)
		if err == nil {
			d.erasures[row.ID] = now
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
