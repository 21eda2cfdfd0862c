package api

import (
	"context"
	"encoding/json"
	"io"

	"handoff"
	"handoff/db/dbsqlc"
)

// writeLine writes a value as one line of JSON.
func writeLine(out io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err == nil {
		_, err = out.Write(append(line, '\n'))
	}
	return err
}

func writeLines[T any](out io.Writer, values []T) error {
	for _, value := range values {
		if err := writeLine(out, value); err != nil {
			return err
		}
	}
	return nil
}

// conversations come the newest first.
func (e *contactExport) conversations(ctx context.Context, out io.Writer) error {
	before := lastID
	return everyPage(ctx, func(ctx context.Context, found []dbsqlc.ConversationListByContactRow) error {
		rows := make([]dbsqlc.ConversationDetailRow, 0, len(found))
		for _, row := range found {
			rows = append(rows, dbsqlc.ConversationDetailRow{Conversation: row.Conversation, ContactName: row.ContactName, AssigneeName: row.AssigneeName})
		}
		views, err := e.s.conversationViews(ctx, e.contact.AccountID, rows)
		if err != nil {
			return err
		}
		return writeLines(out, views)
	}, func(ctx context.Context) ([]dbsqlc.ConversationListByContactRow, error) {
		rows, err := e.s.queries(ctx).ConversationListByContact(ctx, dbsqlc.ConversationListByContactParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, BeforeID: before, RowLimit: historyPage,
		})
		if len(rows) > 0 {
			before = rows[len(rows)-1].Conversation.ID
		}
		return rows, err
	})
}

// messages are those of all conversations, and those of none: what was said to the bot.
func (e *contactExport) messages(ctx context.Context, out io.Writer) error {
	after := handoff.ID{}
	return everyPage(ctx, func(ctx context.Context, rows []dbsqlc.Message) error {
		views, err := e.s.messageViews(ctx, e.contact.AccountID, rows, func(handoff.ID) string { return e.contact.Name })
		if err != nil {
			return err
		}
		return writeLines(out, views)
	}, func(ctx context.Context) ([]dbsqlc.Message, error) {
		rows, err := e.s.queries(ctx).ContactExportMessages(ctx, dbsqlc.ContactExportMessagesParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
		})
		if len(rows) > 0 {
			after = rows[len(rows)-1].ID
		}
		return rows, err
	})
}

func (e *contactExport) writeNotes(ctx context.Context, out io.Writer) error {
	after := handoff.ID{}
	return everyPage(ctx, func(_ context.Context, rows []dbsqlc.ContactExportNotesRow) error {
		for _, row := range rows {
			if err := writeLine(out, noteView(dbsqlc.NoteListRow(row))); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context) ([]dbsqlc.ContactExportNotesRow, error) {
		rows, err := e.s.queries(ctx).ContactExportNotes(ctx, dbsqlc.ContactExportNotesParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
		})
		if len(rows) > 0 {
			after = rows[len(rows)-1].ID
		}
		return rows, err
	})
}

func (e *contactExport) ratings(ctx context.Context, out io.Writer) error {
	after := handoff.ID{}
	return everyPage(ctx, func(_ context.Context, rows []dbsqlc.ContactExportRatingsRow) error {
		for _, row := range rows {
			if err := writeLine(out, ratingView(row.Rating, row.AgentName)); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context) ([]dbsqlc.ContactExportRatingsRow, error) {
		rows, err := e.s.queries(ctx).ContactExportRatings(ctx, dbsqlc.ContactExportRatingsParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
		})
		if len(rows) > 0 {
			after = rows[len(rows)-1].Rating.ConversationID
		}
		return rows, err
	})
}
