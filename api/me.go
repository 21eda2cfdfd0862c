package api

import (
	"context"
	"net/http"

	"handoff"
	"handoff/db/dbsqlc"
)

// maxInboxes is how many inboxes Me lists at most.
const maxInboxes = 1000

// Me is what a client has to know of its key to begin with.
type Me struct {
	AccountID handoff.ID    `json:"account_id" format:"uuid"`
	Scope     handoff.Scope `json:"scope" enum:"gateway,agent,admin"`
	Agent     *Agent        `json:"agent,omitempty" doc:"Whom the key acts for; absent for an admin's key."`
	Inboxes   []InboxRef    `json:"inboxes" doc:"Those that the key may see, by their ids; 1000 at most."`
}

// InboxRef is what agents have to know of an inbox.
type InboxRef struct {
	ID                  handoff.ID       `json:"id" format:"uuid"`
	Name                string           `json:"name"`
	Protocol            handoff.Protocol `json:"protocol" enum:"hitlchat,chatlayer,aksita,kapso,passthrough,native"`
	TeamID              *handoff.ID      `json:"team_id,omitempty" format:"uuid" doc:"In whose line its conversations wait, unless a rule says otherwise."`
	TimeZone            string           `json:"time_zone"`
	Replies             string           `json:"replies" enum:"assignee,anyone" doc:"Who may answer an assigned conversation."`
	UndoSeconds         int32            `json:"undo_seconds" doc:"For how long a resolve can be undone unless it says otherwise."`
	Dispositions        []string         `json:"dispositions" doc:"What resolve takes; anything if there are none."`
	DispositionRequired bool             `json:"disposition_required"`
	TypingIndicators    bool             `json:"typing_indicators"`
	ReadReceipts        bool             `json:"read_receipts"`
}

func (s *server) meRoutes() {
	handle(s, operation{
		id: "get-me", method: http.MethodGet, path: "/v1/me", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Who am I?", description: "The agent of the key, with presence and teams, and the inboxes: where a client begins.",
	}, s.me)
}

func (s *server) me(ctx context.Context, _ *struct{}) (*output[Me], error) {
	k := keyOf(ctx)
	view := Me{AccountID: k.AccountID, Scope: k.Scope, Inboxes: []InboxRef{}}
	if k.Agent != nil {
		agent, err := s.getAgent(ctx, &ByID{ID: k.Agent.ID})
		if err != nil {
			return nil, err
		}
		view.Agent = &agent.Body
	}
	rows, err := s.queries(ctx).InboxList(ctx, dbsqlc.InboxListParams{AccountID: k.AccountID, RowLimit: maxInboxes})
	for _, row := range rows {
		if k.InboxID != nil && *k.InboxID != row.ID {
			continue
		}
		view.Inboxes = append(view.Inboxes, InboxRef{
			ID: row.ID, Name: row.Name, Protocol: row.Protocol, TeamID: row.TeamID, TimeZone: row.TimeZone, Replies: row.Replies,
			UndoSeconds: row.UndoSeconds, Dispositions: row.Dispositions, DispositionRequired: row.DispositionRequired,
			TypingIndicators: row.TypingIndicators, ReadReceipts: row.ReadReceipts,
		})
	}
	return &output[Me]{view}, err
}
