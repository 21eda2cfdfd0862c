package api

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

const deliveryTag = "Deliveries"

type listDeliveriesInput struct {
	Page
	State          string     `query:"state" enum:"pending,delivered,failed,held"`
	EndpointID     handoff.ID `query:"endpoint_id" format:"uuid"`
	ConversationID handoff.ID `query:"conversation_id" format:"uuid"`
}

type redeliverInput struct {
	ByID
	Idempotent
}

func (s *server) deliveryRoutes() {
	handle(s, operation{
		id: "list-deliveries", method: http.MethodGet, path: "/v1/deliveries", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "List deliveries", description: "The newest first. `state=failed` are the dead letters. Of each answer of the endpoint's a list shows " +
			"the first 1,024 characters; one delivery alone shows all that is kept.",
	}, s.listDeliveries)
	handle(s, operation{
		id: "get-delivery", method: http.MethodGet, path: "/v1/deliveries/{id}", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Get a delivery", errors: []int{http.StatusNotFound},
	}, s.getDelivery)
	handle(s, operation{
		id: "redeliver", method: http.MethodPost, path: "/v1/deliveries/{id}/redeliver", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Send a delivery again", description: "Asks for one more attempt, now: the same webhook-id and the same bytes. Asked twice, it is " +
			"sent twice. One that fails leaves the schedule as it was.",
		status: http.StatusAccepted, errors: []int{http.StatusNotFound},
	}, s.redeliver)
	s.replayRoutes()
	s.operatorRoutes()
}

func (s *server) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*listOutput[Delivery], error) {
	before, err := decodeCursor("deliveries", in.Cursor, int64(math.MaxInt64))
	if err != nil {
		return nil, err
	}
	var rows []dbsqlc.DeliveryListBriefRow
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = q.DeliveryListBrief(ctx, dbsqlc.DeliveryListBriefParams{
			AccountID: keyOf(ctx).AccountID, State: optional(in.State), EndpointID: given(in.EndpointID),
			ConversationID: given(in.ConversationID), BeforePosition: before, RowLimit: in.Limit + 1,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.DeliveryListBriefRow) string { return encodeCursor("deliveries", row.Position) })
	items, err := s.briefViews(ctx, rows)
	return &listOutput[Delivery]{list[Delivery]{items, next}}, err
}

func (s *server) getDelivery(ctx context.Context, in *ByID) (*output[Delivery], error) {
	row, err := s.queries(ctx).DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "delivery")
	}
	views, err := s.deliveryViews(ctx, []dbsqlc.Delivery{row})
	if err != nil {
		return nil, err
	}
	return &output[Delivery]{views[0]}, nil
}

// redeliver leaves the sending to the contact's workflow; a delivery without a contact gets a workflow of its own.
func (s *server) redeliver(ctx context.Context, in *redeliverInput) (*output[Delivery], error) {
	account, q := keyOf(ctx).AccountID, s.queries(ctx)
	row, err := q.DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: account, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "delivery")
	}
	if len(row.Body) == 0 {
		return nil, handoff.Errorf(handoff.CodeConflict, "there is nothing to send again: %s", cmp.Or(db.OrEmpty(row.Failure), "it has no bytes of its own"))
	}
	endpoint, err := q.EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: account, ID: row.EndpointID})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	if err != nil || endpoint.State == handoff.EndpointDisabled {
		return nil, handoff.Errorf(handoff.CodeConflict, "the endpoint is disabled or deleted: enable it first, which sends what is held for it")
	}
	if err := s.requestDelivery(ctx, row); err != nil {
		return nil, err
	}
	if row.ContactID == nil {
		err = s.Commands.TestWebhook(ctx, workflows.NewWebhookTestInput(account, row.ID))
	} else {
		s.wake(ctx, db.Wake{AccountID: account, InboxID: row.InboxID, ContactID: *row.ContactID})
	}
	if err != nil {
		return nil, err
	}
	return s.getDelivery(ctx, &in.ByID)
}

func (s *server) requestDelivery(ctx context.Context, row dbsqlc.Delivery) error {
	return db.InTx(ctx, s.db(ctx), func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if row.ContactID != nil {
			// First, because a contact's wake row is locked before anything else of that contact.
			_, err := q.WakeRaiseByConversation(ctx, dbsqlc.WakeRaiseByConversationParams{InboxID: row.InboxID, ContactID: *row.ContactID})
			if err != nil {
				return err
			}
		}
		_, err := q.DeliveryRequest(ctx, dbsqlc.DeliveryRequestParams{AccountID: row.AccountID, ID: row.ID})
		return err
	})
}
