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
	return everyPage(ctx, lastID, func(ctx context.Context, found []dbsqlc.ConversationListByContactRow) error {
		views, err := e.s.contactConversationViews(ctx, e.contact.AccountID, found)
		if err != nil {
			return err
		}
		return writeLines(out, views)
	}, func(ctx context.Context, before handoff.ID) ([]dbsqlc.ConversationListByContactRow, error) {
		return e.s.queries(ctx).ConversationListByContact(ctx, dbsqlc.ConversationListByContactParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, BeforeID: before, RowLimit: historyPage,
		})
	}, func(row dbsqlc.ConversationListByContactRow) handoff.ID { return row.Conversation.ID })
}

// messages are those of all conversations, and those of none: what was said to the bot.
func (e *contactExport) messages(ctx context.Context, out io.Writer) error {
	return everyPage(ctx, handoff.ID{}, func(ctx context.Context, rows []dbsqlc.Message) error {
		views, err := e.s.messageViews(ctx, e.contact.AccountID, rows, func(handoff.ID) string { return e.contact.Name })
		if err != nil {
			return err
		}
		return writeLines(out, views)
	}, func(ctx context.Context, after handoff.ID) ([]dbsqlc.Message, error) {
		return e.s.queries(ctx).ContactExportMessages(ctx, dbsqlc.ContactExportMessagesParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
		})
	}, func(row dbsqlc.Message) handoff.ID { return row.ID })
}

func (e *contactExport) writeNotes(ctx context.Context, out io.Writer) error {
	return everyPage(ctx, handoff.ID{}, func(_ context.Context, rows []dbsqlc.ContactExportNotesRow) error {
		for _, row := range rows {
			if err := writeLine(out, noteView(dbsqlc.NoteListRow(row))); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context, after handoff.ID) ([]dbsqlc.ContactExportNotesRow, error) {
		return e.s.queries(ctx).ContactExportNotes(ctx, dbsqlc.ContactExportNotesParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
		})
	}, func(row dbsqlc.ContactExportNotesRow) handoff.ID { return row.ID })
}

func (e *contactExport) ratings(ctx context.Context, out io.Writer) error {
	return everyPage(ctx, handoff.ID{}, func(_ context.Context, rows []dbsqlc.ContactExportRatingsRow) error {
		for _, row := range rows {
			if err := writeLine(out, ratingView(row.Rating, row.AgentName)); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context, after handoff.ID) ([]dbsqlc.ContactExportRatingsRow, error) {
		return e.s.queries(ctx).ContactExportRatings(ctx, dbsqlc.ContactExportRatingsParams{
			AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
		})
	}, func(row dbsqlc.ContactExportRatingsRow) handoff.ID { return row.Rating.ConversationID })
}
