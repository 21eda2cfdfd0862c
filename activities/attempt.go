package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/outbound"
	"handoff/internal/signature"
)

// excerptLimit is how much of an endpoint's answer an attempt keeps: all of what is read of one that failed, and of a success, which
// nobody looks at, the beginning.
const (
	excerptLimit        = outbound.MaxBody
	successExcerptLimit = 2048
	headerLimit         = 256
)

// settleWithin is how long an outcome may take to be written down. A database that hangs would hold the lane for ever, whose worker lives.
const settleWithin = 30 * time.Second

// attempt makes one request and writes down what came of it. It gives true when the delivery needs no further attempt, and a
// *waiting when it does.
func (l *lane) attempt(ctx context.Context, d dbsqlc.Delivery) (finished bool, err error) {
	done, err := l.pass(ctx, &d)
	if err != nil {
		return false, err
	}
	defer done()
	started := l.Now()
	n := d.Attempts + 1
	send, err := l.request(d, n, started)
	if err != nil {
		return false, err
	}
	rows, err := l.queries().AttemptStart(ctx, dbsqlc.AttemptStartParams{
		ID: d.ID, N: n, Trigger: triggerOf(d), StartedAt: &started, EndpointID: l.endpoint.ID, ProbeUntil: started.Add(breakerOpenFor),
		EndpointUpdatedAt: l.endpoint.UpdatedAt,
	})
	if err != nil {
		return false, err
	}
	if rows == 0 {
		return false, l.refused(ctx)
	}
	// From here on the attempt is finished whatever happens to the activity: its outcome must be written down.
	ctx = context.WithoutCancel(ctx)
	spanCtx, endSpan := l.span(ctx, d, n)
	l.tried = true
	result := send(spanCtx)
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	d.Attempts = n
	if d.FirstAttemptAt == nil {
		d.FirstAttemptAt = &started
	}
	r := l.rule(d, result)
	if r.tells() && l.moved(ctx) {
		r = ruling{verdict: r.elsewhere()}
	}
	l.InFlight.first.note(l.endpoint.ID, result.Duration, r.verdict == verdictDelivered)
	out := l.outcome(d, result, r)
	l.throttle(&r, result, out.NextAttemptAt)
	l.observe(d, out, result, r)
	endSpan(outcomeOf(d, out, r.verdict), result)
	return l.settle(ctx, d, out, result, r)
}

// What made an attempt leave when it did.
const (
	triggerSchedule = "schedule"
	triggerManual   = "manual"
	triggerRecovery = "recovery"
)

func triggerOf(d dbsqlc.Delivery) string {
	switch {
	case d.ManualAt != nil:
		return triggerManual
	case d.Hastened:
		return triggerRecovery
	}
	return triggerSchedule
}

// request is the attempt as it will leave, by the endpoint's transport.
func (l *lane) request(d dbsqlc.Delivery, n int32, at time.Time) (func(context.Context) outbound.Result, error) {
	switch l.endpoint.Transport {
	case handoff.TransportGraph:
		return func(ctx context.Context) outbound.Result { return l.Graph.Call(ctx, l.token, d.Path, d.Body) }, nil
	case handoff.TransportChatlayer:
		header := http.Header{"Authorization": {"Bearer " + l.token}, "User-Agent": {"handoff"}}
		return func(ctx context.Context) outbound.Result {
			return l.Poster.Do(ctx, outbound.Request{URL: l.endpoint.URL + d.Path, Header: header, Body: d.Body, Once: true})
		}, nil
	default:
	}
	header, err := l.header(d, n, at)
	return func(ctx context.Context) outbound.Result {
		return l.Poster.Do(ctx, outbound.Request{URL: l.endpoint.URL, Header: header, Body: d.Body, Timeout: l.protocol.Timeout})
	}, err
}

func (l *lane) header(d dbsqlc.Delivery, n int32, at time.Time) (http.Header, error) {
	header, err := signature.Sign(l.secrets, d.WebhookID, at, d.Body)
	if err != nil {
		return nil, err
	}
	for name, value := range l.headers {
		header.Set(name, value)
	}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", cmp.Or(l.protocol.UserAgent, "handoff"))
	if err := l.vendorHeader(header, d); err != nil {
		return nil, err
	}
	header.Set("Handoff-Event", d.EventType)
	header.Set("Handoff-Attempt", strconv.Itoa(int(n)))
	if d.ConversationID != nil {
		header.Set("Handoff-Conversation", d.ConversationID.String())
	}
	if d.Seq != nil {
		header.Set("Handoff-Sequence", strconv.FormatInt(*d.Seq, 10))
	}
	if d.AfterGap {
		header.Set("Handoff-Gap", "true")
	}
	return header, nil
}

