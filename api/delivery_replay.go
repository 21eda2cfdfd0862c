package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/workflows"
)

// How many deliveries one request sends again at most, and how many of them one transaction asks for.
const (
	replayLimit = 10_000
	replayBatch = 500
)

// replayRange is how far back, and over how long a time, deliveries are sent again.
const replayRange = 30 * 24 * time.Hour

type recoverBody struct {
	Since  time.Time `json:"since" format:"date-time" doc:"What was given up then or later is sent again. At most 30 days ago."`
	Cursor string    `json:"cursor,omitempty" maxLength:"500" doc:"next_cursor of the answer before."`
}

type replayBody struct {
	Since      time.Time               `json:"since" format:"date-time" doc:"What was made then or later."`
	Until      time.Time               `json:"until" format:"date-time" doc:"What was made then or before. At most 30 days after since."`
	States     []handoff.DeliveryState `json:"states,omitempty" minItems:"1" maxItems:"2" enum:"failed,delivered" doc:"Those that failed for good unless given."`
	EventTypes []string                `json:"event_types,omitempty" minItems:"1" maxItems:"50" doc:"As deliveries show them, by their full names; all unless given."`
	Cursor     string                  `json:"cursor,omitempty" maxLength:"500" doc:"next_cursor of the answer before."`
}

type recoverInput struct {
	ByID
	Idempotent
	Body recoverBody
}

type replayInput struct {
	ByID
	Idempotent
	Body replayBody
}

// replayAnswer says how much is sent again.
type replayAnswer struct {
	Deliveries int    `json:"deliveries" doc:"So many are sent again. How each fares shows in its attempts."`
	More       bool   `json:"more" doc:"There are more: give next_cursor with the same request."`
	NextCursor string `json:"next_cursor,omitempty"`
}

func (s *server) replayRoutes() {
	missing := []int{http.StatusNotFound}
	handle(s, operation{
		id: "recover-endpoint", method: http.MethodPost, path: "/v1/endpoints/{id}/recover", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Send again what an endpoint has lost", status: http.StatusAccepted, errors: missing,
		description: "Say this when a receiver works again. What failed for good since then gets one more attempt each, in the order of each conversation; " +
			"what waits for its next attempt is tried now; a pause that the endpoint asked for, and an open circuit breaker, end. At most 10,000 deliveries by one request.",
	}, s.recoverEndpoint)
	handle(s, operation{
		id: "replay-endpoint", method: http.MethodPost, path: "/v1/endpoints/{id}/replay", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Send a range of deliveries again", status: http.StatusAccepted, errors: missing,
		description: "One more attempt for each delivery that was made in the range: the same webhook-id and the same bytes, signed anew, in the order of each " +
			"conversation. One that fails changes nothing of the delivery's schedule, and does not count against the endpoint. Asked twice, they are sent twice. " +
			"At most 10,000 deliveries by one request.",
	}, s.replayEndpoint)
}

func (s *server) recoverEndpoint(ctx context.Context, in *recoverInput) (*output[replayAnswer], error) {
	now := s.Now()
	if err := checkRange(in.Body.Since, now, "now"); err != nil {
		return nil, err
	}
	after, err := decodeCursor("recover", in.Body.Cursor, int64(0))
	if err != nil {
		return nil, err
	}
	account := keyOf(ctx).AccountID
	wakes, err := db.Revive(ctx, s.db(ctx), account, in.ID, now)
	if err != nil {
		return nil, err
	}
	s.wake(ctx, wakes...)
	return s.replay(ctx, "recover", db.Replay{
		AccountID: account, EndpointID: in.ID, States: []handoff.DeliveryState{handoff.DeliveryFailed}, FailedSince: in.Body.Since, After: after, At: now,
	})
}

func (s *server) replayEndpoint(ctx context.Context, in *replayInput) (*output[replayAnswer], error) {
	b := in.Body
	if err := checkRange(b.Since, b.Until, "until"); err != nil {
		return nil, err
	}
	for _, t := range b.EventTypes {
		if strings.Contains(t, "*") {
			return nil, invalidField("body.event_types", "name each event type in full, as deliveries show it: %q is a family", t)
		}
	}
	if len(b.States) == 0 {
		b.States = []handoff.DeliveryState{handoff.DeliveryFailed}
	}
	after, err := decodeCursor("replay", b.Cursor, int64(0))
	if err != nil {
		return nil, err
	}
	account := keyOf(ctx).AccountID
	if _, err := db.Replayable(ctx, s.queries(ctx), account, in.ID); err != nil {
		return nil, err
	}
	return s.replay(ctx, "replay", db.Replay{
		AccountID: account, EndpointID: in.ID, States: b.States, Since: b.Since, Until: b.Until, EventTypes: b.EventTypes, After: after, At: s.Now(),
	})
}

// replay asks for the attempts batch by batch. What a request that was cut short has asked for is left alone by its repetition, as far as
// it has not been sent yet.
func (s *server) replay(ctx context.Context, list string, r db.Replay) (*output[replayAnswer], error) {
	r.UnlessAsked = commandOf(ctx).Repeated
	r, err := db.ReplayStart(ctx, s.db(ctx), r)
	if err != nil {
		return nil, err
	}
	out := &output[replayAnswer]{}
	for more := true; more && out.Body.Deliveries < replayLimit; {
		batch, err := db.ReplayBatch(ctx, s.db(ctx), r, min(replayBatch, int32(replayLimit-out.Body.Deliveries)))
		if err != nil {
			return nil, err
		}
		s.wake(ctx, batch.Wakes...)
		s.sendAlone(ctx, r.AccountID, batch.Alone)
		out.Body.Deliveries += batch.Deliveries
		r.After, more = batch.Last, batch.More
		out.Body.More = more
	}
	if out.Body.More {
		out.Body.NextCursor = encodeCursor(list, r.After)
	}
	return out, nil
}

// sendAlone starts the workflows of deliveries that belong to no conversation. One that cannot be started now is found later by its row.
func (s *server) sendAlone(ctx context.Context, account handoff.ID, ids []handoff.ID) {
	for _, id := range ids {
		if err := s.Commands.TestWebhook(ctx, workflows.NewWebhookTestInput(account, id)); err != nil {
			s.Log.WarnContext(ctx, "a delivery of no conversation could not be sent again at once", "delivery_id", id, "error", err)
			return
		}
	}
}

func checkRange(since, until time.Time, end string) error {
	switch {
	case since.After(until):
		return invalidField("body.since", "is later than %s", end)
	case until.Sub(since) > replayRange:
		return invalidField("body.since", "is more than 30 days before %s: take a shorter range", end)
	}
	return nil
}

func invalidField(location, format string, args ...any) error {
	e := handoff.Errorf(handoff.CodeInvalid, format, args...)
	e.Details = []handoff.ErrorDetail{{Location: location, Message: e.Message}}
	e.Message = location + " " + e.Message
	return e
}
