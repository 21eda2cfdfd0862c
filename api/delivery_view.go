package api

import (
	"context"
	"encoding/json"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
)

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
	Failure        string                `json:"failure,omitempty" doc:"How the last attempt failed, in words; or why there was none."`
	Attempts       []Attempt             `json:"attempts"`
	NextAttemptAt  *time.Time            `json:"next_attempt_at,omitempty"`
	CreatedAt      time.Time             `json:"created_at"`
	FinishedAt     *time.Time            `json:"finished_at,omitempty"`
	WorkflowURL    string                `json:"workflow_url,omitempty" doc:"The workflow that sends it, in the Temporal UI."`
}

// Attempt is one HTTP request. The address that it went to is none of a tenant's business: it could be one of the operator's network.
type Attempt struct {
	N                 int32             `json:"n" doc:"From 1, in the order in which they were made."`
	Trigger           string            `json:"trigger" enum:"schedule,manual,recovery" doc:"Why it was made when it was: by the schedule; because somebody asked for it; or before its time, because the endpoint took others again."`
	Outcome           string            `json:"outcome" enum:"delivered,failed,in_flight,unknown" doc:"unknown: the server that made it was stopped before it could write down what came of it. It may have arrived."`
	At                time.Time         `json:"at" doc:"When it began."`
	EndedAt           *time.Time        `json:"ended_at,omitempty"`
	DurationMS        *float64          `json:"duration_ms,omitempty"`
	Status            *int32            `json:"status,omitempty" doc:"The HTTP status of the answer, if there was a whole one."`
	ErrorClass        string            `json:"error_class,omitempty" enum:"blocked_destination,canceled,connect,invalid_url,protocol,proxy,reset,timeout,tls" doc:"Why there was none. A host name that does not resolve is a blocked_destination too."`
	Error             string            `json:"error,omitempty" doc:"The same in words, with what to do."`
	ResponseHeaders   map[string]string `json:"response_headers,omitempty" doc:"Those of the answer that explain it: Content-Type, Content-Length, Date, Location, Request-Id, Retry-After, Server, Via, Webhook-Delivery, X-Request-Id."`
	ResponseExcerpt   string            `json:"response_excerpt,omitempty" doc:"The beginning of the answer's body, as text: up to 64 KiB of a failure, and 2 KiB of a success. In lists up to 1,024 characters."`
	ResponseTruncated bool              `json:"response_truncated" doc:"The answer was longer than response_excerpt."`
	NextAttemptAt     *time.Time        `json:"next_attempt_at,omitempty" doc:"When the next one was due, as it stood after this one."`
}

// The outcomes of an attempt.
const (
	outcomeDelivered = "delivered"
	outcomeFailed    = "failed"
	outcomeInFlight  = "in_flight"
	outcomeUnknown   = "unknown"
)

// longestAttempt is longer than any attempt takes: the activity that makes it is given up after a minute.
const longestAttempt = time.Minute

func (s *server) deliveryViews(ctx context.Context, rows []dbsqlc.Delivery) ([]Delivery, error) {
	ids := make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	attempts, err := s.queries(ctx).AttemptList(ctx, ids)
	if err != nil {
		return nil, err
	}
	return s.showDeliveries(rows, attempts)
}

// briefViews are for lists.
func (s *server) briefViews(ctx context.Context, brief []dbsqlc.DeliveryListBriefRow) ([]Delivery, error) {
	rows, ids := make([]dbsqlc.Delivery, 0, len(brief)), make([]handoff.ID, 0, len(brief))
	for _, row := range brief {
		ids = append(ids, row.ID)
		rows = append(rows, dbsqlc.Delivery{
			ID: row.ID, WebhookID: row.WebhookID, EndpointID: row.EndpointID, InboxID: row.InboxID, EventType: row.EventType,
			EventID: row.EventID, ConversationID: row.ConversationID, MessageID: row.MessageID, Seq: row.Seq, State: row.State,
			Failure: row.Failure, NextAttemptAt: row.NextAttemptAt, CreatedAt: row.CreatedAt, FinishedAt: row.FinishedAt, ContactID: row.ContactID,
		})
	}
	found, err := s.queries(ctx).AttemptListBrief(ctx, ids)
	if err != nil {
		return nil, err
	}
	attempts := make([]dbsqlc.DeliveryAttempt, 0, len(found))
	for _, a := range found {
		attempts = append(attempts, dbsqlc.DeliveryAttempt{
			DeliveryID: a.DeliveryID, N: a.N, Trigger: a.Trigger, StartedAt: a.StartedAt, DurationMs: a.DurationMs, Status: a.Status,
			Error: a.Error, ErrorClass: a.ErrorClass, NextAttemptAt: a.NextAttemptAt, ResponseHeaders: a.ResponseHeaders,
			ResponseExcerpt: &a.ResponseExcerpt, ResponseTruncated: a.ResponseTruncated,
		})
	}
	return s.showDeliveries(rows, attempts)
}

