package api

import (
	"context"
	"encoding/json"
	"strings"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/history"
)

// entries tells a page of events.
func (t *transcript) entries(ctx context.Context, rows []dbsqlc.Event) ([]TranscriptEntry, error) {
	said, err := t.said(ctx, rows)
	if err != nil {
		return nil, err
	}
	agents, err := t.agents(ctx, rows)
	if err != nil {
		return nil, err
	}
	entries := make([]TranscriptEntry, 0, len(rows))
	for _, row := range rows {
		if e, ok := said[row.ID]; ok {
			entries = append(entries, e)
			continue
		}
		if row.Type == handoff.EventNoteAdded || strings.HasPrefix(string(row.Type), "message.") {
			continue // how far a message has come shows at the message
		}
		author := Author{Type: row.ActorType, ID: row.ActorID}
		switch {
		case row.ActorType == handoff.AuthorContact:
			author.ID, author.Name = &t.view.Contact.ID, t.view.Contact.Name
		case row.ActorID != nil:
			author.Name = agents[*row.ActorID]
		}
		entry, err := eventEntry(row, author, t.teams)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// said gives the entries of those events that put a message, or a note, into the conversation.
func (t *transcript) said(ctx context.Context, rows []dbsqlc.Event) (map[handoff.ID]TranscriptEntry, error) {
	account := t.conversation.Conversation.AccountID
	var messages, notes []handoff.ID
	byMessage, byNote := map[handoff.ID]dbsqlc.Event{}, map[handoff.ID]dbsqlc.Event{}
	for _, row := range rows {
		if row.Type == handoff.EventNoteAdded {
			id, err := noteAddedBy(row)
			if err != nil {
				return nil, err
			}
			notes, byNote[id] = append(notes, id), row
			continue
		}
		if row.MessageID != nil && history.Arrives(historyEvent(row)) {
			messages, byMessage[*row.MessageID] = append(messages, *row.MessageID), row
		}
	}
	out := make(map[handoff.ID]TranscriptEntry, len(messages)+len(notes))
	found, err := t.s.queries(ctx).MessageListByIDs(ctx, dbsqlc.MessageListByIDsParams{AccountID: account, Ids: messages})
	if err != nil {
		return nil, err
	}
	views, err := t.s.messageViews(ctx, account, found, func(handoff.ID) string { return t.view.Contact.Name })
	if err != nil {
		return nil, err
	}
	for _, view := range views {
		out[byMessage[view.ID].ID] = messageEntry(view, byMessage[view.ID].Seq)
	}
	written, err := t.s.queries(ctx).FeedNotes(ctx, dbsqlc.FeedNotesParams{AccountID: account, Ids: notes})
	for _, note := range written {
		out[byNote[note.ID].ID] = noteEntry(noteView(dbsqlc.NoteListRow(note)), byNote[note.ID].Seq)
	}
	return out, err
}

// agents names those who acted, and learns the names of the teams.
func (t *transcript) agents(ctx context.Context, rows []dbsqlc.Event) (map[handoff.ID]string, error) {
	account, names := t.conversation.Conversation.AccountID, map[handoff.ID]string{}
	var ids []handoff.ID
	for _, row := range rows {
		if row.ActorID != nil {
			ids = append(ids, *row.ActorID)
		}
		if err := t.learnTeam(ctx, row); err != nil {
			return nil, err
		}
	}
	found, err := t.s.queries(ctx).AgentListKnown(ctx, dbsqlc.AgentListKnownParams{AccountID: account, Ids: distinct(ids)})
	for _, agent := range found {
		names[agent.ID] = agent.Name
	}
	return names, err
}

func noteAddedBy(row dbsqlc.Event) (handoff.ID, error) {
	var added noteAdded
	err := json.Unmarshal(row.Data, &added)
	return added.NoteID, err
}

// learnTeam reads the name of the team that an event names, once.
func (t *transcript) learnTeam(ctx context.Context, row dbsqlc.Event) error {
	if row.Type != handoff.EventTransferred {
		return nil
	}
	var d eventDetails
	if err := json.Unmarshal(row.Data, &d); err != nil || d.TeamID == nil {
		return err
	}
	if _, known := t.teams[*d.TeamID]; known {
		return nil
	}
	name, err := t.s.teamName(ctx, row.AccountID, *d.TeamID)
	t.teams[*d.TeamID] = db.OrEmpty(name)
	return err
}
