package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Note is a text among agents; it never leaves.
type Note struct {
	ID             handoff.ID   `json:"id" format:"uuid"`
	ConversationID handoff.ID   `json:"conversation_id" format:"uuid"`
	Text           string       `json:"text"`
	Author         Author       `json:"author"`
	Mentions       []handoff.ID `json:"mentions" doc:"The agents whom it names."`
	CreatedAt      time.Time    `json:"created_at"`
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
	Text     string       `json:"text" minLength:"1" maxLength:"10000"`
	Mentions []handoff.ID `json:"mentions,omitempty" format:"uuid" maxItems:"50" doc:"Agents of the account whom the note names. They find it in their list of mentions."`
	AgentID  *handoff.ID  `json:"agent_id,omitempty" format:"uuid" doc:"Who writes, with an admin's key. An agent's key writes for its agent."`
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
		mentions: in.Body.Mentions,
	})
	if err != nil {
		return nil, err
	}
	view := dbsqlc.NoteListRow{
		ID: row.ID, AccountID: row.AccountID, ConversationID: row.ConversationID, AgentID: row.AgentID, Text: row.Text,
		CreatedAt: row.CreatedAt, Mentions: distinct(in.Body.Mentions),
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
	mentions                []handoff.ID
}

type noteAdded struct {
	NoteID   handoff.ID   `json:"note_id"`
	Mentions []handoff.ID `json:"mentions,omitempty"`
}

// addNote needs no workflow: a note changes nothing that a conversation waits for. Its event holds no text, because events go
// further than notes may.
func (s *server) addNote(ctx context.Context, n newNote) (dbsqlc.Note, error) {
	account, now, mentions := keyOf(ctx).AccountID, s.Now(), distinct(n.mentions)
	var note dbsqlc.Note
	err := s.perform(ctx, deed{
		account: account, conversation: n.conversation, kind: handoff.EventNoteAdded, actor: n.actor,
		do: func(ctx context.Context, q *dbsqlc.Queries, _ dbsqlc.Conversation) (any, error) {
			known, err := q.AgentListKnown(ctx, dbsqlc.AgentListKnownParams{AccountID: account, Ids: mentions})
			if err != nil {
				return nil, err
			}
			if len(known) != len(mentions) {
				return nil, fieldError("body.mentions", "they name an agent whom this account does not have")
			}
			note, err = q.NoteInsert(ctx, dbsqlc.NoteInsertParams{
				ID: n.id, AccountID: account, ConversationID: n.conversation, AgentID: n.actor.AgentID(), Text: n.text, CreatedAt: now,
			})
			if err != nil {
				return nil, err
			}
			err = q.MentionInsert(ctx, dbsqlc.MentionInsertParams{AccountID: account, NoteID: note.ID, AgentIds: mentions})
			return noteAdded{note.ID, mentions}, err
		},
	})
	if db.ViolatesUnique(err, "notes_pkey") {
		// A repeated request: its first run has added it.
		return dbsqlc.New(s.db(ctx)).NoteGet(ctx, dbsqlc.NoteGetParams{AccountID: account, ID: n.id})
	}
	return note, err
}

// distinct gives each id once, in order.
func distinct(ids []handoff.ID) []handoff.ID {
	out := slices.Clone(ids)
	slices.SortFunc(out, func(x, y handoff.ID) int { return bytes.Compare(x[:], y[:]) })
	return slices.Compact(out)
}

func noteView(row dbsqlc.NoteListRow) Note {
	author := Author{Type: handoff.AuthorSystem}
	if row.AgentID != nil {
		author = Author{Type: handoff.AuthorAgent, ID: row.AgentID, Name: db.OrEmpty(row.AgentName)}
	}
	note := Note{
		ID: row.ID, ConversationID: row.ConversationID, Text: row.Text, Author: author, Mentions: []handoff.ID{}, CreatedAt: row.CreatedAt.UTC(),
	}
	note.Mentions = append(note.Mentions, row.Mentions...)
	return note
}
