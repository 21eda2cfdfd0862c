package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

type startBody struct {
	Acting
	InboxID   handoff.ID  `json:"inbox_id" format:"uuid"`
	ContactID *handoff.ID `json:"contact_id,omitempty" format:"uuid" doc:"Whom to write to: a contact of this account …"`
	Contact   *newContact `json:"contact,omitempty" doc:"… or somebody new, or known by this identity."`
	Message   sendBody    `json:"message" doc:"A message as in send-message; a template, unless the contact has written within 24 hours."`
}

type newContact struct {
	Phone   string `json:"phone,omitempty" maxLength:"32" doc:"With country code." example:"+44 7700 900123"`
	BSUID   string `json:"bsuid,omitempty" maxLength:"200" doc:"WhatsApp's business-scoped user id."`
	Session string `json:"session,omitempty" maxLength:"200" doc:"The id that the gateway gave, for protocols without phone numbers."`
	Name    string `json:"name,omitempty" maxLength:"200"`
}

type startInput struct {
	Idempotent
	Body startBody
}

func (s *server) startRoutes() {
	handle(s, operation{
		id: "start-conversation", method: http.MethodPost, path: "/v1/conversations", tag: conversationTag, scope: handoff.ScopeAgent,
		status: http.StatusCreated, summary: "Start a conversation",
		description: "An agent writes first and has the conversation then. 409 if the contact has an open one in this inbox.",
		errors:      []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, s.start)
	handle(s, operation{
		id: "reopen-conversation", method: http.MethodPost, path: "/v1/conversations/{id}/reopen", tag: conversationTag, scope: handoff.ScopeAgent,
		status: http.StatusCreated, summary: "Go on with an ended conversation",
		description: "A conversation ends once, so this opens the next one: with the tags, attributes, priority and team of the ended one, whose id is " +
			"its `previous_id`. The agent has it. 409 if the contact has had another since.",
		errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, s.reopen)
}

func (s *server) start(ctx context.Context, in *startInput) (*output[Conversation], error) {
	k, body := keyOf(ctx), &in.Body
	inbox, err := s.queries(ctx).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: k.AccountID, ID: body.InboxID})
	if err != nil || (k.InboxID != nil && *k.InboxID != inbox.ID) {
		return nil, bodyFault(db.NotFound(err, "inbox"), "inbox_id", "inbox_id names no inbox of this account")
	}
	if inbox.Protocol == handoff.ProtocolPassthrough {
		return nil, handoff.Errorf(handoff.CodeConflict, "inboxes of the protocol %s have no conversations", inbox.Protocol)
	}
	actor, err := s.actor(ctx, body.AgentID)
	if err != nil {
		return nil, err
	}
	contact, err := s.startContact(ctx, inbox, body)
	if err != nil {
		return nil, err
	}
	var raw struct{ Message json.RawMessage }
	if err := json.Unmarshal(bodyOf(ctx), &raw); err != nil {
		return nil, handoff.Errorf(handoff.CodeMalformed, "the body is no JSON object")
	}
	row, err := s.newMessage(ctx, draft{commandOf(ctx).ID, &body.Message, raw.Message},
		dbsqlc.Conversation{AccountID: k.AccountID, InboxID: inbox.ID, ContactID: contact}, actor)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, workflows.NewConversationInput(k.AccountID, inbox.ID, contact), actor, nil, &row)
}

func (s *server) reopen(ctx context.Context, in *commandInput) (*output[Conversation], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, agentOf(in.Body))
	if err != nil {
		return nil, err
	}
	if _, err := in.expects(ctx, row); err != nil {
		return nil, err
	}
	c := row.Conversation
	if c.Status != handoff.StatusEnded {
		return nil, handoff.Errorf(handoff.CodeConflict, "the conversation has not ended: there is nothing to reopen")
	}
	return s.open(ctx, workflows.NewConversationInput(c.AccountID, c.InboxID, c.ContactID), actor, &c.ID, nil)
}

// open has the contact's workflow open a conversation, and answers with it.
func (s *server) open(ctx context.Context, to workflows.ConversationInput, actor handoff.Actor, previous *handoff.ID, message *dbsqlc.MessageInsertOutboundParams) (
	*output[Conversation], error,
) {
	if actor.Agent == nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "say which agent starts: use an agent's key, or give agent_id")
	}
	id := commandOf(ctx).ID.String()
	in := workflows.StartInput{CommandInput: workflows.CommandInput{CommandID: id, Actor: actor}, PreviousID: previous}
	rows := []dbsqlc.MessageInsertOutboundParams{}
	if message != nil {
		in.MessageID, in.Type, rows = &message.ID, message.Type, append(rows, *message)
	}
	err := s.oneOfFew(ctx, to.ContactID, func(context.Context) error { return nil }, func(ctx context.Context) error {
		return s.withMessages(ctx, rows, func() error { return s.Commands.Update(ctx, to, in) })
	})
	if err != nil {
		return nil, err
	}
	opened, err := s.queries(ctx).CommandConversation(ctx, id)
	if err != nil {
		return nil, err
	}
	row, err := s.findConversation(ctx, opened)
	if err != nil {
		return nil, err
	}
	return s.conversationOutput(ctx, row)
}

var notDigits = regexp.MustCompile(`[^0-9]`)

// startContact is whom the conversation is with.
func (s *server) startContact(ctx context.Context, inbox dbsqlc.Inbox, body *startBody) (handoff.ID, error) {
	to := handoff.ItemContact{}
	switch {
	case (body.ContactID == nil) == (body.Contact == nil):
		return handoff.ID{}, handoff.Errorf(handoff.CodeInvalid, "give contact_id or contact, one of the two")
	case body.ContactID != nil:
		identities, err := s.queries(ctx).ContactIdentityList(ctx, dbsqlc.ContactIdentityListParams{
			AccountID: inbox.AccountID, ContactIds: []handoff.ID{*body.ContactID},
		})
		if err != nil {
			return handoff.ID{}, err
		}
		if len(identities) == 0 {
			return handoff.ID{}, bodyFault(nil, "contact_id", "contact_id names no contact of this account")
		}
		for _, identity := range identities {
			to.Identities = append(to.Identities, handoff.Identity{Kind: identity.Kind, Value: identity.Value})
		}
	default:
		to.Name = strings.TrimSpace(body.Contact.Name)
		for _, identity := range []handoff.Identity{
			{Kind: handoff.IdentityBSUID, Value: strings.TrimSpace(body.Contact.BSUID)},
			{Kind: handoff.IdentityPhone, Value: notDigits.ReplaceAllString(body.Contact.Phone, "")},
			{Kind: handoff.IdentitySession, Value: strings.TrimSpace(body.Contact.Session)},
		} {
			if identity.Value != "" {
				to.Identities = append(to.Identities, identity)
			}
		}
		if len(to.Identities) == 0 {
			return handoff.ID{}, handoff.Errorf(handoff.CodeInvalid, "say who the contact is: give bsuid, session, or phone, in digits with the country code")
		}
	}
	return db.FindContact(ctx, s.DB, inbox, to, s.Now())
}

// bodyFault makes an unknown thing a fault of the body.
func bodyFault(err error, field, sentence string) error {
	if err != nil && handoff.ErrorCode(err) != handoff.CodeNotFound {
		return err
	}
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: sentence, Details: []handoff.ErrorDetail{{Location: "body." + field, Message: "no such thing"}},
	}
}
