package activities

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/meta"
	"handoff/internal/outbound"
	"handoff/internal/protocol/chatlayer"
)

// ruling is what an attempt means for its delivery, and for whatever else leaves by the same endpoint.
type ruling struct {
	verdict verdict
	// wait is until the next attempt of a throttled delivery.
	wait time.Duration
	// pauseUntil is when the endpoint takes anything again; zero for now.
	pauseUntil time.Time
	// failure is the reason in the vendor's terms; nil where the answer's status says all.
	failure *handoff.Failure
	// disable tells that the endpoint asked to be disabled, whatever became of the delivery.
	disable bool
}

// tells says whether more follows from an attempt than that its delivery has arrived.
func (r ruling) tells() bool { return r.verdict != verdictDelivered || r.disable }

// elsewhere is what an attempt means for its delivery whose endpoint has another address by now: it is tried there at once, and does not count.
func (r ruling) elsewhere() verdict {
	if r.verdict == verdictDelivered {
		return r.verdict
	}
	return verdictThrottled
}

// proxyWait is how long a delivery waits for the operator's egress proxy to work again.
const proxyWait = 30 * time.Second

// rule reads an attempt as its transport has it.
func (l *lane) rule(d dbsqlc.Delivery, r outbound.Result) ruling {
	if r.ErrorClass == outbound.ErrorProxy {
		return ruling{verdict: verdictThrottled, wait: proxyWait} // nobody at the other end has seen anything of it
	}
	switch l.endpoint.Transport {
	case handoff.TransportGraph:
		return l.ruleGraph(d, r)
	case handoff.TransportChatlayer:
		return l.ruleChatlayer(d, r)
	default:
		return ruleWebhook(r)
	}
}

// The values of the answer's header webhook-delivery by which a receiver controls what is sent to it (a proposal to Standard Webhooks,
// pull request 291, as Svix has it).
const (
	headerControl  = "Webhook-Delivery"
	controlDisable = "disable"
	controlAbort   = "abort-message"
)

func ruleWebhook(r outbound.Result) ruling {
	out := ruling{verdict: judge(r)}
	switch strings.ToLower(strings.TrimSpace(r.Header.Get(headerControl))) {
	case controlDisable:
		out.disable = true
		if out.verdict != verdictDelivered {
			out.verdict = verdictGone
			out.failure = &handoff.Failure{Code: failureUndeliverable, Reason: reasonAsked}
		}
	case controlAbort:
		if out.verdict != verdictDelivered && out.verdict != verdictGone {
			out.verdict = verdictFailed
			out.failure = &handoff.Failure{
				Code: failureUndeliverable, Reason: "its receiver asked not to be sent it again (webhook-delivery: abort-message)",
			}
		}
	}
	return out
}

// unknownOutcome is the failure of a send whose outcome nobody knows.
var unknownOutcome = handoff.Failure{Code: "unknown_outcome", Reason: "no answer came: it may have been sent, so it is not sent again"}

// unanswered rules on a request that got no whole answer. A message that may have left is not sent again: there is no idempotency key
// at either vendor. What may be repeated without harm is.
func unanswered(d dbsqlc.Delivery, r outbound.Result) ruling {
	if r.Sent && d.MessageID != nil {
		return ruling{verdict: verdictUncertain, failure: &unknownOutcome}
	}
	return ruling{verdict: verdictRetry}
}

// ruleGraph acts on the code of Meta's error, not on titles or HTTP statuses (support/error-codes).
func (l *lane) ruleGraph(d dbsqlc.Delivery, r outbound.Result) ruling {
	if r.Err != nil {
		return unanswered(d, r)
	}
	if r.OK() {
		return ruling{verdict: verdictDelivered}
	}
	e, ok := meta.ParseSendError(r.Status, r.Body)
	if !ok && r.Status >= http.StatusInternalServerError {
		return unanswered(d, r) // a proxy's answer, not Meta's
	}
	failure := e.Failure()
	out := ruling{verdict: verdictFailed, failure: &failure}
	now := l.Now()
	switch e.Action() {
	case meta.ActionRefreshToken, meta.ActionPermission:
		out.verdict = verdictGone
	case meta.ActionThrottle:
		out.verdict, out.wait = verdictThrottled, throttleWait(d.Attempts)
		if asked, ok := outbound.RetryAfter(r.Header, now); ok {
			out.wait = max(out.wait, asked)
		}
		out.pauseUntil = now.Add(out.wait)
	case meta.ActionPairThrottle:
		out.verdict, out.wait = verdictThrottled, meta.PairWait(int(d.Attempts)-1)
	case meta.ActionRetry:
		out.verdict = verdictRetry
	default: // nothing will make it pass
	}
	if d.MessageID == nil && d.EventType != db.EventReadReceipt && out.verdict == verdictFailed {
		out.verdict = verdictRetry // control is given back some time: Meta's routing fails for hours and recovers (360dialog's known limitations)
	}
	return out
}

