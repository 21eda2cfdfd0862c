package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
	"handoff/internal/protocol/hitlchat"
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
	Kind       handoff.ItemKind `json:"kind" enum:"message,status,event,ignored"`
	ExternalID string           `json:"external_id,omitempty"`
	MessageID  *handoff.ID      `json:"message_id,omitempty" format:"uuid"`
	Duplicate  bool             `json:"duplicate"`
	Reason     string           `json:"reason,omitempty"`
}

func (s *server) intakeRoutes() {
	for _, prefix := range publicPrefixes {
		s.plain(http.MethodPost, prefix+"/inbound", route{scope: handoff.ScopeGateway, maxBody: maxInbound, verbatim: true}, s.inbound)
	}
}

// inbound accepts a body of HitlChat's protocol. It answers once the bytes and what they say are committed.
func (s *server) inbound(c *gin.Context) {
	defer s.Waker.Accepting()()
	ctx := c.Request.Context()
	k := keyOf(ctx)
	body := bodyOf(ctx)
	in, err := hitlchat.Parse(body)
	if err != nil {
		s.refuse(c, err)
		return
	}
	accepted, err := db.Accept(ctx, s.DB, db.NewReceipt{
		AccountID: k.AccountID, InboxID: k.InboxID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: in.Items, At: s.Now(),
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	for _, w := range accepted.Wakes {
		s.Waker.Wake(w)
	}
	answer := inboundAnswer{ReceiptID: accepted.ReceiptID, Items: make([]inboundItem, 0, len(accepted.Items)), Warnings: in.Warnings}
	for _, item := range accepted.Items {
		answer.Items = append(answer.Items, inboundItem{
			Kind: item.Kind, ExternalID: item.ExternalID, MessageID: item.MessageID, Duplicate: item.Duplicate, Reason: item.Reason,
		})
	}
	c.JSON(http.StatusOK, answer)
}
