package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// Endpoint is a URL that receives our webhooks, or the vendor's API that an inbox calls.
type Endpoint struct {
	ID                handoff.ID            `json:"id" format:"uuid"`
	InboxID           handoff.ID            `json:"inbox_id" format:"uuid"`
	URL               string                `json:"url"`
	Transport         handoff.Transport     `json:"transport" enum:"webhook,graph,chatlayer" doc:"webhook is an endpoint of the gateway. The others are the inbox's own calls to Meta or Chatlayer: they come and go with its access_token, and only their state can be changed."`
	EventTypes        []string              `json:"event_types"`
	Payload           string                `json:"payload" enum:"events,meta"`
	PayloadVersion    string                `json:"payload_version" enum:"v1,v2" doc:"Of kapso's events."`
	HeaderNames       []string              `json:"header_names" doc:"Of the headers that are sent along. Their values are never shown: they often are credentials."`
	VendorSecretSet   bool                  `json:"vendor_secret_set" doc:"The secret itself is never shown."`
	Retry             string                `json:"retry" enum:"durable,none"`
	Ordering          string                `json:"ordering" enum:"strict,best_effort"`
	RateLimit         *int32                `json:"rate_limit,omitempty" doc:"Attempts a second, by all workers together. Absent for no limit."`
	MaxInFlight       int32                 `json:"max_in_flight" doc:"Requests that are open at once, of each worker process."`
	Buffer            *EndpointBuffer       `json:"buffer,omitempty"`
	InactivityMinutes *int32                `json:"inactivity_minutes,omitempty"`
	State             handoff.EndpointState `json:"state" enum:"enabled,disabled"`
	DisabledReason    string                `json:"disabled_reason,omitempty"`
	PausedUntil       *time.Time            `json:"paused_until,omitempty" doc:"It asked for a pause: nothing is sent to it until then."`
	Breaker           EndpointBreaker       `json:"breaker" doc:"The circuit breaker."`
	FailingSince      *time.Time            `json:"failing_since,omitempty" doc:"Its first failure after its last success; absent if it last succeeded. After five days of failures it is disabled."`
	Failures          int32                 `json:"failures" doc:"Failed attempts in a row."`
	LastFailureAt     *time.Time            `json:"last_failure_at,omitempty"`
	LastSuccessAt     *time.Time            `json:"last_success_at,omitempty"`
	CreatedAt         time.Time             `json:"created_at"`
	UpdatedAt         time.Time             `json:"updated_at"`
	PublicKey         string                `json:"public_key,omitempty" doc:"whpk_…: verifies the webhooks, if they are signed with ed25519."`
	OldSecrets        []OldSecret           `json:"old_secrets" doc:"The secrets that were replaced and that webhooks are signed with as well, the newest first. They themselves are never shown."`
	Secret            string                `json:"secret,omitempty" doc:"Signs the webhooks (Standard Webhooks). It is in the answer that makes it and never again. Absent for ed25519."`
}

// EndpointBreaker is the circuit breaker of an endpoint.
type EndpointBreaker struct {
	State     handoff.BreakerState `json:"state" enum:"closed,open,half_open" doc:"open: most of its latest attempts failed, and nothing is sent until open_until. half_open: the next attempt decides."`
	OpenUntil *time.Time           `json:"open_until,omitempty"`
}

// OldSecret is a secret that was replaced by another and is still good.
type OldSecret struct {
	ReplacedAt time.Time `json:"replaced_at"`
	ExpiresAt  time.Time `json:"expires_at" doc:"From then on webhooks are not signed with it."`
}

func breakerOf(row dbsqlc.Endpoint, now time.Time) EndpointBreaker {
	return EndpointBreaker{State: handoff.BreakerAt(row.OpenUntil, now), OpenUntil: utc(row.OpenUntil)}
}

// endpointAnswer shows an endpoint, and the secret that was just made, if one is to be shown.
func (s *server) endpointAnswer(ctx context.Context, row dbsqlc.Endpoint, secret string) (*output[Endpoint], error) {
	views, err := s.endpointViews(ctx, []dbsqlc.Endpoint{row})
	if err != nil {
		return nil, err
	}
	views[0].Secret = secret
	return &output[Endpoint]{views[0]}, nil
}

func (s *server) endpointViews(ctx context.Context, rows []dbsqlc.Endpoint) ([]Endpoint, error) {
	now := s.Now()
	ids := make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	old, err := s.queries(ctx).EndpointSecretList(ctx, dbsqlc.EndpointSecretListParams{EndpointIds: ids, Now: now})
	if err != nil {
		return nil, err
	}
	byEndpoint := map[handoff.ID][]OldSecret{}
	for _, one := range old {
		byEndpoint[one.EndpointID] = append(byEndpoint[one.EndpointID], OldSecret{ReplacedAt: one.CreatedAt.UTC(), ExpiresAt: one.ExpiresAt.UTC()})
	}
	views := make([]Endpoint, 0, len(rows))
	for _, row := range rows {
		view, err := s.endpointView(row, now)
		if err != nil {
			return nil, err
		}
		view.OldSecrets = append([]OldSecret{}, byEndpoint[row.ID]...)
		views = append(views, view)
	}
	return views, nil
}

func (s *server) endpointView(row dbsqlc.Endpoint, now time.Time) (Endpoint, error) {
	headers, err := admin.OpenHeaders(s.Box, row)
	if err != nil {
		return Endpoint{}, err
	}
	names := slices.AppendSeq(make([]string, 0, len(headers)), maps.Keys(headers))
	slices.Sort(names)
	public, err := admin.PublicKey(s.Box, row)
	if err != nil {
		return Endpoint{}, err
	}
	view := Endpoint{
		ID: row.ID, InboxID: row.InboxID, URL: row.URL, Transport: row.Transport, EventTypes: row.EventTypes, Payload: row.Payload,
		PayloadVersion: row.PayloadVersion, HeaderNames: names, VendorSecretSet: len(row.VendorSecret) > 0, Retry: row.Retry,
		Ordering: row.Ordering, RateLimit: row.RateLimit, MaxInFlight: row.MaxInFlight, InactivityMinutes: row.InactivityMinutes,
		State: row.State, DisabledReason: db.OrEmpty(row.DisabledReason), PausedUntil: utc(row.PausedUntil), Breaker: breakerOf(row, now),
		FailingSince: utc(row.FailingSince), Failures: row.Failures, LastFailureAt: utc(row.LastFailureAt), LastSuccessAt: utc(row.LastSuccessAt),
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), PublicKey: public,
	}
	if row.BufferSeconds != nil && row.BufferSize != nil {
		window := int(*row.BufferSeconds)
		view.Buffer = &EndpointBuffer{WindowSeconds: &window, Max: int(*row.BufferSize), Events: row.BufferEvents}
	}
	return view, nil
}
