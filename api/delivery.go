package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

const deliveryTag = "Deliveries"

// Delivery is an event on its way to one endpoint.
type Delivery struct {
	ID             handoff.ID            `json:"id" format:"uuid"`
	WebhookID      string                `json:"webhook_id" doc:"The webhook-id header of every attempt."`
	EndpointID     handoff.ID            `json:"endpoint_id" format:"uuid"`
	InboxID        handoff.ID            `json:"inbox_id" format:"uuid"`
	EventType      string                `json:"event_type" doc:"As the endpoint sees it."`
	EventID        *handoff.ID           `json:"event_id,omitempty" format:"uuid"`
	ConversationID *handoff.ID           `json:"conversation_id,omitempty" format:"uuid"`
	MessageID      *handoff.ID           `json:"message_id,omitempty" format:"uuid"`
	Seq            *int64                `json:"seq,omitempty" doc:"The event's number in the conversation."`
	State          handoff.DeliveryState `json:"state" enum:"pending,delivered,failed,held"`
	Failure        string                `json:"failure,omitempty" doc:"How the last attempt failed, in words."`
	Attempts       []Attempt             `json:"attempts"`
	NextAttemptAt  *time.Time            `json:"next_attempt_at,omitempty"`
	CreatedAt      time.Time             `json:"created_at"`
	FinishedAt     *time.Time            `json:"finished_at,omitempty"`
}

// Attempt is one HTTP request.
type Attempt struct {
	N               int32     `json:"n"`
	At              time.Time `json:"at"`
	DurationMS      *float64  `json:"duration_ms,omitempty"`
	Status          *int32    `json:"status,omitempty" doc:"The HTTP status of the answer, if there was one."`
	Error           string    `json:"error,omitempty"`
	ResponseExcerpt string    `json:"response_excerpt,omitempty"`
	Trigger         string    `json:"trigger" enum:"schedule,manual"`
}

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
		summary: "List deliveries", description: "The newest first. `state=failed` are the dead letters.",
	}, s.listDeliveries)
	handle(s, operation{
		id: "get-delivery", method: http.MethodGet, path: "/v1/deliveries/{id}", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Get a delivery", errors: []int{http.StatusNotFound},
	}, s.getDelivery)
	handle(s, operation{
		id: "redeliver", method: http.MethodPost, path: "/v1/deliveries/{id}/redeliver", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Send a delivery again", description: "Asks for one more attempt, now: the same webhook-id and the same bytes.",
		status: http.StatusAccepted, errors: []int{http.StatusNotFound},
	}, s.redeliver)
}

func (s *server) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*listOutput[Delivery], error) {
	before, err := decodeCursor("deliveries", in.Cursor, int64(math.MaxInt64))
	if err != nil {
		return nil, err
	}
	var rows []dbsqlc.Delivery
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = q.DeliveryList(ctx, dbsqlc.DeliveryListParams{
			AccountID: keyOf(ctx).AccountID, State: optional(in.State), EndpointID: given(in.EndpointID),
			ConversationID: given(in.ConversationID), BeforePosition: before, RowLimit: in.Limit + 1,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.Delivery) string { return encodeCursor("deliveries", row.Position) })
	items, err := s.deliveryViews(ctx, rows)
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
	endpoint, err := q.DeliveryEndpoint(ctx, dbsqlc.DeliveryEndpointParams{ID: row.EndpointID, Now: s.Now()})
	if err != nil {
		return nil, err
	}
	if endpoint.Endpoint.DeletedAt != nil || endpoint.Endpoint.State == handoff.EndpointDisabled {
		return nil, handoff.Errorf(handoff.CodeConflict, "the endpoint is disabled or deleted: enable it first, which sends what is held for it")
	}
	if err := s.requestDelivery(ctx, row); err != nil {
		return nil, err
	}
	if row.ContactID == nil {
		err = s.Commands.TestWebhook(ctx, testInput(row))
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

func testInput(row dbsqlc.Delivery) workflows.WebhookTestInput {
	var in workflows.WebhookTestInput
	in.AccountID, in.DeliveryID = row.AccountID, row.ID
	return in
}

func (s *server) deliveryViews(ctx context.Context, rows []dbsqlc.Delivery) ([]Delivery, error) {
	views, ids := make([]Delivery, 0, len(rows)), make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	attempts, err := s.queries(ctx).AttemptList(ctx, ids)
	if err != nil {
		return nil, err
	}
	byDelivery := map[handoff.ID][]Attempt{}
	for _, a := range attempts {
		byDelivery[a.DeliveryID] = append(byDelivery[a.DeliveryID], Attempt{
			N: a.N, At: a.StartedAt.UTC(), DurationMS: a.DurationMs, Status: a.Status, Error: db.OrEmpty(a.Error),
			ResponseExcerpt: db.OrEmpty(a.ResponseExcerpt), Trigger: a.Trigger,
		})
	}
	for _, row := range rows {
		view := Delivery{
			ID: row.ID, WebhookID: row.WebhookID, EndpointID: row.EndpointID, InboxID: row.InboxID, EventType: row.EventType,
			EventID: row.EventID, ConversationID: row.ConversationID, MessageID: row.MessageID, Seq: row.Seq, State: row.State,
			Failure: db.OrEmpty(row.Failure), Attempts: byDelivery[row.ID], NextAttemptAt: utc(row.NextAttemptAt),
			CreatedAt: row.CreatedAt.UTC(), FinishedAt: utc(row.FinishedAt),
		}
		if view.Attempts == nil {
			view.Attempts = []Attempt{}
		}
		views = append(views, view)
	}
	return views, nil
}
