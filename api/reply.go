package api

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/meta"
	"handoff/internal/protocol"
	"handoff/workflows"
)

// sendBody is a message to the contact: {"type":"text","text":"…"}, or the type and Meta's object under its name.
type sendBody struct {
	Type        string      `json:"type" enum:"text,image,video,audio,document,sticker,template,interactive,reaction,location,contacts"`
	Text        string      `json:"text,omitempty" maxLength:"4096"`
	Audio       any         `json:"audio,omitempty" doc:"Meta's object: {link} or {id}."`
	Contacts    any         `json:"contacts,omitempty" doc:"Meta's list of contacts."`
	Document    any         `json:"document,omitempty" doc:"Meta's object: {link} or {id}, caption?, filename?."`
	Image       any         `json:"image,omitempty" doc:"Meta's object: {link} or {id}, caption?."`
	Interactive any         `json:"interactive,omitempty" doc:"Meta's object: {type, body, action, …}."`
	Location    any         `json:"location,omitempty" doc:"Meta's object: {latitude, longitude, name?, address?}."`
	Reaction    any         `json:"reaction,omitempty" doc:"Meta's object: {message_id, emoji}, where message_id is a wamid."`
	Sticker     any         `json:"sticker,omitempty" doc:"Meta's object: {link} or {id}."`
	Template    any         `json:"template,omitempty" doc:"Meta's object: {name, language{code}, components?}."`
	MediaID     *handoff.ID `json:"media_id,omitempty" format:"uuid" doc:"A file of this account, in place of Meta's object: an upload, or the media.id of a message."`
	Caption     string      `json:"caption,omitempty" maxLength:"1024" doc:"Goes with media_id, for images, videos and documents."`
	Filename    string      `json:"filename,omitempty" maxLength:"240" doc:"Goes with media_id, for documents; else the file's own name."`
	Video       any         `json:"video,omitempty" doc:"Meta's object: {link} or {id}, caption?."`
	ReplyTo     *handoff.ID `json:"reply_to,omitempty" format:"uuid" doc:"The message of this conversation that is quoted."`
	AgentID     *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who writes, with an admin's key. An agent's key writes for its agent."`
}

type sendInput struct {
	ByID
	Idempotent
	Versioned
	Body sendBody
}

// sendMessage stores the message first and then sends its id to the workflow, which decides whether it may leave.
func (s *server) sendMessage(ctx context.Context, in *sendInput) (*output[Message], error) {
	conversation, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	expect, err := in.expects(ctx, conversation)
	if err != nil {
		return nil, err
	}
	row, err := s.newMessage(ctx, draft{commandOf(ctx).ID, &in.Body, bodyOf(ctx)}, conversation.Conversation, actor)
	if err != nil {
		return nil, err
	}
	allowed := func(c handoff.Control, a handoff.Actor) error { return c.CheckReply(a, row.Type, s.Now()) }
	err = s.carryOut(ctx, conversation, actor, allowed,
		func(ctx context.Context, c workflows.ConversationInput, cmd workflows.CommandInput) error {
			cmd.Expect = expect
			return s.insertAndReply(ctx, row, c, cmd)
		})
	if err != nil {
		return nil, err
	}
	return s.messageOutput(ctx, row.AccountID, row.ID, conversation.ContactName)
}

// messageOutput is a message as its row says it is by now.
func (s *server) messageOutput(ctx context.Context, account, id handoff.ID, contactName string) (*output[Message], error) {
	saved, err := s.queries(ctx).MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: account, ID: id})
	if err != nil {
		return nil, err
	}
	views, err := s.messageViews(ctx, account, []dbsqlc.Message{saved}, func(handoff.ID) string { return contactName })
	if err != nil {
		return nil, err
	}
	return &output[Message]{views[0]}, nil
}

// definite refusals say that a message has not left and will not. After any other error it may yet leave, and then its text is needed.
var definite = []handoff.Code{
	handoff.CodeConflict, handoff.CodeForbidden, handoff.CodeInvalid, handoff.CodeNotFound, handoff.CodeWindowClosed,
}

func (s *server) insertAndReply(ctx context.Context, row dbsqlc.MessageInsertOutboundParams, c workflows.ConversationInput, cmd workflows.CommandInput) error {
	return s.withMessages(ctx, []dbsqlc.MessageInsertOutboundParams{row}, func() error {
		return s.Commands.Update(ctx, c, workflows.ReplyInput{CommandInput: cmd, MessageID: row.ID, Type: row.Type})
	})
}

