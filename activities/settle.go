package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/meta"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
)

// settle writes an attempt's outcome and what follows from it for the message, the lane and the endpoint.
func (l *lane) settle(ctx context.Context, d dbsqlc.Delivery, out dbsqlc.AttemptFinishParams, r outbound.Result, ruled ruling) (bool, error) {
	was, v := d.State, ruled.verdict
	d.State, d.NextAttemptAt, d.Failure = out.State, out.NextAttemptAt, out.Failure
	l.success = l.success || (out.Healthy != nil && *out.Healthy)
	err := l.pause(ctx, ruled)
	if err != nil {
		return false, err
	}
	switch {
	case v == verdictGone:
		l.reread()
		err = l.disable(ctx, out, ruled)
	case out.State == was, out.State == handoff.DeliveryDelivered && d.MessageID == nil:
		_, err = l.queries().AttemptFinish(ctx, out)
	default:
		l.rippled = true
		err = l.settleMessage(ctx, d, out, r, ruled)
	}
	if err != nil {
		return false, err
	}
	if err := l.noteHealth(ctx, out.Healthy, ruled); err != nil {
		return false, err
	}
	if out.State == handoff.DeliveryFailed {
		l.reread() // it was read before the gap was marked
	}
	if out.State != handoff.DeliveryPending || l.endpoint.State == handoff.EndpointDisabled {
		return true, nil // in the latter case it is held by now
	}
	if d.Bypassed {
		l.reread() // others may go before it is due again
		return true, nil
	}
	if d.ManualAt != nil {
		l.reread() // the schedule goes on as it was, and what stands behind still stands behind
		return true, nil
	}
	return false, l.waitFor(d, l.holdsUp(l.queue))
}

// disable stops all deliveries to an endpoint that says it is gone. They are held, not lost: enabling it sends them.
func (l *lane) disable(ctx context.Context, out dbsqlc.AttemptFinishParams, ruled ruling) error {
	reason := "gone"
	if ruled.failure != nil {
		reason = ruled.failure.Reason
	}
	return db.InTx(ctx, l.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if renewed, err := l.renewed(ctx, q); err != nil || renewed {
			now := l.Now()
			out.State, out.NextAttemptAt = handoff.DeliveryPending, &now
			if err == nil {
				_, err = q.AttemptFinish(ctx, out)
			}
			return err
		}
		// The endpoint's row comes first: two lanes that hear "gone" at once would else hold a delivery each and wait for the other's.
		if err := l.disableFor(ctx, q, reason); err != nil {
			return err
		}
		_, err := q.AttemptFinish(ctx, out)
		return err
	})
}

// renewed tells whether an access token was saved since the lane read it, and takes it: what was refused says nothing of the new one.
func (l *lane) renewed(ctx context.Context, q *dbsqlc.Queries) (bool, error) {
	if l.endpoint.Transport == handoff.TransportWebhook {
		return false, nil
	}
	row, err := q.DeliveryEndpoint(ctx, dbsqlc.DeliveryEndpointParams{ID: l.endpoint.ID, Now: l.Now()})
	if err != nil || bytes.Equal(row.AccessToken, l.sealedToken) {
		return false, err
	}
	l.sealedToken = row.AccessToken
	l.token, err = l.open(row.AccessToken, secretbox.AccessToken(l.endpoint.AccountID, l.endpoint.InboxID))
	return true, err
}

// settleMessage finishes a delivery, or fails it for good, and moves its message on, under the contact's lock.
func (l *lane) settleMessage(ctx context.Context, d dbsqlc.Delivery, out dbsqlc.AttemptFinishParams, r outbound.Result, ruled ruling) error {
	return db.InTx(ctx, l.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		if d.ContactID == nil {
			_, err := q.AttemptFinish(ctx, out)
			return err
		}
		wamid, err := l.lockWamid(ctx, q, d, r)
		if err != nil {
			return err
		}
		conversation, err := l.lockConversation(ctx, tx, Ref{AccountID: d.AccountID, InboxID: d.InboxID, ContactID: *d.ContactID}, l.Now())
		if err != nil || conversation == nil { // the contact has been erased meanwhile
			return err
		}
		if err := conversation.load(ctx); err != nil {
			return err
		}
		rows, err := q.AttemptFinish(ctx, out)
		if err != nil || rows == 0 {
			return err // a later attempt has decided
		}
		if d.State == handoff.DeliveryDelivered {
			return conversation.delivered(ctx, d, wamid)
		}
		if err := markGap(ctx, q, d); err != nil {
			return err
		}
		if ruled.verdict == verdictUncertain {
			return conversation.uncertain(ctx, d)
		}
		failure := handoff.Failure{Code: failureUndeliverable, Reason: "the gateway did not take the message: " + *out.Failure}
		if ruled.failure != nil {
			failure = *ruled.failure
		}
		return conversation.undeliverable(ctx, d, failure)
	})
}

