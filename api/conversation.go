package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

const conversationTag = "Conversations"

type listConversationsInput struct {
	Page
	Status     []string   `query:"status" doc:"Only these statuses: a comma list, or the parameter several times." example:"waiting,assigned"`
	InboxID    handoff.ID `query:"inbox_id" format:"uuid"`
	AssigneeID string     `query:"assignee_id" maxLength:"36" doc:"An agent's id, or me for the agent of the key."`
	ContactID  handoff.ID `query:"contact_id" format:"uuid"`
	Q          string     `query:"q" maxLength:"200" doc:"Part of the contact's name, phone number or other identity."`
}

// Resolve reads the statuses, of which Huma itself takes a comma list or a repeated parameter, not both.
func (in *listConversationsInput) Resolve(ctx huma.Context) []error {
	address := ctx.URL()
	in.Status = nil
	for _, given := range address.Query()["status"] {
		for status := range strings.SplitSeq(given, ",") {
			if !slices.Contains(handoff.Statuses, handoff.Status(status)) {
				return []error{&huma.ErrorDetail{Location: "query.status", Message: "unknown status: use bot, waiting, assigned, snoozed or ended"}}
			}
			in.Status = append(in.Status, status)
		}
	}
	return nil
}

func (s *server) conversationRoutes() {
	handle(s, operation{
		id: "list-conversations", method: http.MethodGet, path: "/v1/conversations", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List conversations", description: "The last active first.",
	}, s.listConversations)
	handle(s, operation{
		id: "get-conversation", method: http.MethodGet, path: "/v1/conversations/{id}", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Get a conversation", errors: []int{http.StatusNotFound},
	}, s.getConversation)
}

// lastActivity is the position in a list of conversations.
type lastActivity struct {
	At *time.Time  `json:"at"`
	ID *handoff.ID `json:"id"`
}

func (s *server) listConversations(ctx context.Context, in *listConversationsInput) (*listOutput[Conversation], error) {
	k := keyOf(ctx)
	after, err := decodeCursor("conversations", in.Cursor, lastActivity{})
	if err != nil {
		return nil, err
	}
	assignee, err := assigneeFilter(k, in.AssigneeID)
	if err != nil {
		return nil, err
	}
	params := dbsqlc.ConversationListParams{
		AccountID: k.AccountID, Statuses: in.Status, InboxID: given(in.InboxID), AssigneeID: assignee, ContactID: given(in.ContactID),
		BeforeAt: after.At, BeforeID: after.ID, RowLimit: in.Limit + 1,
	}
	if params.Statuses == nil {
		params.Statuses = []string{}
	}
	if q := strings.TrimSpace(in.Q); q != "" {
		pattern := "%" + likeEscaper.Replace(q) + "%"
		params.Q = &pattern
	}
	var found []dbsqlc.ConversationListRow
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		found, err = q.ConversationList(ctx, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := make([]dbsqlc.ConversationDetailRow, 0, len(found))
	for _, row := range found {
		rows = append(rows, dbsqlc.ConversationDetailRow(row))
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.ConversationDetailRow) string {
		return encodeCursor("conversations", lastActivity{&row.Conversation.LastActivityAt, &row.Conversation.ID})
	})
	items, err := s.conversationViews(ctx, k.AccountID, rows)
	return &listOutput[Conversation]{list[Conversation]{items, next}}, err
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// given is nil for a parameter that was left out.
func given(id handoff.ID) *handoff.ID {
	if id == (handoff.ID{}) {
		return nil
	}
	return &id
}

func assigneeFilter(k *caller, text string) (*handoff.ID, error) {
	if text == "" {
		return nil, nil
	}
	if text != "me" {
		var id handoff.ID
		if err := id.UnmarshalText([]byte(text)); err != nil {
			return nil, handoff.Errorf(handoff.CodeInvalid, "assignee_id is neither the id of an agent nor me")
		}
		return &id, nil
	}
	if k.Agent == nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "assignee_id=me needs an agent's key: this one acts for no agent")
	}
	return &k.Agent.ID, nil
}

func (s *server) getConversation(ctx context.Context, in *ByID) (*output[Conversation], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.conversationOutput(ctx, row)
}

// findConversation is the one conversation of the key's account with this id.
func (s *server) findConversation(ctx context.Context, id handoff.ID) (dbsqlc.ConversationDetailRow, error) {
	row, err := s.queries(ctx).ConversationDetail(ctx, dbsqlc.ConversationDetailParams{AccountID: keyOf(ctx).AccountID, ID: id})
	return row, db.NotFound(err, "conversation")
}

func (s *server) conversationOutput(ctx context.Context, row dbsqlc.ConversationDetailRow) (*output[Conversation], error) {
	views, err := s.conversationViews(ctx, row.Conversation.AccountID, []dbsqlc.ConversationDetailRow{row})
	if err != nil {
		return nil, err
	}
	return &output[Conversation]{views[0]}, nil
}

// conversationViews reads what belongs to the conversations in three queries, however many there are.
func (s *server) conversationViews(ctx context.Context, account handoff.ID, rows []dbsqlc.ConversationDetailRow) ([]Conversation, error) {
	views := make([]Conversation, 0, len(rows))
	contacts, messages := make([]handoff.ID, 0, len(rows)), []handoff.ID{}
	for _, row := range rows {
		views = append(views, s.conversationView(row))
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

func (s *server) conversationView(row dbsqlc.ConversationDetailRow) Conversation {
	c := row.Conversation
	view := Conversation{
		ID: c.ID, InboxID: c.InboxID, Status: c.Status, Disposition: db.OrEmpty(c.Disposition), Assignee: (*AgentRef)(assigneeOf(row)),
		Contact:         Contact{ID: c.ContactID, Name: row.ContactName, Identities: []Identity{}},
		WindowExpiresAt: utc(c.WindowExpiresAt), InactiveAt: utc(c.InactiveAt), LastActivityAt: c.LastActivityAt.UTC(),
		OpenedAt: c.OpenedAt.UTC(), EndedAt: utc(c.EndedAt), UnreadCount: c.UnreadCount, Version: c.Version,
		Tags: []string{}, Attributes: map[string]string{},
	}
	if c.EndReason != nil {
		view.EndReason = *c.EndReason
	}
	if s.UIBaseURL != "" {
		view.WorkflowURL = s.UIBaseURL + "/namespaces/" + url.PathEscape(s.Namespace) + "/workflows/" +
			url.PathEscape(workflows.ConversationID(c.InboxID, c.ContactID))
	}
	return view
}

func assigneeOf(row dbsqlc.ConversationDetailRow) *handoff.AgentRef {
	if row.Conversation.AssigneeID == nil {
		return nil
	}
	return &handoff.AgentRef{ID: *row.Conversation.AssigneeID, Name: db.OrEmpty(row.AssigneeName)}
}
