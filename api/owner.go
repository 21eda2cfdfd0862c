package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/registry"
)

// Owner is who may speak to the contact now.
type Owner struct {
	Owner          string         `json:"owner" enum:"bot,agent,nobody" doc:"bot: no person is concerned, the bot may speak. agent: a person has the conversation. nobody: it waits for a person, and the bot keeps quiet."`
	Agent          *AgentRef      `json:"agent,omitempty"`
	TeamID         *handoff.ID    `json:"team_id,omitempty" format:"uuid" doc:"In whose queue it waits, or in whose name the agent has it."`
	ConversationID *handoff.ID    `json:"conversation_id,omitempty" format:"uuid" doc:"Absent if there has been none, or if it is just being opened."`
	Status         handoff.Status `json:"status,omitempty" enum:"bot,waiting,assigned,snoozed,ended"`
	Since          *time.Time     `json:"since,omitempty" doc:"Since when. Absent for a contact of whom nobody has heard."`
	Reason         string         `json:"reason,omitempty" doc:"Why: opened, offloaded, claimed, accepted, assigned, transferred, taken_over, released, agent_silent, agent_away, passed, contact_wrote, reopened, started, ended." example:"claimed"`
}

type contactOwnerInput struct {
	ByID
	Contact string `query:"contact" required:"true" minLength:"1" maxLength:"200" doc:"The contact's phone number, BSUID, user name or session id."`
	Kind    string `query:"kind" enum:"bsuid,phone,username,session" doc:"What the contact is named by; any if absent."`
}

func (s *server) ownerRoutes() {
	handle(s, operation{
		id: "get-owner", method: http.MethodGet, path: "/v1/conversations/{id}/owner", tag: conversationTag, scope: handoff.ScopeAgent,
		also: []handoff.Scope{handoff.ScopeGateway}, summary: "Who holds a conversation?",
		description: "Linearisable: an answer reflects every command and every offload that was answered before it was asked for.",
		errors:      []int{http.StatusNotFound},
	}, s.conversationOwner)
	handle(s, operation{
		id: "get-contact-owner", method: http.MethodGet, path: "/v1/inboxes/{id}/owner", tag: "Gateway", scope: handoff.ScopeGateway,
		also: []handoff.Scope{handoff.ScopeAgent}, summary: "May the bot speak to a contact?",
		description: "For a bot to ask before it speaks: who holds the contact's conversation in this inbox. Linearisable, as `get-owner` is. " +
			"A contact of whom nobody has heard is the bot's.",
		errors: []int{http.StatusNotFound},
	}, s.contactOwner)
}

func (s *server) conversationOwner(ctx context.Context, in *ByID) (*output[Owner], error) {
	found, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	inbox, err := s.queries(ctx).InboxGetAny(ctx, found.Conversation.InboxID)
	if err != nil {
		return nil, err
	}
	row, err := s.queries(ctx).ConversationOwner(ctx, dbsqlc.ConversationOwnerParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "conversation")
	}
	return &output[Owner]{ownerView(dbsqlc.ContactOwnerRow{
		ID: &row.ID, Status: row.Status, ControlSince: row.ControlSince, ControlReason: row.ControlReason,
		OpenedAt: &row.OpenedAt, AssigneeID: row.AssigneeID, AssigneeName: row.AssigneeName, TeamID: row.TeamID, AskedAt: row.AskedAt,
		WroteAt: row.WroteAt,
	}, inbox.Protocol)}, nil
}

func (s *server) contactOwner(ctx context.Context, in *contactOwnerInput) (*output[Owner], error) {
	k := keyOf(ctx)
	if k.InboxID != nil && *k.InboxID != in.ID {
		return nil, handoff.Errorf(handoff.CodeNotFound, "there is no such inbox")
	}
	inbox, err := s.queries(ctx).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: k.AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "inbox")
	}
	row, err := s.queries(ctx).ContactOwner(ctx, dbsqlc.ContactOwnerParams{
		AccountID: k.AccountID, InboxID: in.ID, Kind: in.Kind, Names: handoff.PhoneVariants(strings.TrimPrefix(strings.TrimSpace(in.Contact), "+")),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return &output[Owner]{Owner{Owner: "bot"}}, nil
	}
	if err != nil {
		return nil, err
	}
	return &output[Owner]{ownerView(row, inbox.Protocol)}, nil
}

func ownerView(row dbsqlc.ContactOwnerRow, of handoff.Protocol) Owner {
	status := handoff.Status(row.Status)
	asked := askedFor(row, of)
	if status == "" {
		if asked != nil {
			return Owner{Owner: "nobody", Since: asked, Reason: "offloaded"}
		}
		return Owner{Owner: "bot"}
	}
	view := Owner{
		Owner: "nobody", ConversationID: row.ID, Status: status, TeamID: row.TeamID, Since: utc(row.ControlSince), Reason: db.OrEmpty(row.ControlReason),
	}
	if view.Since == nil {
		view.Since = utc(row.OpenedAt)
	}
	switch {
	case status == handoff.StatusEnded || status == handoff.StatusBot:
		if asked != nil {
			return Owner{Owner: "nobody", Since: asked, Reason: "offloaded"}
		}
		view.Owner = "bot"
	case row.AssigneeID != nil:
		view.Owner, view.Agent = "agent", &AgentRef{ID: *row.AssigneeID, Name: db.OrEmpty(row.AssigneeName)}
	}
	return view
}

// askedFor is since when a person is asked for by what was accepted and not applied yet; nil for not at all. What a contact writes opens a
// conversation where there is none; in one that the bot has it is for the bot, unless the gateway posts only what is for people.
func askedFor(row dbsqlc.ContactOwnerRow, of handoff.Protocol) *time.Time {
	protocol, _ := registry.Of(of)
	for _, at := range []struct {
		time   time.Time
		counts bool
	}{
		{row.AskedAt, true},
		{row.WroteAt, handoff.Status(row.Status) != handoff.StatusBot || protocol.Handover},
	} {
		if at.counts && at.time.After(time.Unix(0, 0)) {
			return utc(&at.time)
		}
	}
	return nil
}
