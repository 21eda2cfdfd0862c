package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// maxText is WhatsApp's limit of a text.
const maxText = 4096

// QuickReply is a text that agents use again and again.
type QuickReply struct {
	ID        handoff.ID  `json:"id" format:"uuid"`
	Shortcut  string      `json:"shortcut" example:"hello"`
	Text      string      `json:"text" example:"Hi {{contact.name|there}}, this is {{agent.name}}."`
	InboxID   *handoff.ID `json:"inbox_id,omitempty" format:"uuid" doc:"The only inbox in which it is offered."`
	TeamID    *handoff.ID `json:"team_id,omitempty" format:"uuid" doc:"The only team to which it is offered."`
	AgentID   *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Whose own it is; absent for one that is shared."`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
}

type listQuickRepliesInput struct {
	Page
	Q       string     `query:"q" maxLength:"100" doc:"A part of the shortcut or the text."`
	InboxID handoff.ID `query:"inbox_id" format:"uuid" doc:"Those that are offered in this inbox: what is bound to another one is left out."`
}

type createQuickReplyInput struct {
	Idempotent
	Body struct {
		Shortcut string      `json:"shortcut" minLength:"1" maxLength:"50" doc:"Without spaces; unique among those of the same inbox, team and owner, in whatever case."`
		Text     string      `json:"text" minLength:"1" maxLength:"4096" doc:"With variables: {{contact.name}}, {{agent.name}}, {{inbox.name}}, {{contact.attributes.key}}, {{conversation.attributes.key}}, each with a default if you like: {{contact.name|there}}."`
		InboxID  *handoff.ID `json:"inbox_id,omitempty" format:"uuid"`
		TeamID   *handoff.ID `json:"team_id,omitempty" format:"uuid" doc:"Not together with inbox_id."`
		AgentID  *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Whose own it is, with an admin's key; without, it is shared. What an agent's key makes is its agent's own."`
	}
}

type updateQuickReplyInput struct {
	ByID
	Body struct {
		Shortcut *string `json:"shortcut,omitempty" minLength:"1" maxLength:"50"`
		Text     *string `json:"text,omitempty" minLength:"1" maxLength:"4096"`
	}
}

type renderQuickReplyInput struct {
	ByID
	Idempotent
	Body struct {
		ConversationID handoff.ID  `json:"conversation_id" format:"uuid"`
		AgentID        *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who writes, with an admin's key. An agent's key writes for its agent."`
	}
}

type renderedText struct {
	Text string `json:"text" doc:"Ready to be sent, or changed first."`
}