// withMessages stores messages and then gives the command that lets them leave. If it is refused, they go again.
func (s *server) withMessages(ctx context.Context, rows []dbsqlc.MessageInsertOutboundParams, command func() error) error {
	q := s.queries(ctx)
	for _, row := range rows {
		if _, err := q.MessageInsertOutbound(ctx, row); err != nil {
			return err
		}
	}
	err := command()
	if !slices.Contains(definite, handoff.ErrorCode(err)) {
		return err
	}
	after, cancel := afterwards(ctx)
	defer cancel()
	for _, row := range rows {
		drop := dbsqlc.MessageDeleteUnappliedParams{AccountID: row.AccountID, ID: row.ID}
		if dropErr := q.MessageDeleteUnapplied(after, drop); dropErr != nil {
			s.Log.ErrorContext(ctx, "refused message not removed", "message_id", row.ID, "error", dropErr)
		}
	}
	return err
}

// draft is a message before it is a row.
type draft struct {
	id   handoff.ID
	body *sendBody
	raw  []byte // the body as it was sent
}

// newMessage is the row of a message to the contact of a conversation.
func (s *server) newMessage(ctx context.Context, d draft, c dbsqlc.Conversation, actor handoff.Actor) (dbsqlc.MessageInsertOutboundParams, error) {
	row := dbsqlc.MessageInsertOutboundParams{
		ID: d.id, AccountID: c.AccountID, InboxID: c.InboxID, ContactID: c.ContactID, AuthorType: actor.AuthorType(),
		AuthorID: actor.AgentID(), Type: d.body.Type, CreatedAt: s.Now(),
	}
	if actor.Agent != nil {
		row.AuthorName = &actor.Agent.Name
	}
	content, err := s.content(ctx, c.AccountID, d.body, d.raw)
	if err != nil {
		return row, err
	}
	row.MediaID = d.body.MediaID
	row.Content, row.Text = content, optional(d.body.preview(content))
	if d.body.ReplyTo == nil {
		return row, nil
	}
	row.ReplyTo, err = s.quotable(ctx, c, *d.body.ReplyTo)
	return row, err
}

// content is Meta's object for the type.
func (s *server) content(ctx context.Context, account handoff.ID, body *sendBody, raw []byte) (json.RawMessage, error) {
	if body.MediaID != nil {
		return s.fileContent(ctx, account, body, raw)
	}
	content, err := contentOf(body, raw)
	if err != nil {
		return nil, err
	}
	return content, meta.ValidateSend(body.Type, content)
}

// contentOf is Meta's object exactly as it was sent: decoded and encoded again, long numbers and the order of keys would change.
func contentOf(body *sendBody, raw []byte) (json.RawMessage, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, handoff.Errorf(handoff.CodeMalformed, "the body is no JSON object")
	}
	for name := range parts {
		if name != body.Type && name != "type" && name != "reply_to" && name != "agent_id" {
			return nil, &handoff.Error{
				Code: handoff.CodeInvalid, Message: "a message of type " + body.Type + " carries its content under " + body.Type + " only",
				Details: []handoff.ErrorDetail{{Location: "body." + name, Message: "does not belong to the type"}},
			}
		}
	}
	if body.Type == "text" {
		return protocol.Encode(map[string]string{"body": body.Text})
	}
	return bytes.Clone(parts[body.Type]), nil
}

// preview is what a person would read of the message in a list.
func (b *sendBody) preview(content json.RawMessage) string {
	if b.Type == "text" {
		return b.Text
	}
	var o struct {
		Caption string `json:"caption"`
		Emoji   string `json:"emoji"`
		Name    string `json:"name"`
		Body    struct {
			Text string `json:"text"`
		} `json:"body"`
	}
	// Content of another shape, such as a list of contacts, has no preview.
	_ = json.Unmarshal(content, &o)
	for _, text := range []string{o.Caption, o.Emoji, o.Body.Text, o.Name} {
		if text != "" {
			return text
		}
	}
	return ""
}

// quotable is the external id of a message of the conversation, which the vendor quotes by.
func (s *server) quotable(ctx context.Context, c dbsqlc.Conversation, id handoff.ID) (*string, error) {
	fault := func(sentence string) error {
		return &handoff.Error{
			Code: handoff.CodeInvalid, Message: sentence, Details: []handoff.ErrorDetail{{Location: "body.reply_to", Message: sentence}},
		}
	}
	quoted, err := s.queries(ctx).MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: c.AccountID, ID: id})
	if err = db.NotFound(err, "message"); err != nil && handoff.ErrorCode(err) != handoff.CodeNotFound {
		return nil, err
	}
	if err != nil || quoted.ConversationID == nil || *quoted.ConversationID != c.ID {
		return nil, fault("reply_to names no message of this conversation")
	}
	if quoted.ExternalID == nil {
		return nil, fault("reply_to names a message whose id at the vendor is not known, so it cannot be quoted")
	}
	return quoted.ExternalID, nil
}
