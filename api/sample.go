package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/hitlchat"
	"handoff/workflows"
)

// sampleContact is of the range that is kept free for fiction.
var sampleContact = []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "15550100000"}}

type sampleBody struct {
	InboxID *handoff.ID `json:"inbox_id" format:"uuid"`
}

type sampleAnswer struct {
	Deliveries []Delivery `json:"deliveries"`
}

func (s *server) sampleRoutes() {
	for _, prefix := range publicPrefixes {
		s.plain(http.MethodPost, prefix+"/inbound/test-resolved-webhook",
			route{scope: handoff.ScopeGateway, maxBody: maxBody, verbatim: true}, s.testResolvedWebhook)
	}
}

// testResolvedWebhook sends a sample conversation_resolved to the endpoints of an inbox that receive it.
func (s *server) testResolvedWebhook(c *gin.Context) {
	ctx := c.Request.Context()
	var body sampleBody
	if raw := bodyOf(ctx); len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &body); err != nil || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
			s.refuse(c, handoff.Errorf(handoff.CodeMalformed, `the body has to be empty or {"inbox_id":"…"}`))
			return
		}
	}
	deliveries, err := s.sendSamples(ctx, body.InboxID)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.JSON(http.StatusOK, sampleAnswer{deliveries}) // the vendor documents no other success
}

func (s *server) sendSamples(ctx context.Context, inboxID *handoff.ID) ([]Delivery, error) {
	inbox, err := s.sampleInbox(ctx, inboxID)
	if err != nil {
		return nil, err
	}
	endpoints, err := s.sampleEndpoints(ctx, inbox)
	if err != nil {
		return nil, err
	}
	body, err := hitlchat.ConversationResolved(sampleContact, inbox.ResolvedStatus, s.Now())
	if err != nil {
		return nil, err
	}
	rows := make([]dbsqlc.Delivery, 0, len(endpoints))
	for i, endpoint := range endpoints {
		row, err := s.insertSample(ctx, inbox, endpoint, sampleID(ctx, i), body)
		if err != nil {
			return nil, err
		}
		if err := s.Commands.TestWebhook(ctx, workflows.NewWebhookTestInput(row.AccountID, row.ID)); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return s.deliveryViews(ctx, rows)
}

// sampleID makes a repeated request find its deliveries: the first has the command's id and the others ids that follow from it.
func sampleID(ctx context.Context, i int) handoff.ID {
	id := commandOf(ctx).ID
	id[len(id)-1] += byte(i)
	return id
}

func (s *server) insertSample(ctx context.Context, inbox dbsqlc.Inbox, endpoint dbsqlc.Endpoint, id handoff.ID, body []byte) (dbsqlc.Delivery, error) {
	q, now := s.queries(ctx), s.Now()
	err := db.ExecBatch(q.DeliveryInsert(ctx, []dbsqlc.DeliveryInsertParams{{
		ID: id, AccountID: inbox.AccountID, EndpointID: endpoint.ID, InboxID: inbox.ID, EventType: hitlchat.EventConversationResolved,
		WebhookID: handoff.NewWebhookID(), Body: body, State: handoff.DeliveryPending, NextAttemptAt: &now, CreatedAt: now,
	}}))
	if err != nil && !db.ViolatesUnique(err, "deliveries_pkey") {
		return dbsqlc.Delivery{}, err
	}
	return q.DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: inbox.AccountID, ID: id})
}

func (s *server) sampleInbox(ctx context.Context, id *handoff.ID) (dbsqlc.Inbox, error) {
	k, q := keyOf(ctx), s.queries(ctx)
	if id == nil {
		id = k.InboxID
	}
	if id != nil {
		if k.InboxID != nil && *id != *k.InboxID {
			return dbsqlc.Inbox{}, handoff.Errorf(handoff.CodeNotFound, "there is no such inbox")
		}
		row, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: k.AccountID, ID: *id})
		return row, db.NotFound(err, "inbox")
	}
	inboxes, err := q.InboxListByProtocol(ctx, dbsqlc.InboxListByProtocolParams{
		AccountID: k.AccountID, Protocol: handoff.ProtocolHitlChat, RowLimit: 2,
	})
	if err != nil {
		return dbsqlc.Inbox{}, err
	}
	switch len(inboxes) {
	case 0:
		return dbsqlc.Inbox{}, handoff.Errorf(handoff.CodeConflict, "the account has no inbox of protocol hitlchat: create one first")
	case 1:
		return inboxes[0], nil
	}
	return dbsqlc.Inbox{}, handoff.Errorf(handoff.CodeInvalid, `the account has several inboxes of protocol hitlchat: say which in the body, {"inbox_id":"…"}`)
}

func (s *server) sampleEndpoints(ctx context.Context, inbox dbsqlc.Inbox) ([]dbsqlc.Endpoint, error) {
	endpoints, err := s.queries(ctx).EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: inbox.AccountID, InboxID: inbox.ID})
	if err != nil {
		return nil, err
	}
	subscribed := slices.DeleteFunc(endpoints, func(e dbsqlc.Endpoint) bool {
		return !slices.Contains(e.EventTypes, hitlchat.EventConversationResolved)
	})
	if len(subscribed) == 0 {
		return nil, handoff.Errorf(handoff.CodeConflict,
			"no endpoint of the inbox %q receives conversation_resolved: create one, or add it to an endpoint's event_types", inbox.Name)
	}
	enabled := slices.DeleteFunc(subscribed, func(e dbsqlc.Endpoint) bool { return e.State != handoff.EndpointEnabled })
	if len(enabled) == 0 {
		return nil, handoff.Errorf(handoff.CodeConflict, "every endpoint of the inbox %q that receives conversation_resolved is disabled: enable one", inbox.Name)
	}
	return enabled, nil
}
