package api

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// Conversation is one hand-off from its first message to its end.
type Conversation struct {
	ID              handoff.ID        `json:"id" format:"uuid"`
	InboxID         handoff.ID        `json:"inbox_id" format:"uuid"`
	Status          handoff.Status    `json:"status" enum:"bot,waiting,assigned,snoozed,ended"`
	EndReason       handoff.EndReason `json:"end_reason,omitempty" enum:"resolved,inactivity,gateway,admin"`
	Disposition     string            `json:"disposition,omitempty" doc:"How it was resolved, in the words of the agent's client."`
	Contact         Contact           `json:"contact"`
	Team            *TeamRef          `json:"team,omitempty" doc:"Whose queue it belongs to."`
	Priority        string            `json:"priority" enum:"low,normal,high,urgent"`
	Skills          []string          `json:"skills" doc:"What an agent needs who is to get it automatically."`
	QueuedAt        *time.Time        `json:"queued_at,omitempty" doc:"Its place in line, which it keeps when it comes back to the queue."`
	Control         *Control          `json:"control,omitempty" doc:"Since when and why whoever holds it does so."`
	Offer           *Offer            `json:"offer,omitempty" doc:"Who may accept it now."`
	SnoozedUntil    *time.Time        `json:"snoozed_until,omitempty" doc:"Absent from a snoozed conversation that sleeps until the contact writes."`
	ResolveAt       *time.Time        `json:"resolve_at,omitempty" doc:"It is resolved then, unless somebody undoes it."`
	AwaitingSince   *time.Time        `json:"awaiting_since,omitempty" doc:"The contact's first message, or the offload, that nobody has answered."`
	ResponseDueAt   *time.Time        `json:"response_due_at,omitempty" doc:"When the first or next response is late."`
	PreviousID      *handoff.ID       `json:"previous_id,omitempty" format:"uuid" doc:"The conversation that it goes on from."`
	Assignee        *AgentRef         `json:"assignee,omitempty"`
	WindowExpiresAt *time.Time        `json:"window_expires_at,omitempty" doc:"Until then anything can be sent, after it templates only. Absent if the contact has never written."`
	InactiveAt      *time.Time        `json:"inactive_at,omitempty" doc:"When inactivity ends the conversation."`
	LastActivityAt  time.Time         `json:"last_activity_at"`
	OpenedAt        time.Time         `json:"opened_at"`
	EndedAt         *time.Time        `json:"ended_at,omitempty"`
	UnreadCount     int32             `json:"unread_count"`
	LastMessage     *Message          `json:"last_message,omitempty"`
	Tags            []string          `json:"tags"`
	Attributes      map[string]string `json:"attributes"`
	Seq             int64             `json:"seq" doc:"The number of the latest event that is in it. Of two answers the one with the greater seq is newer, version or not."`
	Version         int64             `json:"version" doc:"Grows with every change of who holds the conversation, of its times and of its messages. Tags, attributes, priority, notes and the unread mark leave it as it is."`
	WorkflowURL     string            `json:"workflow_url,omitempty" doc:"The conversation in the Temporal UI."`
}

// TeamRef names a team.
type TeamRef struct {
	ID   handoff.ID `json:"id" format:"uuid"`
	Name string     `json:"name"`
}

