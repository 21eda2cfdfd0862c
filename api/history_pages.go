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
	err := everyPage(ctx, 0, show, func(ctx context.Context, after int64) ([]dbsqlc.Event, error) {
		return s.queries(ctx).HistoryEventList(ctx, dbsqlc.HistoryEventListParams{
			AccountID: c.AccountID, ConversationID: &c.ID, AfterSeq: &after, UntilSeq: &c.LastSeq, Types: types, RowLimit: historyPage,
		})
	}, func(e dbsqlc.Event) int64 { return *e.Seq })
	if err != nil || c.Status != handoff.StatusEnded {
		return err
	}
	return everyPage(ctx, 0, show, func(ctx context.Context, after int64) ([]dbsqlc.Event, error) {
		return s.queries(ctx).HistoryEventListAfterEnd(ctx, dbsqlc.HistoryEventListAfterEndParams{
			AccountID: c.AccountID, ConversationID: &c.ID, AfterPosition: after, Types: types, RowLimit: historyPage,
		})
	}, func(e dbsqlc.Event) int64 { return e.Position })
}

// everyPage reads and shows pages until one is not full. The first is what comes after a place, and each other what comes after that of
// the last row before.
func everyPage[T, P any](
	ctx context.Context, after P, show func(context.Context, []T) error, read func(ctx context.Context, after P) ([]T, error), place func(T) P,
) error {
	one := func() (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		rows, err := read(ctx, after)
		if err != nil {
			return false, err
		}
		if len(rows) > 0 {
			after = place(rows[len(rows)-1])
		}
		return len(rows) == historyPage, show(ctx, rows)
	}
	for {
		if more, err := one(); err != nil || !more {
			return err
		}
	}
}
