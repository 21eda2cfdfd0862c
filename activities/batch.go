package activities

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
)

// batch makes one delivery of those that are held back at the head of the lane, once their window is over, they are as many as may be
// sent together, something else stands behind them, or somebody asked for one of them now: the next step sends it. A batch is a batch even of one.
func (l *lane) batch(ctx context.Context, head dbsqlc.Delivery) (bool, error) {
	var wait time.Duration
	err := db.InTx(ctx, l.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		size := int32(1)
		if l.endpoint.BufferSize != nil {
			size = *l.endpoint.BufferSize
		}
		rows, err := q.DeliveryBatch(ctx, dbsqlc.DeliveryBatchParams{
			InboxID: head.InboxID, ContactID: head.ContactID, EndpointID: head.EndpointID, FromPosition: head.Position, RowLimit: size + 1,
		})
		if err != nil || len(rows) == 0 || !rows[0].Buffered {
			return err // somebody else made the batch
		}
		parts := headOf(rows, int(size))
		now := l.Now()
		asked := slices.ContainsFunc(parts, func(d dbsqlc.Delivery) bool { return d.ManualAt != nil })
		if due := rows[0].NextAttemptAt; !asked && len(parts) == len(rows) && len(parts) < int(size) && due != nil && now.Before(*due) {
			wait = due.Sub(now)
			return nil
		}
		return l.merge(ctx, q, parts, now)
	})
	if err != nil {
		return false, err
	}
	l.reread()
	if wait > 0 {
		return false, &waiting{wait: wait, reason: "waits for more to send together"}
	}
	return l.step(ctx)
}

// headOf are the held-back deliveries of one event that lead the lane, as many as fit into one webhook.
func headOf(rows []dbsqlc.Delivery, size int) []dbsqlc.Delivery {
	n, bytes := 0, batchEnvelope
	for n < len(rows) && n < size && rows[n].Buffered && rows[n].EventType == rows[0].EventType {
		bytes += len(rows[n].Body) + len(",")
		if n > 0 && bytes > maxWebhook {
			break
		}
		n++
	}
	return rows[:n]
}

func (l *lane) merge(ctx context.Context, q *dbsqlc.Queries, rows []dbsqlc.Delivery, now time.Time) error {
	parts := make([]protocol.Part, 0, len(rows))
	merged := []handoff.ID{}
	for i, row := range rows {
		part := protocol.Part{Body: row.Body}
		if row.Seq != nil {
			part.Seq = *row.Seq
		}
		parts = append(parts, part)
		if i > 0 {
			merged = append(merged, row.ID)
		}
	}
	window := time.Duration(0)
	if l.endpoint.BufferSeconds != nil {
		window = time.Duration(*l.endpoint.BufferSeconds) * time.Second
	}
	hook, err := l.protocol.Merge(rows[0].EventType, parts, window)
	if err != nil {
		return err
	}
	header, err := headerColumn(hook.Header, rows[0].ID)
	if err != nil {
		return err
	}
	return q.DeliveryBecomeBatch(ctx, dbsqlc.DeliveryBecomeBatchParams{
		ID: rows[0].ID, Body: hook.Body, Headers: header, DueAt: &now, MergedIds: merged,
	})
}
