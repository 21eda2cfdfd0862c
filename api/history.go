package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/history"
)

// historyPage is how many events or messages are read at once: each page is a query of its own.
const historyPage = 500

// conversationAt is a conversation as of its event seq. What stands in no event is left out, and its version is none that could be expected.
func (s *server) conversationAt(ctx context.Context, row dbsqlc.ConversationDetailRow, seq int64) (*output[Conversation], error) {
	if seq > row.Conversation.LastSeq {
		return nil, badParameter("query.at_seq", fmt.Sprintf("the conversation's last event is %d: give a number from 1 to %d", row.Conversation.LastSeq, row.Conversation.LastSeq))
	}
	state, err := s.foldUntil(ctx, row.Conversation, seq)
	if err != nil {
		return nil, err
	}
	past, err := s.pastRow(ctx, row, state)
	if err != nil {
		return nil, err
	}
	out, err := s.conversationOutput(ctx, past)
	if err != nil {
		return nil, err
	}
	if m := out.Body.LastMessage; m != nil {
		m.Status = state.LastMessageStatus
		if m.Status != handoff.MessageFailed {
			m.Failure = nil
		}
	}
	return out, nil
}

func (s *server) foldUntil(ctx context.Context, c dbsqlc.Conversation, seq int64) (history.State, error) {
	state := history.Begin(c.OpenedAt)
	for state.Seq < seq {
		after := state.Seq
		rows, err := s.queries(ctx).HistoryEventList(ctx, dbsqlc.HistoryEventListParams{
			AccountID: c.AccountID, ConversationID: &c.ID, AfterSeq: &after, UntilSeq: &seq, Types: []string{}, RowLimit: historyPage,
		})
		if err != nil {
			return state, err
		}
		for _, row := range rows {
			if err := state.Apply(historyEvent(row)); err != nil {
				return state, err
			}
		}
		if len(rows) < historyPage {
			break
		}
	}
	return state, nil
}

func historyEvent(row dbsqlc.Event) history.Event {
	return history.Event{Seq: row.Seq, Type: row.Type, ActorType: row.ActorType, MessageID: row.MessageID, Data: row.Data, At: row.At}
}

// pastRow is the row of a conversation as a state has it.
func (s *server) pastRow(ctx context.Context, row dbsqlc.ConversationDetailRow, state history.State) (dbsqlc.ConversationDetailRow, error) {
	attributes, err := json.Marshal(state.Attributes)
	if err != nil {
		return row, err
	}
	past := dbsqlc.ConversationDetailRow{ContactName: row.ContactName, Conversation: dbsqlc.Conversation{
		ID: row.Conversation.ID, AccountID: row.Conversation.AccountID, InboxID: row.Conversation.InboxID, ContactID: row.Conversation.ContactID,
		Status: state.Status, Disposition: optional(state.Disposition), TeamID: state.TeamID, Priority: state.Priority, Skills: state.Skills,
		Tags: state.Tags, Attributes: attributes, QueuedAt: state.QueuedAt, ControlSince: &state.ControlSince, ControlReason: &state.ControlReason,
		LastSeq: state.Seq, SnoozedUntil: state.SnoozedUntil, ResolveAt: state.ResolveAt, PreviousID: state.PreviousID, OpenedAt: state.OpenedAt, EndedAt: state.EndedAt,
		LastActivityAt: state.LastActivityAt, UnreadCount: state.UnreadCount, LastMessageID: state.LastMessageID,
	}}
	c := &past.Conversation
	if state.EndReason != "" {
		c.EndReason = &state.EndReason
	}
	if state.Assignee != nil {
		c.AssigneeID, past.AssigneeName = &state.Assignee.ID, &state.Assignee.Name
	}
	if o := state.Offer; o != nil {
		c.OfferedBot, c.OfferExpiresAt = o.Agent == nil, &o.ExpiresAt
		if o.Agent != nil {
			c.OfferedTo, past.OfferedName = &o.Agent.ID, &o.Agent.Name
		}
	}
	if state.TeamID == nil {
		return past, nil
	}
	past.TeamName, err = s.teamName(ctx, c.AccountID, *state.TeamID)
	return past, err
}

// teamName names a team, a deleted one too.
func (s *server) teamName(ctx context.Context, account, id handoff.ID) (*string, error) {
	team, err := s.queries(ctx).TeamGetAny(ctx, dbsqlc.TeamGetAnyParams{AccountID: account, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &team.Name, err
}
