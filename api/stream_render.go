package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/feed"
)

// StreamEvent is an event with what a client needs to show it, so that it does not have to ask.
type StreamEvent struct {
	Event
	Conversation *Conversation `json:"conversation,omitempty" doc:"The conversation as it was when the event was read: it may be newer than the event. Compare seq: version stays where only tags, attributes, priority or notes change."`
	Message      *Message      `json:"message,omitempty" doc:"The message that the event is about, as it was then. Its media.url is good for an hour."`
	Note         *Note         `json:"note,omitempty" doc:"The note that was added."`
}

// streamFrames gives events as they go over the wire, in their order. Whatever they are about is read once, for everybody.
func (s *server) streamFrames(ctx context.Context, rows []dbsqlc.Event) ([][]byte, error) {
	events, err := eventViews(rows)
	if err != nil {
		return nil, err
	}
	accounts := map[handoff.ID]*streamContext{}
	for i, row := range rows {
		a := accounts[row.AccountID]
		if a == nil {
			a = newStreamContext()
			accounts[row.AccountID] = a
		}
		a.mention(row, events[i])
	}
	for id, a := range accounts {
		if err := s.fill(ctx, id, a); err != nil {
			return nil, err
		}
	}
	frames := make([][]byte, 0, len(rows))
	for i, row := range rows {
		frame, err := streamFrame(feed.PositionOf(row), accounts[row.AccountID].event(row, events[i]))
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	return frames, nil
}

// streamFrame is an event in the form of Server-Sent Events. JSON has no line ends of its own.
func streamFrame(position feed.Position, e StreamEvent) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", encodeCursor(eventCursor, position), e.Type, data), nil
}

// streamContext is what the events of an account are about.
type streamContext struct {
	conversations map[handoff.ID]*Conversation
	messages      map[handoff.ID]*Message
	notes         map[handoff.ID]*Note
}

func newStreamContext() *streamContext {
	return &streamContext{map[handoff.ID]*Conversation{}, map[handoff.ID]*Message{}, map[handoff.ID]*Note{}}
}

// mention notes what has to be read.
func (a *streamContext) mention(row dbsqlc.Event, e Event) {
	if row.ConversationID != nil {
		a.conversations[*row.ConversationID] = nil
	}
	if row.MessageID != nil {
		a.messages[*row.MessageID] = nil
	}
	if id, ok := noteOf(e); ok {
		a.notes[id] = nil
	}
}

func (a *streamContext) event(row dbsqlc.Event, e Event) StreamEvent {
	out := StreamEvent{Event: e}
	if row.ConversationID != nil {
		out.Conversation = a.conversations[*row.ConversationID]
	}
	if row.MessageID != nil {
		out.Message = a.messages[*row.MessageID]
	}
	if id, ok := noteOf(e); ok {
		out.Note = a.notes[id]
	}
	return out
}

func noteOf(e Event) (id handoff.ID, ok bool) {
	text, _ := e.Data["note_id"].(string)
	return id, e.Type == handoff.EventNoteAdded && id.UnmarshalText([]byte(text)) == nil
}

// fill reads what was mentioned.
func (s *server) fill(ctx context.Context, account handoff.ID, a *streamContext) error {
	q := s.queries(ctx)
	names := map[handoff.ID]string{}
	if len(a.conversations) > 0 {
		found, err := q.FeedConversations(ctx, dbsqlc.FeedConversationsParams{AccountID: account, Ids: idsOf(a.conversations)})
		if err != nil {
			return err
		}
		rows := make([]dbsqlc.ConversationDetailRow, 0, len(found))
		for _, row := range found {
			rows = append(rows, dbsqlc.ConversationDetailRow(row))
			names[row.Conversation.ContactID] = row.ContactName
		}
		views, err := s.conversationViews(ctx, account, rows)
		if err != nil {
			return err
		}
		for i := range views {
			a.conversations[views[i].ID] = &views[i]
		}
	}
	if len(a.messages) > 0 {
		rows, err := q.MessageListByIDs(ctx, dbsqlc.MessageListByIDsParams{AccountID: account, Ids: idsOf(a.messages)})
		if err != nil {
			return err
		}
		views, err := s.messageViews(ctx, account, rows, func(contact handoff.ID) string { return names[contact] })
		if err != nil {
			return err
		}
		for i := range views {
			a.messages[views[i].ID] = &views[i]
		}
	}
	return s.fillNotes(ctx, account, a)
}

func (s *server) fillNotes(ctx context.Context, account handoff.ID, a *streamContext) error {
	if len(a.notes) == 0 {
		return nil
	}
	rows, err := s.queries(ctx).FeedNotes(ctx, dbsqlc.FeedNotesParams{AccountID: account, Ids: idsOf(a.notes)})
	if err != nil {
		return err
	}
	for _, row := range rows {
		view := noteView(dbsqlc.NoteListRow(row))
		a.notes[view.ID] = &view
	}
	return nil
}

func idsOf[T any](m map[handoff.ID]T) []handoff.ID { return slices.Collect(maps.Keys(m)) }
