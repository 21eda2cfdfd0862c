package api

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
)

// eventPages gives a conversation's events of some types, or of all, in their order: page by page, because there may be any number, and
// at least one page. Each page is a query of its own with a deadline of its own: a transaction as long as the client's patience would
// hold up everybody who waits for what is committed.
func (s *server) eventPages(ctx context.Context, c dbsqlc.Conversation, types []string, show func(context.Context, []dbsqlc.Event) error) error {
	seq, position := int64(0), int64(0)
	err := everyPage(ctx, show, func(ctx context.Context) ([]dbsqlc.Event, error) {
		rows, err := s.queries(ctx).HistoryEventList(ctx, dbsqlc.HistoryEventListParams{
			AccountID: c.AccountID, ConversationID: &c.ID, AfterSeq: &seq, UntilSeq: &c.LastSeq, Types: types, RowLimit: historyPage,
		})
		if len(rows) > 0 {
			seq = *rows[len(rows)-1].Seq
		}
		return rows, err
	})
	if err != nil || c.Status != handoff.StatusEnded {
		return err
	}
	return everyPage(ctx, show, func(ctx context.Context) ([]dbsqlc.Event, error) {
		rows, err := s.queries(ctx).HistoryEventListAfterEnd(ctx, dbsqlc.HistoryEventListAfterEndParams{
			AccountID: c.AccountID, ConversationID: &c.ID, AfterPosition: position, Types: types, RowLimit: historyPage,
		})
		if len(rows) > 0 {
			position = rows[len(rows)-1].Position
		}
		return rows, err
	})
}

// everyPage reads and shows pages until one is not full.
func everyPage[T any](ctx context.Context, show func(context.Context, []T) error, read func(context.Context) ([]T, error)) error {
	one := func() (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		rows, err := read(ctx)
		if err != nil {
			return false, err
		}
		return len(rows) == historyPage, show(ctx, rows)
	}
	for {
		if more, err := one(); err != nil || !more {
			return err
		}
	}
}
