package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
	"handoff/internal/protocol/passthrough"
	"handoff/internal/vendorjson"
)

const (
	passthroughPath = "/v1/passthrough/:" + inboxParam
	messageIDHeader = "Handoff-Message-Id"
	messageParam    = "message_id"
)

// vendorSchemes are the Authorization schemes that the vendor's customers send (public client code of its other APIs).
var vendorSchemes = []string{"AppKey", "ServerKey"}

// passedMessage is how far a message that was passed through has come.
type passedMessage struct {
	MessageID  handoff.ID            `json:"message_id" format:"uuid"`
	Status     handoff.MessageStatus `json:"status" enum:"queued,delivered_to_gateway,sent,delivered,read,played,failed,uncertain"`
	ExternalID string                `json:"external_id,omitempty" doc:"The wamid, once it is known."`
	Failure    *Failure              `json:"failure,omitempty"`
}

func (s *server) passthroughRoutes() {
	r := route{scope: handoff.ScopeGateway, maxBody: maxBody, verbatim: true, schemes: vendorSchemes, open: true}
	// The vendor calls its address cloudapisendmessages, and does not say where it is.
	for _, name := range []string{"/messages", "/cloudapisendmessages"} {
		s.plain(http.MethodPost, passthroughPath+name, r, s.passthroughSend)
	}
	s.plain(http.MethodGet, passthroughPath+"/messages/:"+messageParam, r, s.passthroughGet)
}

// passthroughSend sends a message to Meta by the contact's workflow, and waits a while for Meta's answer.
func (s *server) passthroughSend(c *gin.Context) {
	ctx := c.Request.Context()
	inbox, err := s.passthroughInbox(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	send, err := passthrough.ParseSend(bodyOf(ctx))
	if err != nil {
		s.refuse(c, err)
		return
	}
	cmd := commandOf(ctx) // once: without an Idempotency-Key each look makes another id
	if err := s.queueSend(ctx, inbox, send, cmd); err != nil {
		s.refuse(c, err)
		return
	}
	out, err := s.awaitSend(ctx, inbox.AccountID, cmd.ID)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header(messageIDHeader, cmd.ID.String())
	if out.retryAfter != "" {
		c.Header("Retry-After", out.retryAfter)
	}
	c.Data(out.status, "application/json", passthrough.Answer(send.Vendor, out.status, out.meta, out.message))
}

func (s *server) passthroughInbox(c *gin.Context) (dbsqlc.Inbox, error) {
	inbox, err := s.keyInbox(c, inboxParam)
	if err != nil || inbox.Protocol == handoff.ProtocolPassthrough {
		return inbox, err
	}
	return inbox, elsewhere(inbox)
}

// queueSend commits the message and wakes its contact. A repeated request finds its message.
func (s *server) queueSend(ctx context.Context, inbox dbsqlc.Inbox, send passthrough.Send, cmd command) error {
	defer s.Waker.Accepting()()
	endpoint, err := s.graphEndpoint(ctx, inbox)
	if err != nil {
		return err
	}
	if endpoint.State == handoff.EndpointDisabled {
		if known, err := s.knownSend(ctx, inbox.AccountID, cmd); known || err != nil {
			return err
		}
		return handoff.Errorf(handoff.CodeUnavailable,
			"nothing is sent for this inbox until its endpoint for Meta is enabled again (%s); this message was not kept", db.OrEmpty(endpoint.DisabledReason))
	}
	row, err := newSend(inbox, send, cmd.ID)
	if err != nil {
		return err
	}
	row.EndpointID, row.Message.CreatedAt = endpoint.ID, s.Now()
	accepted, err := db.AcceptSend(ctx, s.DB, row)
	if err == nil && accepted.Wake != nil {
		s.wake(ctx, *accepted.Wake)
	}
	return err
}

func (s *server) graphEndpoint(ctx context.Context, inbox dbsqlc.Inbox) (dbsqlc.Endpoint, error) {
	endpoints, err := s.queries(ctx).EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: inbox.AccountID, InboxID: inbox.ID})
	if err != nil {
		return dbsqlc.Endpoint{}, err
	}
	i := slices.IndexFunc(endpoints, func(e dbsqlc.Endpoint) bool { return e.Transport == handoff.TransportGraph })
	if i < 0 || len(inbox.AccessToken) == 0 {
		return dbsqlc.Endpoint{}, handoff.Errorf(handoff.CodeConflict, "the inbox has no access_token to send with: save one, then send again")
	}
	return endpoints[i], nil
}

func (s *server) knownSend(ctx context.Context, account handoff.ID, cmd command) (bool, error) {
	if !cmd.Repeated {
		return false, nil
	}
	_, err := s.queries(ctx).MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: account, ID: cmd.ID})
	if handoff.ErrorCode(db.NotFound(err, "message")) == handoff.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

// newSend makes the message and the call. It goes to whom the program named, whatever else the contact is known by: a template for
// authentication, say, reaches a phone number and no user id.
func newSend(inbox dbsqlc.Inbox, send passthrough.Send, id handoff.ID) (db.NewSend, error) {
	call, err := passthrough.Protocol.Send(protocol.Inbox{ID: inbox.ID, PhoneNumberID: inbox.PhoneNumberID},
		protocol.Contact{Identities: send.To.Identities}, handoff.OutboundMessage{
			ID: id, Type: send.Type, Content: send.Content, ReplyTo: send.ReplyTo, CallbackData: cmp.Or(send.CallbackData, id.String()),
		})
	return db.NewSend{
		Inbox: inbox, To: send.To, Path: call.Path, Body: call.Body, Message: dbsqlc.MessageInsertOutboundParams{
			ID: id, AccountID: inbox.AccountID, InboxID: inbox.ID, AuthorType: handoff.AuthorBot, Type: send.Type, Content: send.Content,
			Text: optional(vendorjson.SanitizeText(previewOf(send))), ReplyTo: optional(send.ReplyTo), CallbackData: optional(send.CallbackData),
		},
	}, err
}

func previewOf(send passthrough.Send) string {
	var content struct {
		Body string `json:"body"`
	}
	if send.Type == "text" {
		_ = json.Unmarshal(send.Content, &content) // it was checked to have one
	}
	return (&sendBody{Type: send.Type, Text: content.Body}).preview(send.Content)
}

// passthroughGet tells how far a message has come.
func (s *server) passthroughGet(c *gin.Context) {
	ctx := c.Request.Context()
	inbox, err := s.passthroughInbox(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	id, err := uuid.Parse(c.Param(messageParam))
	if err != nil {
		s.refuse(c, handoff.Errorf(handoff.CodeInvalid, "the address holds no message id: it has to be a UUID"))
		return
	}
	m, err := s.queries(ctx).MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: inbox.AccountID, ID: id})
	if err == nil && (m.InboxID != inbox.ID || m.Direction != handoff.Outbound || m.Status == nil) {
		err = handoff.Errorf(handoff.CodeNotFound, "there is no such message")
	}
	if err != nil {
		s.refuse(c, db.NotFound(err, "message"))
		return
	}
	out := passedMessage{MessageID: m.ID, Status: *m.Status, ExternalID: db.OrEmpty(m.ExternalID)}
	if m.FailureCode != nil {
		out.Failure = &Failure{Code: *m.FailureCode, Reason: db.OrEmpty(m.FailureReason)}
	}
	c.JSON(http.StatusOK, out)
}