// Control is how whoever holds a conversation came to hold it.
type Control struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// Offer is a conversation offered to an agent, or to the bot.
type Offer struct {
	Agent     *AgentRef  `json:"agent,omitempty"`
	ToBot     bool       `json:"to_bot"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// conversationViews reads what belongs to the conversations in three queries, however many there are.
func (s *server) conversationViews(ctx context.Context, account handoff.ID, rows []dbsqlc.ConversationDetailRow) ([]Conversation, error) {
	views := make([]Conversation, 0, len(rows))
	contacts, messages := make([]handoff.ID, 0, len(rows)), []handoff.ID{}
	for _, row := range rows {
		view, err := s.conversationView(row)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
		contacts = append(contacts, row.Conversation.ContactID)
		if row.Conversation.LastMessageID != nil {
			messages = append(messages, *row.Conversation.LastMessageID)
		}
	}
	if len(views) == 0 {
		return views, nil
	}
	q := s.queries(ctx)
	identities, err := q.ContactIdentityList(ctx, dbsqlc.ContactIdentityListParams{AccountID: account, ContactIds: contacts})
	if err != nil {
		return nil, err
	}
	last, err := q.MessageListByIDs(ctx, dbsqlc.MessageListByIDsParams{AccountID: account, Ids: messages})
	if err != nil {
		return nil, err
	}
	lastViews, err := s.messageViews(ctx, account, last, func(contact handoff.ID) string {
		return views[slices.Index(contacts, contact)].Contact.Name
	})
	if err != nil {
		return nil, err
	}
	byID := make(map[handoff.ID]*Message, len(lastViews))
	for i := range lastViews {
		byID[lastViews[i].ID] = &lastViews[i]
	}
	for i, row := range rows {
		for _, identity := range identities {
			if identity.ContactID == row.Conversation.ContactID {
				views[i].Contact.Identities = append(views[i].Contact.Identities, Identity{identity.Kind, identity.Value})
			}
		}
		if id := row.Conversation.LastMessageID; id != nil {
			views[i].LastMessage = byID[*id]
		}
	}
	return views, nil
}

func (s *server) conversationView(row dbsqlc.ConversationDetailRow) (Conversation, error) {
	c := row.Conversation
	view := Conversation{
		ID: c.ID, InboxID: c.InboxID, Status: c.Status, Disposition: db.OrEmpty(c.Disposition), Assignee: (*AgentRef)(assigneeOf(row)),
		Contact:         Contact{ID: c.ContactID, Name: row.ContactName, Identities: []Identity{}},
		WindowExpiresAt: utc(c.WindowExpiresAt), InactiveAt: utc(c.InactiveAt), LastActivityAt: c.LastActivityAt.UTC(),
		OpenedAt: c.OpenedAt.UTC(), EndedAt: utc(c.EndedAt), UnreadCount: c.UnreadCount, Seq: c.LastSeq, Version: c.Version,
		Priority: c.Priority.String(), Skills: orNone(c.Skills), QueuedAt: utc(c.QueuedAt), SnoozedUntil: utc(c.SnoozedUntil),
		ResolveAt: utc(c.ResolveAt), AwaitingSince: utc(c.AwaitingSince), ResponseDueAt: utc(c.ResponseDueAt), PreviousID: c.PreviousID,
		Offer: offerOf(row), Tags: orNone(c.Tags), Attributes: map[string]string{},
	}
	if c.TeamID != nil {
		view.Team = &TeamRef{ID: *c.TeamID, Name: db.OrEmpty(row.TeamName)}
	}
	if c.ControlSince != nil {
		view.Control = &Control{Since: c.ControlSince.UTC(), Reason: db.OrEmpty(c.ControlReason)}
	}
	if c.EndReason != nil {
		view.EndReason = *c.EndReason
	}
	view.WorkflowURL = s.workflowURL(workflows.ConversationID(c.InboxID, c.ContactID))
	return view, json.Unmarshal(c.Attributes, &view.Attributes)
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func offerOf(row dbsqlc.ConversationDetailRow) *Offer {
	c := row.Conversation
	if c.OfferedTo == nil && !c.OfferedBot {
		return nil
	}
	offer := &Offer{ExpiresAt: utc(c.OfferExpiresAt), ToBot: c.OfferedBot}
	if c.OfferedTo != nil {
		offer.Agent = &AgentRef{ID: *c.OfferedTo, Name: db.OrEmpty(row.OfferedName)}
	}
	return offer
}

func assigneeOf(row dbsqlc.ConversationDetailRow) *handoff.AgentRef {
	if row.Conversation.AssigneeID == nil {
		return nil
	}
	return &handoff.AgentRef{ID: *row.Conversation.AssigneeID, Name: db.OrEmpty(row.AssigneeName)}
}
