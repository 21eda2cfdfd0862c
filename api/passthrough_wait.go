package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/meta"
)

const (
	// defaultSendWait is how long a program waits for Meta's answer: Meta takes most messages within a second.
	defaultSendWait = 10 * time.Second
	firstLook       = 20 * time.Millisecond
	lastLook        = 250 * time.Millisecond
	// throttledRetry is when to come back after Meta's limits were reached for so long that a message was given up.
	throttledRetry = time.Minute
)

// sendOutcome is the answer to a send, before it has the vendor's form or Meta's.
type sendOutcome struct {
	status     int
	meta       json.RawMessage // Meta's answer, or what we say in its place
	message    string
	retryAfter string
}

// awaitSend looks at a message until its delivery is settled or the time is up. A request that is gone has no answer: another one with
// its Idempotency-Key waits again.
func (s *server) awaitSend(ctx context.Context, account, id handoff.ID) (sendOutcome, error) {
	deadline := time.NewTimer(s.SendWait)
	defer deadline.Stop()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		out, settled, err := s.lookAtSend(ctx, account, id)
		if err != nil || settled {
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-deadline.C:
			return out, nil
		case <-time.After(pause):
		}
	}
}

// lookAtSend tells what has become of a message by now. Its delivery has its id.
func (s *server) lookAtSend(ctx context.Context, account, id handoff.ID) (out sendOutcome, settled bool, err error) {
	q := s.queries(ctx)
	d, err := q.DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: account, ID: id})
	if err != nil {
		return out, false, err
	}
	m, err := q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: account, ID: id})
	if err != nil {
		return out, false, err
	}
	if d.State == handoff.DeliveryPending {
		sentence := "the message is kept and not sent yet"
		if d.Failure != nil {
			sentence += ": " + *d.Failure
		}
		return underWay(m, handoff.MessageQueued, sentence), false, nil
	}
	attempts, err := q.AttemptList(ctx, []handoff.ID{id})
	if err != nil {
		return out, false, err
	}
	var last dbsqlc.DeliveryAttempt
	if len(attempts) > 0 {
		last = attempts[len(attempts)-1]
	}
	return outcomeOf(m, d, last), true, nil
}

func outcomeOf(m dbsqlc.Message, d dbsqlc.Delivery, last dbsqlc.DeliveryAttempt) sendOutcome {
	answer := json.RawMessage(db.OrEmpty(last.ResponseExcerpt))
	switch {
	case d.State == handoff.DeliveryDelivered:
		return taken(m, answer)
	case d.State == handoff.DeliveryHeld:
		return refusedByMeta(last, answer, "the message is kept and goes out when the endpoint for Meta is enabled again; "+
			"repeat it with its Idempotency-Key only: "+db.OrEmpty(d.Failure))
	case m.Status != nil && *m.Status == handoff.MessageUncertain:
		return underWay(m, handoff.MessageUncertain, "no answer came from Meta: the message may have been sent, and is not sent again; its status tells")
	case m.Status != nil && *m.Status != handoff.MessageFailed:
		return taken(m, nil) // its status has proved what its answer did not
	}
	return refusedByMeta(last, answer, db.OrEmpty(m.FailureReason))
}

// taken is Meta's own answer, or what it must have been: of a long one the end is not kept.
func taken(m dbsqlc.Message, answer json.RawMessage) sendOutcome {
	out := sendOutcome{status: http.StatusOK, meta: answer, message: "OK"}
	if _, ok := meta.ParseSent(answer); ok {
		return out
	}
	type sentMessage struct {
		ID string `json:"id"`
	}
	// A text in a struct can always be encoded.
	out.meta, _ = json.Marshal(struct {
		Product  string        `json:"messaging_product"`
		Messages []sentMessage `json:"messages"`
	}{"whatsapp", []sentMessage{{db.OrEmpty(m.ExternalID)}}})
	return out
}

// underWay says that the outcome is open, and by what id it can be asked for.
func underWay(m dbsqlc.Message, status handoff.MessageStatus, sentence string) sendOutcome {
	body, _ := json.Marshal(passedMessage{MessageID: m.ID, Status: status}) // ids and words can always be encoded
	return sendOutcome{status: http.StatusAccepted, meta: body, message: sentence}
}

// refusedByMeta maps Meta's error by what it asks for: programs know our statuses, and Meta's own are no guide (support/error-codes).
func refusedByMeta(last dbsqlc.DeliveryAttempt, answer json.RawMessage, sentence string) sendOutcome {
	out := sendOutcome{status: http.StatusServiceUnavailable, meta: answer, message: sentence}
	if last.Status == nil {
		return out // Meta was not reached
	}
	e, _ := meta.ParseSendError(int(*last.Status), answer)
	switch e.Action() {
	case meta.ActionThrottle, meta.ActionPairThrottle:
		out.status, out.retryAfter = http.StatusTooManyRequests, strconv.Itoa(int(throttledRetry.Seconds()))
	case meta.ActionFix, meta.ActionNever:
		out.status = http.StatusUnprocessableEntity
	case meta.ActionRefreshToken, meta.ActionPermission, meta.ActionRetry:
	}
	return out
}
