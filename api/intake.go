package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/hitlchat"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

// The guide's curl has one prefix and its FAQ the other.
var publicPrefixes = []string{"/v1/public", "/api/v1/public"}

// inboundAnswer is the answer to an accepted body.
type inboundAnswer struct {
	ReceiptID handoff.ID    `json:"receipt_id" format:"uuid"`
	Items     []inboundItem `json:"items"`
	Warnings  []string      `json:"warnings,omitempty" doc:"What of prior_history was left out and why."`
}

// inboundItem is what became of one element of an accepted body.
type inboundItem struct {
	Kind       handoff.ItemKind `json:"kind" enum:"message,status,offload,end,event,ignored"`
	ExternalID string           `json:"external_id,omitempty"`
	MessageID  *handoff.ID      `json:"message_id,omitempty" format:"uuid"`
	Duplicate  bool             `json:"duplicate"`
	Reason     string           `json:"reason,omitempty"`
}

func (s *server) intakeRoutes() {
	for _, prefix := range publicPrefixes {
		s.plain(http.MethodPost, prefix+"/inbound", route{scope: handoff.ScopeGateway, maxBody: maxInbound, verbatim: true}, s.inbound)
	}
	s.chatlayerRoutes()
	s.metaRoutes()
	s.nativeRoutes()
	s.passthroughRoutes()
}

// inbound accepts a body of HitlChat's protocol. It answers once the bytes and what they say are committed.
func (s *server) inbound(c *gin.Context) {
	ctx := c.Request.Context()
	k := keyOf(ctx)
	body := bodyOf(ctx)
	in, err := hitlchat.Parse(body)
	if err != nil {
		s.refuse(c, err)
		return
	}
	accepted, err := s.accept(ctx, db.NewReceipt{
		AccountID: k.AccountID, InboxID: k.InboxID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: in.Items,
		ForwardHeader: metaSignature(c),
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.JSON(http.StatusOK, inboundAnswer{ReceiptID: accepted.ReceiptID, Items: itemViews(accepted.Items), Warnings: in.Warnings})
}

// accept commits a body and wakes the conversations that it is about.
func (s *server) accept(ctx context.Context, r db.NewReceipt) (db.Accepted, error) {
	defer s.Waker.Accepting()()
	r.At = s.Now()
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	accepted, err := db.Accept(ctx, s.DB, r)
	s.wake(ctx, accepted.Wakes...)
	if err == nil {
		s.observeItems(r, accepted)
	}
	return accepted, err
}

func itemViews(items []db.AcceptedItem) []inboundItem {
	views := make([]inboundItem, 0, len(items))
	for _, item := range items {
		views = append(views, inboundItem{
			Kind: item.Kind, ExternalID: item.ExternalID, MessageID: item.MessageID, Duplicate: item.Duplicate, Reason: item.Reason,
		})
	}
	return views
}

// metaSignature is Meta's signature of the body, which goes with the bytes where they are forwarded: who has the app secret can
// verify it.
func metaSignature(c *gin.Context) map[string]string {
	value := c.GetHeader(signature.HeaderMeta)
	if value == "" {
		return nil
	}
	return map[string]string{signature.HeaderMeta: value}
}

// inboxParam is the parameter of the routes whose address names an inbox.
const inboxParam = "inbox_id"

// addressedInbox is the inbox that the address of a vendor's request names: the vendor has no key of ours. It is false for one that
// there is not; the caller answers as for a wrong secret, so that addresses cannot be tried out.
func (s *server) addressedInbox(c *gin.Context) (dbsqlc.Inbox, bool, error) {
	id, err := uuid.Parse(c.Param(inboxParam))
	if err != nil {
		return dbsqlc.Inbox{}, false, nil
	}
	inbox, err := s.queries(c.Request.Context()).InboxGetLive(c.Request.Context(), id)
	if err = db.NotFound(err, "inbox"); handoff.ErrorCode(err) == handoff.CodeNotFound {
		return inbox, false, nil
	}
	return inbox, err == nil, err
}

// isSecret compares what a vendor presents with a sealed secret, in a time that says nothing of either. Without a secret nothing fits.
func (s *server) isSecret(presented string, sealed []byte, place secretbox.AssociatedData) (bool, error) {
	if len(sealed) == 0 {
		return false, nil
	}
	secret, err := s.Box.Open(sealed, place)
	if err != nil || len(secret) == 0 {
		return false, err
	}
	want, got := sha256.Sum256(secret), sha256.Sum256([]byte(presented))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1, nil
}

// keyInbox is the inbox of a route whose caller has a key of ours.
func (s *server) keyInbox(c *gin.Context, param string) (dbsqlc.Inbox, error) {
	k := keyOf(c.Request.Context())
	id, err := uuid.Parse(c.Param(param))
	if err != nil {
		return dbsqlc.Inbox{}, handoff.Errorf(handoff.CodeInvalid, "the address holds no inbox id: it has to be a UUID")
	}
	if k.InboxID != nil && *k.InboxID != id {
		return dbsqlc.Inbox{}, handoff.Errorf(handoff.CodeForbidden, "this key is bound to another inbox than the one that the address names")
	}
	inbox, err := s.queries(c.Request.Context()).InboxGet(c.Request.Context(), dbsqlc.InboxGetParams{AccountID: k.AccountID, ID: id})
	return inbox, db.NotFound(err, "inbox")
}

// elsewhere refuses a request to an inbox of a protocol that has other routes, and names them.
func elsewhere(inbox dbsqlc.Inbox) error {
	id := inbox.ID.String()
	where := map[handoff.Protocol]string{
		handoff.ProtocolHitlChat:    "POST /v1/public/inbound, or let Meta post to /v1/whatsapp/" + id + "/webhook",
		handoff.ProtocolKapso:       "POST /v1/public/inbound, or let Meta post to /v1/whatsapp/" + id + "/webhook",
		handoff.ProtocolChatlayer:   "let Chatlayer post to /v1/chatlayer/" + id,
		handoff.ProtocolPassthrough: "let Meta post to /v1/whatsapp/" + id + "/webhook, and send with POST /v1/passthrough/" + id + "/messages",
		handoff.ProtocolAksita:      "POST /v1/inboxes/" + id + "/messages",
		handoff.ProtocolNative:      "POST /v1/inboxes/" + id + "/messages",
	}
	return handoff.Errorf(handoff.CodeConflict, "this inbox speaks %s, which has other routes: %s", inbox.Protocol, where[inbox.Protocol])
}