// showDeliveries puts attempts to their deliveries.
func (s *server) showDeliveries(rows []dbsqlc.Delivery, attempts []dbsqlc.DeliveryAttempt) ([]Delivery, error) {
	shown, err := s.attemptViews(attempts)
	if err != nil {
		return nil, err
	}
	views := make([]Delivery, 0, len(rows))
	for _, row := range rows {
		view := deliveryView(row, shown[row.ID])
		view.WorkflowURL = s.deliveryWorkflow(row)
		views = append(views, view)
	}
	return views, nil
}

func deliveryView(row dbsqlc.Delivery, attempts []Attempt) Delivery {
	if attempts == nil {
		attempts = []Attempt{}
	}
	return Delivery{
		ID: row.ID, WebhookID: row.WebhookID, EndpointID: row.EndpointID, InboxID: row.InboxID, EventType: row.EventType,
		EventID: row.EventID, ConversationID: row.ConversationID, MessageID: row.MessageID, Seq: row.Seq, State: row.State,
		Failure: db.OrEmpty(row.Failure), Attempts: attempts, NextAttemptAt: utc(row.NextAttemptAt),
		CreatedAt: row.CreatedAt.UTC(), FinishedAt: utc(row.FinishedAt),
	}
}

// attemptViews shows attempts by their deliveries. They come in order.
func (s *server) attemptViews(rows []dbsqlc.DeliveryAttempt) (map[handoff.ID][]Attempt, error) {
	shown := map[handoff.ID][]Attempt{}
	for i, row := range rows {
		last := i+1 == len(rows) || rows[i+1].DeliveryID != row.DeliveryID
		view := Attempt{
			N: row.N, At: row.StartedAt.UTC(), DurationMS: row.DurationMs, Status: row.Status, Error: db.OrEmpty(row.Error),
			ErrorClass: string(outbound.ErrorClass(db.OrEmpty(row.ErrorClass)).Public()), ResponseExcerpt: db.OrEmpty(row.ResponseExcerpt),
			ResponseTruncated: row.ResponseTruncated, Trigger: row.Trigger, NextAttemptAt: utc(row.NextAttemptAt), Outcome: s.outcome(row, last),
		}
		if row.DurationMs != nil {
			ended := view.At.Add(time.Duration(*row.DurationMs * float64(time.Millisecond)))
			view.EndedAt = &ended
		}
		if len(row.ResponseHeaders) > 0 {
			if err := json.Unmarshal(row.ResponseHeaders, &view.ResponseHeaders); err != nil {
				return nil, err
			}
		}
		shown[row.DeliveryID] = append(shown[row.DeliveryID], view)
	}
	return shown, nil
}

// outcome is what came of an attempt. Whoever makes one writes down how long it took; where that is missing, its worker died: it has no
// result, or one that was put in for it later.
func (s *server) outcome(row dbsqlc.DeliveryAttempt, last bool) string {
	ended := row.DurationMs != nil
	switch {
	case ended && row.Error == nil && row.Status != nil && *row.Status >= 200 && *row.Status < 300:
		return outcomeDelivered
	case ended:
		return outcomeFailed
	case last && row.Error == nil && s.Now().Sub(row.StartedAt) < longestAttempt:
		return outcomeInFlight
	}
	return outcomeUnknown
}
