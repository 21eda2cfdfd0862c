package activities

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
)

// The circuit breaker of an endpoint: it opens when, of its latest attempts, so many failed; then nothing is sent for a while, and after
// that one attempt decides. Its state is in the endpoint's row, so that all workers share it.
const (
	breakerWindow  = 5 * time.Minute
	breakerAtLeast = 10
	breakerPercent = 70
	breakerOpenFor = 30 * time.Second
)

// An endpoint that has taken nothing for so long, in so many attempts, is disabled. Whoever is away for a weekend loses nothing.
const (
	disableAfter         = 5 * 24 * time.Hour
	disableAfterAttempts = 10
)

// reasonFailing is why an endpoint was disabled without anybody's doing.
const reasonFailing = "failing for five days"

// recoveredAfter is how long an endpoint has failed before its next success wakes the lanes that wait for it. The first retry is due by
// then; and one delivery that fails among many that do not is no outage.
const recoveredAfter = 5 * time.Second

// healthOf is what an attempt says of its endpoint; nil for nothing. What somebody asked for by hand may show that it is well, and not
// that it is ill: replaying what failed must not close the way for what is new.
func (l *lane) healthOf(r outbound.Result, v verdict, manual bool) *bool {
	well, ill := true, false
	webhook := l.endpoint.Transport == handoff.TransportWebhook
	switch {
	case v == verdictDelivered:
		return &well
	case manual, v == verdictThrottled, v == verdictGone, r.ErrorClass == outbound.ErrorCanceled, r.Status == http.StatusTooManyRequests:
		return nil
	case webhook && v == verdictFailed:
		return nil // it said what to do, and so it is there
	case webhook, r.Err != nil, r.Status >= http.StatusInternalServerError:
		return &ill
	}
	return &well // the vendor refuses a message, and so it is there
}

// noteFailure counts a failed attempt against the endpoint. It may open the circuit breaker, and disables an endpoint that has been
// failing for days.
func (l *lane) noteFailure(ctx context.Context) error {
	now := l.Now()
	after, err := l.queries().EndpointNoteFailure(ctx, dbsqlc.EndpointNoteFailureParams{
		ID: l.endpoint.ID, FailedAt: now, Since: now.Add(-breakerWindow), AtLeast: breakerAtLeast, Percent: breakerPercent,
		OpenUntil: now.Add(breakerOpenFor),
	})
	if err != nil {
		return err
	}
	l.endpoint.FailingSince, l.endpoint.OpenUntil = after.FailingSince, after.OpenUntil
	if after.FailingSince == nil || now.Sub(*after.FailingSince) < disableAfter || after.Failures < disableAfterAttempts {
		return nil
	}
	return db.InTx(ctx, l.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error { return l.disableFor(ctx, q, reasonFailing) })
}

// noteSuccess tells other lanes that the endpoint takes deliveries, and has those woken that wait for it.
func (l *lane) noteSuccess(ctx context.Context) {
	now := l.Now()
	well := l.endpoint.FailingSince == nil && l.endpoint.OpenUntil == nil
	if !l.success || (well && l.endpoint.LastSuccessAt != nil && now.Sub(*l.endpoint.LastSuccessAt) < time.Second) {
		return
	}
	err := l.queries().EndpointNoteSuccess(context.WithoutCancel(ctx), dbsqlc.EndpointNoteSuccessParams{
		ID: l.endpoint.ID, SucceededAt: now, UnlessAfter: now.Add(-time.Second), FailingBefore: now.Add(-recoveredAfter),
	})
	if err != nil {
		l.Log.WarnContext(ctx, "note an endpoint's success", "endpoint", l.endpoint.ID, "error", err)
	}
}

// closed says how long the endpoint takes nothing: because it asked for a pause, or because its circuit breaker is open.
func (l *lane) closed() error {
	now := l.Now()
	// Somewhat later than it opens, so that not everybody comes at once.
	spread := max(l.Jitter(), 1)
	if until := l.endpoint.PausedUntil; until != nil && now.Before(*until) {
		wait := time.Duration(float64(until.Sub(now)) * spread)
		return &waiting{wait: wait, reason: l.host + " asked for a pause until " + until.UTC().Format(time.TimeOnly)}
	}
	if until := l.endpoint.OpenUntil; until != nil && now.Before(*until) {
		wait := time.Duration(float64(until.Sub(now)) * spread)
		return &waiting{wait: wait, reason: l.host + " fails too often: nothing is sent to it until " + until.UTC().Format(time.TimeOnly)}
	}
	return nil
}

// refused finds out why an attempt could not be started.
func (l *lane) refused(ctx context.Context) error {
	row, err := l.queries().DeliveryEndpoint(ctx, dbsqlc.DeliveryEndpointParams{ID: l.endpoint.ID, Now: l.Now()})
	if err != nil {
		return err
	}
	was := l.endpoint.UpdatedAt
	l.endpoint = row.Endpoint
	if err := l.closed(); err != nil {
		return err
	}
	if l.endpoint.State == handoff.EndpointDisabled {
		l.reread()
		return &waiting{wait: time.Millisecond, reason: l.host + " was disabled"}
	}
	if !l.endpoint.UpdatedAt.Equal(was) {
		l.reread()
		return &waiting{wait: time.Millisecond, reason: l.host + " was changed"}
	}
	return errFenced
}

// throttles are the answers that ask for fewer requests (Standard Webhooks, "Operational considerations").
func throttles(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// throttleAtMost is how long an endpoint is left alone that does not say for how long.
const throttleAtMost = time.Minute

// throttle is until when a webhook endpoint that asks for fewer requests is left alone: as long as the delivery itself waits, up to a minute,
// or for as long as it says.
func (l *lane) throttle(ruled *ruling, r outbound.Result, next *time.Time) {
	if l.endpoint.Transport != handoff.TransportWebhook || !throttles(r.Status) {
		return
	}
	now := l.Now()
	wait := schedule[0]
	if next != nil && next.After(now) { // that of an extra attempt may have gone by
		wait = next.Sub(now)
	}
	wait = min(wait, throttleAtMost)
	if asked, ok := outbound.RetryAfter(r.Header, now); ok {
		wait = max(wait, asked)
	}
	ruled.pauseUntil = now.Add(wait)
}
