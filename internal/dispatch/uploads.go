package dispatch

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
)

const (
	// uploadFor is how long an upload waits for a message to use it.
	uploadFor   = 24 * time.Hour
	uploadLimit = 100
	tidyEvery   = 24 * time.Hour
)

// expireUploads deletes uploads that no message ever used.
func (d *Dispatcher) expireUploads(ctx context.Context) error {
	for {
		n, err := d.deleteUploads(ctx, time.Now().Add(-uploadFor))
		if err != nil || n < uploadLimit {
			return err
		}
	}
}

// deleteUploads deletes one batch. The rows go last: whatever dies on the way, they tell the next sweep of the files.
func (d *Dispatcher) deleteUploads(ctx context.Context, before time.Time) (n int, err error) {
	err = db.InTx(ctx, d.db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		ids, err := q.MediaLockUnused(ctx, dbsqlc.MediaLockUnusedParams{Before: before, RowLimit: uploadLimit})
		if err != nil || len(ids) == 0 {
			return err
		}
		rows, err := q.MediaDeleteUnused(ctx, ids)
		if err != nil {
			return err
		}
		n = len(ids)
		for _, row := range rows {
			if err := d.Files.Delete(ctx, mediastore.Key(row.AccountID, row.ID)); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// tidyFiles removes what killed writes have left. No write takes a day.
func (d *Dispatcher) tidyFiles(ctx context.Context) error {
	_, err := d.Files.Sweep(ctx, time.Now().Add(-tidyEvery))
	return err
}