func (s *server) quickReplyRoutes() {
	const path = "/v1/quick-replies"
	handle(s, operation{
		id: "list-quick-replies", method: http.MethodGet, path: path, tag: quickReplyTag, scope: handoff.ScopeAgent, summary: "List quick replies",
		description: "An agent sees what is shared, what is shared with a team of theirs, and their own; an admin's key sees all.",
	}, s.listQuickReplies)
	handle(s, operation{
		id: "create-quick-reply", method: http.MethodPost, path: path, tag: quickReplyTag, scope: handoff.ScopeAgent, shared: true,
		summary: "Create a quick reply", status: http.StatusCreated, atomic: true,
		description: "An agent's key makes a quick reply of the agent's own. Shared ones are made with an admin's key.",
	}, s.createQuickReply)
	handle(s, operation{
		id: "get-quick-reply", method: http.MethodGet, path: path + "/{id}", tag: quickReplyTag, scope: handoff.ScopeAgent,
		summary: "Get a quick reply", errors: []int{http.StatusNotFound},
	}, s.getQuickReply)
	handle(s, operation{
		id: "update-quick-reply", method: http.MethodPatch, path: path + "/{id}", tag: quickReplyTag, scope: handoff.ScopeAgent, shared: true,
		summary: "Change a quick reply", errors: []int{http.StatusNotFound, http.StatusConflict},
		description: "What is left out stays as it is. Shared ones are changed with an admin's key.",
	}, s.updateQuickReply)
	handle(s, operation{
		id: "delete-quick-reply", method: http.MethodDelete, path: path + "/{id}", tag: quickReplyTag, scope: handoff.ScopeAgent, shared: true,
		summary: "Delete a quick reply", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteQuickReply)
	handle(s, operation{
		id: "render-quick-reply", method: http.MethodPost, path: path + "/{id}/render", tag: quickReplyTag, scope: handoff.ScopeAgent,
		summary: "Fill in a quick reply", errors: []int{http.StatusNotFound}, atomic: true,
		description: "Gives the text with the values of a conversation. A variable without a value and without a default is a 422 that names it in `errors`.",
	}, s.renderQuickReply)
}

// viewer is the agent whose view counts; nil for an admin's key, which sees everything.
func viewer(ctx context.Context) *handoff.ID {
	if agent := keyOf(ctx).Agent; agent != nil {
		return &agent.ID
	}
	return nil
}

func (s *server) listQuickReplies(ctx context.Context, in *listQuickRepliesInput) (*listOutput[QuickReply], error) {
	params := dbsqlc.QuickReplyListParams{AccountID: keyOf(ctx).AccountID, ViewerID: viewer(ctx), InboxID: given(in.InboxID)}
	params.Q = containing(in.Q)
	return pageByID(in.Page, "quick-replies", func(row dbsqlc.QuickReply) handoff.ID { return row.ID }, quickReplyView,
		func(after handoff.ID, limit int32) (rows []dbsqlc.QuickReply, err error) {
			params.AfterID, params.RowLimit = after, limit
			err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
				rows, err = q.QuickReplyList(ctx, params)
				return err
			})
			return rows, err
		})
}

func (s *server) createQuickReply(ctx context.Context, in *createQuickReplyInput) (*output[QuickReply], error) {
	k, body := keyOf(ctx), &in.Body
	actor, err := s.actor(ctx, body.AgentID)
	if err != nil {
		return nil, err
	}
	if err := checkQuickReply(body.Shortcut, body.Text); err != nil {
		return nil, err
	}
	if body.InboxID != nil && body.TeamID != nil {
		return nil, fieldError("body.team_id", "it does not go with inbox_id: a quick reply is bound to one of them at most")
	}
	known, err := s.queries(ctx).QuickReplyScope(ctx, dbsqlc.QuickReplyScopeParams{AccountID: k.AccountID, InboxID: body.InboxID, TeamID: body.TeamID})
	switch {
	case err != nil:
		return nil, err
	case !known.InboxKnown:
		return nil, fieldError("body.inbox_id", "it names no inbox of this account")
	case !known.TeamKnown:
		return nil, fieldError("body.team_id", "it names no team of this account")
	}
	id := handoff.NewID()
	madeThing(ctx, id)
	row, err := s.queries(ctx).QuickReplyInsert(ctx, dbsqlc.QuickReplyInsertParams{
		ID: id, AccountID: k.AccountID, Shortcut: body.Shortcut, Text: body.Text, InboxID: body.InboxID, TeamID: body.TeamID,
		AgentID: actor.AgentID(), CreatedAt: s.Now(),
	})
	return &output[QuickReply]{quickReplyView(row)}, takenShortcut(err)
}

func checkQuickReply(shortcut, text string) error {
	if strings.ContainsFunc(shortcut, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fieldError("body.shortcut", "a shortcut has no spaces and no control characters")
	}
	if strings.TrimSpace(text) == "" || strings.ContainsRune(text, 0) {
		return fieldError("body.text", "there is nothing to say in it, or it has a NUL")
	}
	return checkVariables(text)
}

func takenShortcut(err error) error {
	if db.ViolatesUnique(err, "quick_replies_shortcut_key") {
		return handoff.Errorf(handoff.CodeConflict, "another quick reply has this shortcut: use another one, or change that")
	}
	return err
}

func (s *server) getQuickReply(ctx context.Context, in *ByID) (*output[QuickReply], error) {
	row, err := s.findQuickReply(ctx, in.ID)
	return &output[QuickReply]{quickReplyView(row)}, err
}

