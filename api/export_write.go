package api

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"handoff"
	"handoff/db/dbsqlc"
)

// ExportLine is one conversation of an export.
type ExportLine struct {
	Conversation Conversation `json:"conversation"`
	Messages     []Message    `json:"messages,omitempty" doc:"In their order, if include has messages."`
	Events       []Event      `json:"events,omitempty" doc:"In their order, if include has events."`
	Notes        []Note       `json:"notes,omitempty" doc:"In their order, if include has notes."`
	Cursor       string       `json:"cursor" doc:"Give it as cursor, with the same filters, to go on after this line."`
}

// ExportEnd is the last line of an export. One without it was cut off.
type ExportEnd struct {
	End           bool `json:"end"`
	Conversations int  `json:"conversations" doc:"How many lines came before in this answer."`
}

// batch shows a few conversations.
func (e *export) batch(ctx context.Context, ids []handoff.ID) error {
	rows, views, err := e.read(ctx, ids)
	if err != nil {
		return err
	}
	for i, row := range rows {
		if err := e.line(ctx, row, views[i]); err != nil {
			return err
		}
		e.written++
	}
	return e.d.flush()
}

func (e *export) read(ctx context.Context, ids []handoff.ID) ([]dbsqlc.ConversationDetailRow, []Conversation, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	found, err := e.s.queries(ctx).FeedConversations(ctx, dbsqlc.FeedConversationsParams{AccountID: e.k.AccountID, Ids: ids})
	if err != nil {
		return nil, nil, err
	}
	rows := make([]dbsqlc.ConversationDetailRow, 0, len(found))
	for _, row := range found {
		rows = append(rows, dbsqlc.ConversationDetailRow(row))
	}
	slices.SortFunc(rows, func(a, b dbsqlc.ConversationDetailRow) int {
		return bytes.Compare(a.Conversation.ID[:], b.Conversation.ID[:])
	})
	views, err := e.s.conversationViews(ctx, e.k.AccountID, rows)
	return rows, views, err
}

// line is an ExportLine, written part by part: it may be longer than what fits into memory. The cursor comes last, so that a line that
// has one is whole.
func (e *export) line(ctx context.Context, row dbsqlc.ConversationDetailRow, view Conversation) error {
	if err := e.d.text(`{"conversation":`); err != nil {
		return err
	}
	if err := e.d.json(view, ""); err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		asked bool
		write func(context.Context, dbsqlc.ConversationDetailRow, *elements) error
	}{
		{"messages", e.messages, e.writeMessages}, {"events", e.events, e.writeEvents}, {"notes", e.notes, e.writeNotes},
	} {
		if !part.asked {
			continue
		}
		if err := e.d.text(`,"` + part.name + `":[`); err != nil {
			return err
		}
		if err := part.write(ctx, row, &elements{d: e.d}); err != nil {
			return err
		}
		if err := e.d.text("]"); err != nil {
			return err
		}
	}
	if err := e.d.text(`,"cursor":`); err != nil {
		return err
	}
	return e.d.json(encodeCursor(exportCursor, row.Conversation.ID), "}\n")
}

func (e *export) writeMessages(ctx context.Context, row dbsqlc.ConversationDetailRow, out *elements) error {
	c := row.Conversation
	return everyPage(ctx, 0, func(ctx context.Context, rows []dbsqlc.Message) error {
		views, err := e.s.messageViews(ctx, c.AccountID, rows, func(handoff.ID) string { return row.ContactName })
		if err != nil {
			return err
		}
		return addAll(out, views)
	}, func(ctx context.Context, after int64) ([]dbsqlc.Message, error) {
		return e.s.queries(ctx).MessageListByConversation(ctx, dbsqlc.MessageListByConversationParams{
			AccountID: c.AccountID, ConversationID: &c.ID, AfterSeq: &after, RowLimit: historyPage,
		})
	}, func(row dbsqlc.Message) int64 { return *row.Seq })
}

func (e *export) writeEvents(ctx context.Context, row dbsqlc.ConversationDetailRow, out *elements) error {
	return e.s.eventPages(ctx, row.Conversation, []string{}, func(_ context.Context, rows []dbsqlc.Event) error {
		views, err := eventViews(rows)
		if err != nil {
			return err
		}
		return addAll(out, views)
	})
}

func (e *export) writeNotes(ctx context.Context, row dbsqlc.ConversationDetailRow, out *elements) error {
	c := row.Conversation
	return everyPage(ctx, handoff.ID{}, func(_ context.Context, rows []dbsqlc.NoteListRow) error {
		views := make([]Note, 0, len(rows))
		for _, row := range rows {
			views = append(views, noteView(row))
		}
		return addAll(out, views)
	}, func(ctx context.Context, after handoff.ID) ([]dbsqlc.NoteListRow, error) {
		return e.s.queries(ctx).NoteList(ctx, dbsqlc.NoteListParams{
			AccountID: c.AccountID, ConversationID: c.ID, AfterID: after, RowLimit: historyPage,
		})
	}, func(row dbsqlc.NoteListRow) handoff.ID { return row.ID })
}

// elements are those of an array that is written bit by bit.
type elements struct {
	d     *download
	wrote bool
}

func addAll[T any](to *elements, views []T) error {
	for _, view := range views {
		if to.wrote {
			to.d.page.WriteByte(',')
		}
		to.wrote = true
		if err := to.d.json(view, ""); err != nil {
			return err
		}
	}
	return nil
}

// json writes a value and what follows it.
func (d *download) json(value any, end string) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return d.text(string(body), end)
}
