package api

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/chatlayer"
	"handoff/internal/secretbox"
)

const chatlayerPath = "/v1/chatlayer/:" + inboxParam

// chatlayerAnswer answers what Chatlayer tells; it reads the answer to an offload only.
type chatlayerAnswer struct {
	ReceiptID handoff.ID `json:"receipt_id" format:"uuid"`
}

func (s *server) chatlayerRoutes() {
	open := route{scope: publicScope, maxBody: maxInbound, verbatim: true, guarded: true}
	s.plain(http.MethodGet, chatlayerPath, open, s.chatlayerHealth)
	s.plain(http.MethodPost, chatlayerPath, open, s.chatlayerPost)
}

// chatlayerHealth answers the check that Chatlayer makes when an operator saves the offloading webhook.
func (s *server) chatlayerHealth(c *gin.Context) {
	if _, err := s.chatlayerInbox(c); err != nil {
		s.refuse(c, err)
		return
	}
	c.Data(http.StatusOK, "application/json", chatlayer.Healthy)
}

// chatlayerPost accepts what bot and user said, or a request for a person, and answers whether somebody takes it. Chatlayer repeats a
// request that fails.
func (s *server) chatlayerPost(c *gin.Context) {
	ctx := c.Request.Context()
	inbox, err := s.chatlayerInbox(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	in, err := chatlayer.Parse(bodyOf(ctx))
	if err == nil {
		err = checkBot(inbox, in)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	accepted, err := s.accept(ctx, db.NewReceipt{
		AccountID: inbox.AccountID, InboxID: &inbox.ID, Protocol: inbox.Protocol, Body: bodyOf(ctx), Items: in.Items,
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	if in.Event != chatlayer.EventOffload {
		c.JSON(http.StatusOK, chatlayerAnswer{accepted.ReceiptID})
		return
	}
	refused := slices.ContainsFunc(accepted.Items, func(i db.AcceptedItem) bool { return i.Outcome == db.OutcomeRefused })
	c.Data(http.StatusOK, "application/json", chatlayer.OffloadAnswer(!refused))
}

// chatlayerInbox is the inbox of a request that proves by its token that it is Chatlayer's. Whatever is wrong, the answer is the same.
func (s *server) chatlayerInbox(c *gin.Context) (dbsqlc.Inbox, error) {
	refused := handoff.Errorf(handoff.CodeUnauthorized, "no Chatlayer inbox has this address and this %s: copy both again",
		chatlayer.VerifyTokenParameter)
	inbox, found, err := s.addressedInbox(c)
	if err != nil {
		return inbox, err
	}
	if !found || inbox.Protocol != handoff.ProtocolChatlayer {
		return inbox, refused
	}
	ok, err := s.isSecret(c.Query(chatlayer.VerifyTokenParameter), inbox.VerifyToken, secretbox.VerifyToken(inbox.AccountID, inbox.ID))
	if err != nil || ok {
		return inbox, err
	}
	s.Observe.SignatureRefused(inbox.Protocol)
	return inbox, refused
}

// checkBot keeps one bot's sessions out of another's inbox: answers would go to the wrong bot.
func checkBot(inbox dbsqlc.Inbox, in chatlayer.Inbound) error {
	if inbox.BotID == "" || in.BotID == "" || in.BotID == inbox.BotID {
		return nil
	}
	const sentence = "this inbox is another bot's: compare botId with the inbox's bot_id"
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: sentence, Details: []handoff.ErrorDetail{{Location: "body.botId", Message: sentence}},
	}
}
