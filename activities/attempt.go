package activities

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
	"handoff/internal/signature"
)

// excerptLimit is how much of an endpoint's answer an attempt keeps.
const excerptLimit = 2048

// attempt makes one request and writes down what came of it. It gives true when the delivery needs no further attempt, and a
// *waiting when it does.
func (l *lane) attempt(ctx context.Context, d dbsqlc.Delivery) (finished bool, err error) {
	started := l.Now()
	n := d.Attempts + 1
	header, err := l.header(d, n, started)
	if err != nil {
		return false, err
	}
	trigger := "schedule"
	if d.ManualAt != nil {
		trigger = "manual"
	}
	rows, err := l.queries().AttemptStart(ctx, dbsqlc.AttemptStartParams{ID: d.ID, N: n, Trigger: trigger, StartedAt: &started})
	if err != nil {
		return false, err
	}
	if rows == 0 {
		return false, errFenced
	}
	// From here on the attempt is finished whatever happens to the activity: its outcome must be written down.
	ctx = context.WithoutCancel(ctx)
	result := l.Poster.Post(ctx, l.endpoint.URL, header, d.Body)
	d.Attempts = n
	if d.FirstAttemptAt == nil {
		d.FirstAttemptAt = &started
	}
	return l.settle(ctx, d, l.outcome(d, result), result)
}

func (l *lane) header(d dbsqlc.Delivery, n int32, at time.Time) (http.Header, error) {
	header, err := signature.Sign([]signature.Secret{l.secret}, d.WebhookID, at, d.Body)
	if err != nil {
		return nil, err
	}
	for name, value := range l.headers {
		header.Set(name, value)
	}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "handoff")
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

// outcome is the row that an attempt leaves.
func (l *lane) outcome(d dbsqlc.Delivery, r outbound.Result) dbsqlc.AttemptFinishParams {
	now := l.Now()
	ms := float64(r.Duration.Microseconds()) / 1000
	out := dbsqlc.AttemptFinishParams{
		ID: d.ID, N: d.Attempts, State: d.State, Step: d.Step, NextAttemptAt: d.NextAttemptAt, FinishedAt: d.FinishedAt, DurationMs: &ms,
	}
	if r.Err != nil {
		class := r.Public()
		out.Error, out.Failure = &class, &class
	} else {
		status := int32(r.Status)
		text := "HTTP " + strconv.Itoa(r.Status)
		out.Status, out.Failure = &status, &text
	}
	if excerpt := excerptOf(r.Body); excerpt != "" {
		out.ResponseExcerpt = &excerpt
	}
	v := judge(r)
	if v == verdictDelivered {
		out.State, out.NextAttemptAt, out.Failure, out.FinishedAt = handoff.DeliveryDelivered, nil, nil, &now
		return out
	}
	if d.State == handoff.DeliveryDelivered {
		out.Failure = nil // what arrived once has arrived, whatever comes of sending it again
	}
	if v == verdictGone && d.State == handoff.DeliveryPending {
		out.State, out.NextAttemptAt = handoff.DeliveryHeld, nil
		return out
	}
	if v == verdictGone || d.ManualAt != nil {
		return out // an extra attempt that fails leaves the schedule as it was
	}
	out.Step++
	wait, again := nextWait(v, int(out.Step), l.Jitter(), r, now)
	if !again {
		out.State, out.NextAttemptAt, out.FinishedAt = handoff.DeliveryFailed, nil, &now
		return out
	}
	next := now.Add(wait)
	out.NextAttemptAt = &next
	return out
}

func excerptOf(body []byte) string {
	if len(body) > excerptLimit {
		body = body[:excerptLimit]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD")
}
