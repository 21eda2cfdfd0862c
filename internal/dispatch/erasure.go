package dispatch

import (
	"context"
	"time"

	"handoff/db/dbsqlc"
)

const (
	eraseEvery = time.Second
	eraseLimit = 100
)

// startErasures sees to it that every erasure has a workflow: whoever asks for one only writes its row, with Temporal away too.
func (d *Dispatcher) startErasures(ctx context.Context) error {
	if d.Erase == nil {
		return nil
	}
	rows, err := dbsqlc.New(d.db).ErasureRunning(ctx, eraseLimit)
	for _, row := range rows {
		if err := d.Erase(ctx, row.AccountID, row.ID, row.ContactID); err != nil {
			return err
		}
	}
	return err
}
