package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/native"
)

// offloadAnswer is the answer to a request of the gateway's: for a person, or to end it.
type offloadAnswer struct {
	ReceiptID handoff.ID  `json:"receipt_id" format:"uuid"`
	Accepted  bool        `json:"accepted" doc:"false: nobody can take it now, and the bot goes on."`
	Reason    string      `json:"reason,omitempty" doc:"Why not: the inbox is closed, or its queue is full. Of an accepted one, what else there is to say."`
	MessageID *handoff.ID `json:"message_id,omitempty" format:"uuid" doc:"The request as a turn of the conversation."`
	Duplicate bool        `json:"duplicate" doc:"It was accepted before, by its id."`
}

// nativeRoutes are those of our own protocol. Aksita's gateways use them as well: the vendor documents the way out only.
func (s *server) nativeRoutes() {
	r := route{scope: handoff.ScopeGateway, maxBody: maxInbound, verbatim: true}
	for name, handler := range map[string]gin.HandlerFunc{
		"messages": s.nativeList(native.ParseMessages), "statuses": s.nativeList(native.ParseStatuses),
		"offloads": s.nativeOne(native.ParseOffload), "ends": s.nativeOne(native.ParseEnd),
	} {
		s.plain(http.MethodPost, "/v1/inboxes/:id/"+name, r, handler)
	}
}

type nativeParser func(body []byte) ([]handoff.Item, error)

// nativeList accepts several elements, of which each has its own outcome.
func (s *server) nativeList(parse nativeParser) gin.HandlerFunc {
	return func(c *gin.Context) {
		accepted, err := s.acceptNative(c, parse)
		if err != nil {
			s.refuse(c, err)
			return
		}
		c.JSON(http.StatusOK, inboundAnswer{ReceiptID: accepted.ReceiptID, Items: itemViews(accepted.Items)})
	}
}

// nativeOne accepts one request of the gateway's and answers what became of it.
func (s *server) nativeOne(parse nativeParser) gin.HandlerFunc {
	return func(c *gin.Context) {
		accepted, err := s.acceptNative(c, parse)
		if err != nil {
			s.refuse(c, err)
			return
		}
		item := accepted.Items[0]
		c.JSON(http.StatusOK, offloadAnswer{
			ReceiptID: accepted.ReceiptID, Accepted: item.Outcome != db.OutcomeRefused, Reason: item.Reason, MessageID: item.MessageID,
			Duplicate: item.Duplicate,
		})
	}
}

func (s *server) acceptNative(c *gin.Context, parse nativeParser) (db.Accepted, error) {
	ctx := c.Request.Context()
	inbox, err := s.nativeInbox(c)
	if err != nil {
		return db.Accepted{}, err
	}
	items, err := parse(bodyOf(ctx))
	if err != nil {
		return db.Accepted{}, err
	}
	return s.accept(ctx, db.NewReceipt{
		AccountID: inbox.AccountID, InboxID: &inbox.ID, Protocol: inbox.Protocol, Body: bodyOf(ctx), Items: items,
	})
}

func (s *server) nativeInbox(c *gin.Context) (dbsqlc.Inbox, error) {
	inbox, err := s.keyInbox(c, "id")
	if err != nil || inbox.Protocol == handoff.ProtocolNative || inbox.Protocol == handoff.ProtocolAksita {
		return inbox, err
	}
	return inbox, elsewhere(inbox)
}
