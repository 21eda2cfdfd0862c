package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/meta"
	"handoff/internal/protocol/kapso"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

const metaPath = "/v1/whatsapp/:" + inboxParam + "/webhook"

// metaProtocols are those whose inboxes are WhatsApp numbers, which Meta itself may post to.
var metaProtocols = []handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolKapso, handoff.ProtocolPassthrough}

func (s *server) metaRoutes() {
	open := route{scope: publicScope, maxBody: maxInbound, verbatim: true, guarded: true}
	s.plain(http.MethodGet, metaPath, open, s.metaChallenge)
	s.plain(http.MethodPost, metaPath, open, s.metaPost)
}

// metaChallenge answers Meta's check of a callback URL (webhooks/create-webhook-endpoint): the challenge as it came, or 403.
func (s *server) metaChallenge(c *gin.Context) {
	inbox, found, err := s.metaInbox(c)
	ok := false
	if err == nil && found && c.Query("hub.mode") == "subscribe" {
		ok, err = s.isSecret(c.Query("hub.verify_token"), inbox.VerifyToken, secretbox.VerifyToken(inbox.AccountID, inbox.ID))
	}
	if err == nil && !ok {
		err = handoff.Errorf(handoff.CodeForbidden, "no WhatsApp inbox has this address and this hub.verify_token: copy both again")
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(c.Query("hub.challenge")))
}

// metaPost accepts a webhook that Meta itself posts. Nothing is read before the signature over the bytes is right.
func (s *server) metaPost(c *gin.Context) {
	inbox, err := s.signedInbox(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	body := bodyOf(c.Request.Context())
	webhook, err := meta.Parse(body)
	if err != nil && handoff.ErrorCode(err) != handoff.CodeInvalid {
		s.refuse(c, err)
		return
	}
	answer, err := s.acceptMeta(c.Request.Context(), inbox, db.NewReceipt{
		AccountID: inbox.AccountID, InboxID: &inbox.ID, Protocol: inbox.Protocol, Body: body, Items: itemsFor(inbox, webhook.Items),
		ForwardHeader: forwardHeader(c, inbox, body),
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.JSON(http.StatusOK, answer)
}

// forwardHeader goes with the bytes where they are forwarded: Meta's signature, and what Kapso's webhooks of kind "meta" have beside it.
func forwardHeader(c *gin.Context, inbox dbsqlc.Inbox, body []byte) map[string]string {
	header := metaSignature(c)
	if inbox.Protocol == handoff.ProtocolKapso {
		maps.Copy(header, kapso.MetaHeader(body)) // it was signed, so there is a header
	}
	return header
}

// acceptMeta accepts a signed body, whatever is in it: Meta repeats what is refused for days, and a repeat says nothing else. Of a body
// that is for other numbers only, the bytes are kept.
func (s *server) acceptMeta(ctx context.Context, inbox dbsqlc.Inbox, r db.NewReceipt) (inboundAnswer, error) {
	r.Insistent = true
	accepted, err := s.accept(ctx, r)
	if code := handoff.ErrorCode(err); code == handoff.CodeInvalid || code == handoff.CodeForbidden {
		s.Log.WarnContext(ctx, "nothing in a webhook of Meta's is for its inbox", "inbox_id", inbox.ID, "items", len(r.Items),
			"request_id", requestIDOf(ctx), "reason", err.Error())
		r.Items = nil
		accepted, err = s.accept(ctx, r)
	}
	return inboundAnswer{ReceiptID: accepted.ReceiptID, Items: itemViews(accepted.Items)}, err
}

func (s *server) metaInbox(c *gin.Context) (dbsqlc.Inbox, bool, error) {
	inbox, found, err := s.addressedInbox(c)
	return inbox, found && slices.Contains(metaProtocols, inbox.Protocol), err
}

// signedInbox is the inbox of a request whose bytes Meta has signed with the inbox's app secret. Whatever is wrong, the answer is the
// same; an operator who has saved no secret is told in the log.
func (s *server) signedInbox(c *gin.Context) (dbsqlc.Inbox, error) {
	refused := handoff.Errorf(handoff.CodeUnauthorized, "%s is missing, or is not the signature of this body under the app secret of "+
		"an inbox with this address", signature.HeaderMeta)
	inbox, found, err := s.metaInbox(c)
	if err != nil {
		return inbox, err
	}
	if !found {
		return inbox, refused
	}
	ctx := c.Request.Context()
	if len(inbox.AppSecret) == 0 {
		s.Log.WarnContext(ctx, "a webhook of Meta's was refused: its inbox has no app_secret to verify it with; save one",
			"inbox_id", inbox.ID, "request_id", requestIDOf(ctx))
		return inbox, refused
	}
	secret, err := s.Box.Open(inbox.AppSecret, secretbox.AppSecret(inbox.AccountID, inbox.ID))
	if err != nil {
		return inbox, err
	}
	if signature.VerifyMeta(string(secret), bodyOf(ctx), c.GetHeader(signature.HeaderMeta)) != nil {
		s.Observe.SignatureRefused(inbox.Protocol)
		return inbox, refused
	}
	return inbox, nil
}

// itemsFor gives what concerns the whole business account, and names no number, to the inbox that it was posted to: several inboxes may
// be of one account.
func itemsFor(inbox dbsqlc.Inbox, items []handoff.Item) []handoff.Item {
	for i := range items {
		if r := &items[i].Route; r.WABAID == inbox.WABAID && r.PhoneNumberID == "" {
			r.PhoneNumberID = inbox.PhoneNumberID
		}
	}
	return items
}