// failureUndeliverable is the failure code of a message that its gateway did not take.
const failureUndeliverable = "undeliverable"

// lockWamid gives the wamid that a gateway answered with, if any, and takes its lock. Intake takes that lock before a contact's;
// so does this, or the two would wait for each other.
func (l *lane) lockWamid(ctx context.Context, q *dbsqlc.Queries, d dbsqlc.Delivery, r outbound.Result) (string, error) {
	if d.State != handoff.DeliveryDelivered || d.MessageID == nil {
		return "", nil
	}
	wamid, ok := meta.ParseSent(r.Body)
	if !ok {
		return "", nil
	}
	return wamid, q.ExternalIDLock(ctx, db.ExternalIDLockName(d.InboxID, wamid))
}

// delivered records that the gateway has the message, and learns the wamid if the gateway said it.
func (l *locked) delivered(ctx context.Context, d dbsqlc.Delivery, wamid string) error {
	if d.MessageID == nil {
		return nil
	}
	m, err := l.q.MessageLock(ctx, *d.MessageID)
	if err != nil {
		return err
	}
	if failedOnTheWay(m) || l.protocol.Transport != handoff.TransportWebhook {
		// It failed on its way out; somebody sent it again, and now the gateway has it. A send of our own fails nowhere else.
		if m.Status != nil && (*m.Status == handoff.MessageFailed || *m.Status == handoff.MessageUncertain) {
			queued := handoff.MessageQueued
			m.Status = &queued
		}
	}
	if err := l.advance(ctx, m, handoff.MessageDeliveredToGateway, nil); err != nil {
		return err
	}
	if wamid == "" || m.ExternalID != nil {
		return l.flush(ctx)
	}
	if err := l.learn(ctx, m.ID, wamid); err != nil {
		return err
	}
	return l.flush(ctx)
}

// failedOnTheWay tells of a failed message that it was we who gave it up.
func failedOnTheWay(m dbsqlc.Message) bool {
	return m.FailureCode != nil && (*m.FailureCode == failureUndeliverable || *m.FailureCode == handoff.FailureWindowClosed)
}

// statusOrder is the order in which statuses that came out of order happened: a message fails after it was sent, and one that was
// delivered has not failed.
var statusOrder = []handoff.MessageStatus{
	handoff.MessageSent, handoff.MessageFailed, handoff.MessageDelivered, handoff.MessageRead, handoff.MessagePlayed,
}

// learn gives a message its wamid and applies the statuses that came before it.
func (l *locked) learn(ctx context.Context, message handoff.ID, wamid string) error {
	rows, err := l.q.MessageSetExternalID(ctx, dbsqlc.MessageSetExternalIDParams{ID: message, ExternalID: wamid})
	if err != nil || rows == 0 {
		return err
	}
	parked, err := l.q.ParkedStatusTake(ctx, dbsqlc.ParkedStatusTakeParams{InboxID: l.ref.InboxID, ExternalID: wamid})
	if err != nil {
		return err
	}
	slices.SortFunc(parked, func(x, y dbsqlc.ParkedStatus) int {
		return slices.Index(statusOrder, handoff.MessageStatus(x.Status)) - slices.Index(statusOrder, handoff.MessageStatus(y.Status))
	})
	for _, p := range parked {
		var failure *handoff.Failure
		if p.Failure != nil {
			if err := json.Unmarshal(p.Failure, &failure); err != nil {
				return err
			}
		}
		m, err := l.q.MessageLock(ctx, message)
		if err != nil {
			return err
		}
		if err := l.advance(ctx, m, handoff.MessageStatus(p.Status), failure); err != nil {
			return err
		}
	}
	return nil
}

// uncertain says of a message that nobody knows whether it left. Its status, or its echo, may yet tell.
func (l *locked) uncertain(ctx context.Context, d dbsqlc.Delivery) error {
	if d.MessageID == nil {
		return nil
	}
	m, err := l.q.MessageLock(ctx, *d.MessageID)
	if err != nil {
		return err
	}
	if err := l.advance(ctx, m, handoff.MessageUncertain, nil); err != nil {
		return err
	}
	return l.flush(ctx)
}

// undeliverable fails the message of a delivery that was given up, unless another endpoint has it or may yet get it.
func (l *locked) undeliverable(ctx context.Context, d dbsqlc.Delivery, failure handoff.Failure) error {
	if d.MessageID == nil {
		return nil
	}
	others, err := l.q.DeliveryOpenForMessage(ctx, dbsqlc.DeliveryOpenForMessageParams{MessageID: d.MessageID, ID: d.ID})
	if err != nil || others > 0 {
		return err
	}
	m, err := l.q.MessageLock(ctx, *d.MessageID)
	if err != nil {
		return err
	}
	if err := l.advance(ctx, m, handoff.MessageFailed, &failure); err != nil {
		return err
	}
	return l.flush(ctx)
}
