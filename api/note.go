package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Note is a text among agents; it never leaves.
type Note struct {
	ID             handoff.ID `json:"id" format:"uuid"`
	ConversationID handoff.ID `json:"conversation_id" format:"uuid"`
	Text           string     `json:"text"`
	Author         Author     `json:"author"`
	CreatedAt      time.Time  `json:"created_at"`
}

type listNotesInput struct {
	ByID
	Page
}

type addNoteInput struct {
	ByID
	Idempotent
	Body addNoteBody
}

type addNoteBody struct {
	Text    string      `json:"text" minLength:"1" maxLength:"10000"`
	AgentID *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who writes, with an admin's key. An agent's key writes for its agent."`
}

func (s *server) noteRoutes() {
	handle(s, operation{
		id: "list-notes", method: http.MethodGet, path: "/v1/conversations/{id}/notes", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List a conversation's notes", description: "The oldest first.", errors: []int{http.StatusNotFound},
	}, s.listNotes)
	handle(s, operation{
		id: "add-note", method: http.MethodPost, path: "/v1/conversations/{id}/notes", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Add a note", description: "A text among agents. It never leaves: no gateway and no contact sees it.",
		status: http.StatusCreated, errors: []int{http.StatusNotFound}, atomic: true,
	}, s.postNote)
}

func (s *server) listNotes(ctx context.Context, in *listNotesInput) (*listOutput[Note], error) {
	if _, err := s.findConversation(ctx, in.ID); err != nil {
		return nil, err
	}
	return pageByID(in.Page, "notes", func(row dbsqlc.NoteListRow) handoff.ID { return row.ID }, noteView,
		func(after handoff.ID, limit int32) ([]dbsqlc.NoteListRow, error) {
			return s.queries(ctx).NoteList(ctx, dbsqlc.NoteListParams{AccountID: keyOf(ctx).AccountID, ConversationID: in.ID, AfterID: after, RowLimit: limit})
		})
}

func (s *server) postNote(ctx context.Context, in *addNoteInput) (*output[Note], error) {
	conversation, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	row, err := s.addNote(ctx, newNote{
		id: handoff.NewID(), conversation: in.ID, inbox: conversation.Conversation.InboxID, actor: actor, text: in.Body.Text,
	})
	if err != nil {
		return nil, err
	}
	view := dbsqlc.NoteListRow{
		ID: row.ID, AccountID: row.AccountID, ConversationID: row.ConversationID, AgentID: row.AgentID, Text: row.Text,
		CreatedAt: row.CreatedAt,
	}
	if actor.Agent != nil {
		view.AgentName = &actor.Agent.Name
	}
	return &output[Note]{noteView(view)}, nil
}

type newNote struct {
	id, conversation, inbox handoff.ID
	actor                   handoff.Actor
	text                    string
}

// addNote needs no workflow: a note changes nothing that a conversation waits for. Its event holds no text, because events go
// further than notes may.
func (s *server) addNote(ctx context.Context, n newNote) (dbsqlc.Note, error) {
	var note dbsqlc.Note
	account, now := keyOf(ctx).AccountID, s.Now()
	err := db.InTx(ctx, s.db(ctx), func(_ pgx.Tx, q *dbsqlc.Queries) error {
		var seq *int64
		next, err := q.ConversationNextSeq(ctx, n.conversation)
		switch {
		case err == nil:
			seq = &next
		case !errors.Is(err, pgx.ErrNoRows): // no row: it has ended, and its end is its last numbered event
			return err
		}
		note, err = q.NoteInsert(ctx, dbsqlc.NoteInsertParams{
			ID: n.id, AccountID: account, ConversationID: n.conversation, AgentID: n.actor.AgentID(), Text: n.text, CreatedAt: now,
		})
		if err != nil {
			return err
		}
		data, err := json.Marshal(map[string]handoff.ID{"note_id": note.ID})
		if err != nil {
			return err
		}
		return db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{{
			ID: handoff.NewID(), AccountID: account, InboxID: &n.inbox, ConversationID: &n.conversation, Seq: seq,
			Type: handoff.EventNoteAdded, ActorType: n.actor.AuthorType(), ActorID: n.actor.AgentID(), Data: data, OccurredAt: now,
		}}))
	})
	if db.ViolatesUnique(err, "notes_pkey") {
		return note, nil
	}
	return note, err
}

func noteView(row dbsqlc.NoteListRow) Note {
	author := Author{Type: handoff.AuthorSystem}
	if row.AgentID != nil {
		author = Author{Type: handoff.AuthorAgent, ID: row.AgentID, Name: db.OrEmpty(row.AgentName)}
	}
	return Note{ID: row.ID, ConversationID: row.ConversationID, Text: row.Text, Author: author, CreatedAt: row.CreatedAt.UTC()}
}