// vendorHeader adds the headers of the vendor's protocol: those of the delivery, and the signature under the endpoint's vendor secret.
func (l *lane) vendorHeader(header http.Header, d dbsqlc.Delivery) error {
	if len(d.Headers) > 0 {
		var own map[string]string
		if err := json.Unmarshal(d.Headers, &own); err != nil {
			return err
		}
		for name, value := range own {
			header.Set(name, value)
		}
	}
	if l.protocol.SignatureHeader == "" || l.vendor == "" {
		return nil
	}
	value, err := signature.SignHex(l.vendor, d.Body)
	header.Set(l.protocol.SignatureHeader, value)
	return err
}

// outcome is the row that an attempt leaves.
func (l *lane) outcome(d dbsqlc.Delivery, r outbound.Result, ruled ruling) dbsqlc.AttemptFinishParams {
	now := l.Now()
	ms := float64(r.Duration.Microseconds()) / 1000
	manual := d.ManualAt != nil
	out := dbsqlc.AttemptFinishParams{
		ID: d.ID, N: d.Attempts, State: d.State, Step: d.Step, NextAttemptAt: d.NextAttemptAt, FinishedAt: d.FinishedAt, DurationMs: &ms,
		Manual: manual, Healthy: l.healthOf(r, ruled.verdict, manual), ResponseHeaders: tellingHeaders(r.Header),
	}
	if r.RemoteIP.IsValid() {
		ip := r.RemoteIP.String()
		out.RemoteIP = &ip
	}
	if r.Err != nil {
		text, class := r.Public(), string(r.ErrorClass.Public())
		out.Error, out.Failure, out.ErrorClass = &text, &text, &class
	} else {
		status := int32(r.Status)
		text := "HTTP " + strconv.Itoa(r.Status)
		out.Status, out.Failure = &status, &text
	}
	if ruled.failure != nil {
		out.Failure = &ruled.failure.Reason
	}
	limit := excerptLimit
	if ruled.verdict == verdictDelivered {
		limit = successExcerptLimit
	}
	if excerpt := excerptOf(r.Body, limit); excerpt != "" {
		out.ResponseExcerpt = &excerpt
	}
	out.ResponseTruncated = r.Truncated || len(r.Body) > limit
	if ruled.verdict == verdictDelivered {
		out.State, out.NextAttemptAt, out.Failure, out.FinishedAt = handoff.DeliveryDelivered, nil, nil, &now
		return out
	}
	if d.State == handoff.DeliveryDelivered {
		out.Failure = nil // what arrived once has arrived, whatever comes of sending it again
	}
	if ruled.verdict == verdictGone && d.State == handoff.DeliveryPending {
		out.State, out.NextAttemptAt = handoff.DeliveryHeld, nil
		return out
	}
	final := d.State == handoff.DeliveryPending && (ruled.verdict == verdictUncertain || ruled.verdict == verdictFailed)
	if ruled.verdict == verdictGone || (d.ManualAt != nil && !final) {
		return out // an extra attempt that fails leaves the schedule as it was, unless there can be no other
	}
	l.reschedule(&out, d, r, ruled)
	return out
}

// reschedule sets the next attempt after a failed one, or fails the delivery for good.
func (l *lane) reschedule(out *dbsqlc.AttemptFinishParams, d dbsqlc.Delivery, r outbound.Result, ruled ruling) {
	now := l.Now()
	if ruled.verdict == verdictThrottled && now.Sub(d.CreatedAt) < throttledFor {
		next := now.Add(ruled.wait) // the vendor has looked at nothing: it does not count
		out.NextAttemptAt = &next
		return
	}
	out.Step++
	wait, again := nextWait(ruled.verdict, int(out.Step), l.Jitter(), r, now)
	if !again || l.endpoint.Retry == admin.RetryNone {
		out.State, out.NextAttemptAt, out.FinishedAt = handoff.DeliveryFailed, nil, &now
		return
	}
	next := now.Add(wait)
	out.NextAttemptAt = &next
}

// tellingHeaders are those of an answer's headers that explain it and give nothing away.
func tellingHeaders(header http.Header) json.RawMessage {
	kept := map[string]string{}
	for _, name := range []string{
		"Content-Type", "Content-Length", "Date", "Location", "Request-Id", "Retry-After", "Server", "Via", "Webhook-Delivery", "X-Request-Id",
	} {
		if value := header.Get(name); value != "" {
			kept[name] = excerptOf([]byte(value), headerLimit)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return nil // it cannot fail for strings
	}
	return text
}

func excerptOf(body []byte, limit int) string {
	body = body[:min(len(body), limit)]
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD")
}