// throttleWait is how long a number rests after the nth refusal for want of quota: 5 s, then twice as long each time, ten minutes at most.
func throttleWait(n int32) time.Duration {
	return min(5*time.Second<<min(n-1, 10), 10*time.Minute)
}

func (l *lane) ruleChatlayer(d dbsqlc.Delivery, r outbound.Result) ruling {
	if r.Err != nil {
		return unanswered(d, r)
	}
	now := l.Now()
	out := ruling{verdict: verdictRetry}
	remaining, reset, limited := chatlayer.RateLimit(r.Header.Get, now)
	if limited && remaining == 0 {
		out.pauseUntil = reset
	}
	switch {
	case r.OK():
		out.verdict = verdictDelivered
	case r.Status == http.StatusUnauthorized:
		out.verdict = verdictGone
		out.failure = &handoff.Failure{Code: "unauthorized", Reason: "Chatlayer refuses the inbox's access_token: save a valid one"}
	case r.Status == http.StatusTooManyRequests:
		out.verdict, out.wait = verdictThrottled, throttleWait(d.Attempts)
		if limited {
			out.wait = max(reset.Sub(now), time.Second)
		}
		out.pauseUntil = now.Add(out.wait)
	case d.MessageID == nil || r.Status == http.StatusServiceUnavailable:
	case r.Status >= http.StatusInternalServerError:
		out.verdict, out.failure = verdictUncertain, &unknownOutcome
	default:
		out.verdict = verdictFailed
	}
	return out
}

// pause keeps everything from leaving by the endpoint for as long as its vendor asks.
func (l *lane) pause(ctx context.Context, ruled ruling) error {
	if ruled.pauseUntil.IsZero() {
		return nil
	}
	l.endpoint.PausedUntil = &ruled.pauseUntil
	return l.queries().EndpointPause(ctx, dbsqlc.EndpointPauseParams{ID: l.endpoint.ID, URL: l.endpoint.URL, Until: ruled.pauseUntil})
}

// unknown settles a send of our own whose worker died before it could write down what came of it: it is not sent again, unless
// somebody asks for that, knowing it.
func (l *lane) unknown(ctx context.Context, d dbsqlc.Delivery) (bool, error) {
	if l.endpoint.Transport == handoff.TransportWebhook || d.MessageID == nil || d.Attempts == 0 {
		return false, nil
	}
	lost, err := l.queries().AttemptUnknown(ctx, dbsqlc.AttemptUnknownParams{ID: d.ID, N: d.Attempts})
	if err != nil || !lost {
		return false, err
	}
	ruled := ruling{verdict: verdictUncertain, failure: &unknownOutcome}
	now := l.Now()
	out := dbsqlc.AttemptFinishParams{
		ID: d.ID, N: d.Attempts, State: handoff.DeliveryFailed, Step: d.Step, Failure: &unknownOutcome.Reason, FinishedAt: &now,
		Error: &unknownOutcome.Reason, Manual: d.ManualAt != nil,
	}
	if d.State == handoff.DeliveryDelivered {
		out.State, out.Failure, out.FinishedAt = d.State, nil, d.FinishedAt // an extra attempt takes nothing back
	}
	_, err = l.settle(ctx, d, out, outbound.Result{}, ruled)
	return true, err
}

// await keeps a lane behind a delivery of another contact's lane: bytes that name several contacts leave once, and in order for each.
// One that alone keeps failing holds the other lanes no longer than its own.
func (l *lane) await(ctx context.Context, mark dbsqlc.Delivery) (bool, error) {
	first, err := l.queries().DeliveryAwaited(ctx, *mark.AfterID)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && l.poison(first.FirstAttemptAt)) {
		l.queue = l.queue[1:]
		return true, l.queries().DeliveryPass(ctx, mark.ID)
	}
	if err != nil {
		return false, err
	}
	return false, l.waitForOther(first.NextAttemptAt)
}

// others keeps bytes that name several contacts behind what came before them in the lanes of the others.
func (l *lane) others(ctx context.Context, d dbsqlc.Delivery) error {
	if d.EventType != db.EventMeta || d.ManualAt != nil {
		return nil
	}
	ahead, err := l.queries().DeliveryAhead(ctx, &d.ID)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && l.poison(ahead.FirstAttemptAt)) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.waitForOther(ahead.NextAttemptAt)
}

// waitForOther is until the delivery of another lane is tried next: no signal comes from there.
func (l *lane) waitForOther(next time.Time) error {
	wait := min(max(next.Sub(l.Now()), awaitAtLeast), awaitAtMost)
	return &waiting{wait: wait, reason: "waits for a webhook that names another contact too"}
}

const (
	awaitAtLeast = 250 * time.Millisecond
	awaitAtMost  = 30 * time.Second
)