func (s *server) findQuickReply(ctx context.Context, id handoff.ID) (dbsqlc.QuickReply, error) {
	row, err := s.queries(ctx).QuickReplyGet(ctx, dbsqlc.QuickReplyGetParams{AccountID: keyOf(ctx).AccountID, ID: id, ViewerID: viewer(ctx)})
	return row, db.NotFound(err, "quick reply")
}

// ownQuickReply is one that the key may change.
func (s *server) ownQuickReply(ctx context.Context, id handoff.ID) (dbsqlc.QuickReply, error) {
	row, err := s.findQuickReply(ctx, id)
	if err == nil && row.AgentID == nil && viewer(ctx) != nil {
		return row, handoff.Errorf(handoff.CodeForbidden, "this quick reply is shared: it is changed with an admin's key")
	}
	return row, err
}

func (s *server) updateQuickReply(ctx context.Context, in *updateQuickReplyInput) (*output[QuickReply], error) {
	row, err := s.ownQuickReply(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.Shortcut != nil {
		row.Shortcut = *in.Body.Shortcut
	}
	if in.Body.Text != nil {
		row.Text = *in.Body.Text
	}
	if err := checkQuickReply(row.Shortcut, row.Text); err != nil {
		return nil, err
	}
	row, err = s.queries(ctx).QuickReplyUpdate(ctx, dbsqlc.QuickReplyUpdateParams{
		AccountID: row.AccountID, ID: row.ID, Shortcut: row.Shortcut, Text: row.Text, InboxID: row.InboxID, TeamID: row.TeamID, UpdatedAt: s.Now(),
	})
	return &output[QuickReply]{quickReplyView(row)}, takenShortcut(db.NotFound(err, "quick reply"))
}

func (s *server) deleteQuickReply(ctx context.Context, in *ByID) (*none, error) {
	row, err := s.ownQuickReply(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	_, err = s.queries(ctx).QuickReplyDelete(ctx, dbsqlc.QuickReplyDeleteParams{AccountID: row.AccountID, ID: row.ID})
	return nil, err
}

func (s *server) renderQuickReply(ctx context.Context, in *renderQuickReplyInput) (*output[renderedText], error) {
	row, err := s.findQuickReply(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	values, err := s.valuesFor(ctx, in.Body.ConversationID, actor)
	if err != nil {
		return nil, err
	}
	text, err := renderText(row.Text, values)
	if err == nil && utf8.RuneCountInString(text) > maxText {
		err = handoff.Errorf(handoff.CodeInvalid, "with its values the text is longer than WhatsApp's %s characters: shorten it", strconv.Itoa(maxText))
	}
	return &output[renderedText]{renderedText{text}}, err
}

// valuesFor are the values of all variables in a conversation, by name.
func (s *server) valuesFor(ctx context.Context, conversation handoff.ID, actor handoff.Actor) (map[string]string, error) {
	found, err := s.findConversation(ctx, conversation)
	if handoff.ErrorCode(err) == handoff.CodeNotFound {
		return nil, fieldError("body.conversation_id", "it names no conversation of this account")
	}
	if err != nil {
		return nil, err
	}
	c := found.Conversation
	inbox, err := s.queries(ctx).InboxGetAny(ctx, c.InboxID)
	if err != nil {
		return nil, err
	}
	contact, err := s.findContact(ctx, c.ContactID)
	if err != nil {
		return nil, err
	}
	values := map[string]string{contactName: contact.Name, inboxName: inbox.Name}
	if actor.Agent != nil {
		values[agentName] = actor.Agent.Name
	}
	for prefix, column := range map[string][]byte{contactAttributes: contact.Attributes, conversationAttributes: c.Attributes} {
		attributes, err := readAttributes(column)
		if err != nil {
			return nil, err
		}
		for key, value := range attributes {
			values[prefix+key] = value
		}
	}
	return values, nil
}

func quickReplyView(row dbsqlc.QuickReply) QuickReply {
	return QuickReply{
		ID: row.ID, Shortcut: row.Shortcut, Text: row.Text, InboxID: row.InboxID, TeamID: row.TeamID, AgentID: row.AgentID,
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}
