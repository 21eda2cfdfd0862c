package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
)

// EndpointHealth is how an endpoint does. The metrics tell operators the same of all endpoints.
type EndpointHealth struct {
	ID                  handoff.ID            `json:"id" format:"uuid"`
	State               handoff.EndpointState `json:"state" enum:"enabled,disabled"`
	DisabledReason      string                `json:"disabled_reason,omitempty"`
	Breaker             EndpointBreaker       `json:"breaker"`
	PausedUntil         *time.Time            `json:"paused_until,omitempty" doc:"It asked for a pause; absent once that is over."`
	FailingSince        *time.Time            `json:"failing_since,omitempty" doc:"Its first failure after its last success; absent where it last succeeded."`
	Failures            int32                 `json:"failures" doc:"In a row."`
	LastSuccessAt       *time.Time            `json:"last_success_at,omitempty"`
	LastFailureAt       *time.Time            `json:"last_failure_at,omitempty"`
	Pending             int64                 `json:"pending" doc:"Deliveries that are to be sent, or sent again."`
	Held                int64                 `json:"held" doc:"Deliveries that wait for it to be enabled."`
	OldestUndeliveredAt *time.Time            `json:"oldest_undelivered_at,omitempty" doc:"Of those pending or held; absent for none."`
	OldestAgeSeconds    float64               `json:"oldest_undelivered_age_seconds" doc:"0 for none."`
	Last5Minutes        AttemptCounts         `json:"last_5_minutes"`
	Last24Hours         AttemptCounts         `json:"last_24_hours"`
}

// AttemptCounts are the attempts of a stretch of time.
type AttemptCounts struct {
	Attempts     int64            `json:"attempts" doc:"Of the endpoint's latest 20,000."`
	SuccessRatio *float64         `json:"success_ratio,omitempty" minimum:"0" maximum:"1" doc:"Share that was answered with 2xx, without those that this server broke off and those whose outcome is unknown. Absent where there was none."`
	ByClass      map[string]int64 `json:"attempts_by_class" doc:"By the answer's status (2xx, 4xx, …) or, where no complete answer came, by the reason: timeout, connect, tls, reset, …; unknown is under way, or its worker died."`
}

const (
	healthRecently     = 5 * time.Minute
	healthSince        = 24 * time.Hour
	healthAttemptLimit = 20_000
	classSuccess       = "2xx"
	classUnknown       = "unknown"
)

func (s *server) endpointHealthRoute() {
	handle(s, operation{
		id: "get-endpoint-health", method: http.MethodGet, path: "/v1/endpoints/{id}/health", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Check an endpoint", description: "Its circuit breaker, what waits for it and for how long, and what came of its latest attempts.",
		errors: []int{http.StatusNotFound},
	}, s.endpointHealth)
}

func (s *server) endpointHealth(ctx context.Context, in *ByID) (*output[EndpointHealth], error) {
	account, q, now := keyOf(ctx).AccountID, s.queries(ctx), s.Now()
	row, err := q.EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: account, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "endpoint")
	}
	waiting, err := q.EndpointUndelivered(ctx, dbsqlc.EndpointUndeliveredParams{AccountID: account, EndpointID: in.ID})
	if err != nil {
		return nil, err
	}
	attempts, err := q.EndpointAttempts(ctx, dbsqlc.EndpointAttemptsParams{
		AccountID: account, EndpointID: in.ID, Recently: now.Add(-healthRecently), Since: now.Add(-healthSince), AttemptLimit: healthAttemptLimit,
	})
	if err != nil {
		return nil, err
	}
	health := EndpointHealth{
		ID: row.ID, State: row.State, DisabledReason: db.OrEmpty(row.DisabledReason), Breaker: breakerOf(row, now),
		FailingSince: utc(row.FailingSince), Failures: row.Failures, LastSuccessAt: utc(row.LastSuccessAt), LastFailureAt: utc(row.LastFailureAt),
	}
	if row.PausedUntil != nil && row.PausedUntil.After(now) {
		health.PausedUntil = utc(row.PausedUntil)
	}
	health.wait(waiting, now)
	health.count(attempts)
	return &output[EndpointHealth]{health}, nil
}

func (h *EndpointHealth) wait(rows []dbsqlc.EndpointUndeliveredRow, now time.Time) {
	for _, row := range rows {
		if row.State == handoff.DeliveryHeld {
			h.Held = row.Waiting
		} else {
			h.Pending = row.Waiting
		}
		if h.OldestUndeliveredAt == nil || row.OldestAt.Before(*h.OldestUndeliveredAt) {
			h.OldestUndeliveredAt = utc(&row.OldestAt)
			h.OldestAgeSeconds = max(now.Sub(row.OldestAt), 0).Seconds()
		}
	}
}

func (h *EndpointHealth) count(rows []dbsqlc.EndpointAttemptsRow) {
	h.Last5Minutes, h.Last24Hours = AttemptCounts{ByClass: map[string]int64{}}, AttemptCounts{ByClass: map[string]int64{}}
	for _, row := range rows {
		h.Last5Minutes.add(row.Class, row.Recent)
		h.Last24Hours.add(row.Class, row.Day)
	}
	h.Last5Minutes.judge()
	h.Last24Hours.judge()
}

func (c *AttemptCounts) add(class string, n int64) {
	if n > 0 {
		c.Attempts += n
		c.ByClass[class] = n
	}
}

// judge leaves out what says nothing of the endpoint.
func (c *AttemptCounts) judge() {
	telling := c.Attempts - c.ByClass[classUnknown] - c.ByClass[string(outbound.ErrorCanceled)] - c.ByClass[string(outbound.ErrorProxy)]
	if telling > 0 {
		ratio := float64(c.ByClass[classSuccess]) / float64(telling)
		c.SuccessRatio = &ratio
	}
}
