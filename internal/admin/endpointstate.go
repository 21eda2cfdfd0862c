package admin

import (
	"context"
	"fmt"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const disabledByHand = "disabled by an admin"

// maxEnables is how often an endpoint may be enabled within a minute. Enabling releases all that is held for it, and its first failures
// hold that again: a program that enables it whenever it is disabled would keep both going.
const maxEnables = 10

func (c *check) state(row *dbsqlc.Endpoint, state handoff.EndpointState) {
	reason := disabledByHand
	switch state {
	case handoff.EndpointEnabled:
		row.DisabledReason = nil
	case handoff.EndpointDisabled:
		row.DisabledReason = &reason
	default:
		c.fault("state", "there is no state %.60q: use %s or %s", string(state), handoff.EndpointEnabled, handoff.EndpointDisabled)
	}
	row.State = state
}

// countEnable refuses to enable an endpoint that was enabled too often within a minute, whether it was disabled or not.
func (a Admin) countEnable(ctx context.Context, q *dbsqlc.Queries, id handoff.ID) error {
	now := a.now()
	row, err := q.EndpointCountEnable(ctx, dbsqlc.EndpointCountEnableParams{ID: id, Now: now, MinuteAgo: now.Add(-time.Minute)})
	if err != nil || row.Enables <= maxEnables {
		return err
	}
	return &handoff.Error{
		Code: handoff.CodeRateLimited, RetryAfter: row.EnablesSince.Add(time.Minute).Sub(now),
		Message: fmt.Sprintf("the endpoint was enabled %d times within a minute: find out why it is disabled (disabled_reason), and enable it later",
			maxEnables),
	}
}

// saveChange saves an endpoint with what follows from the change, and gives the contacts to wake for that. One that has a new address is
// another receiver: nothing is known of it, and what waits for the old one is tried there at once.
func (a Admin) saveChange(ctx context.Context, q *dbsqlc.Queries, before, after dbsqlc.Endpoint) (wakes []db.Wake, err error) {
	if after.State == handoff.EndpointEnabled && before.State != after.State {
		wakes, err = a.enable(ctx, q, after)
	} else {
		_, err = saveEndpoint(ctx, q, after)
	}
	if err == nil && after.State == handoff.EndpointDisabled && before.State != after.State {
		_, err = q.DeliveryHold(ctx, after.ID)
	}
	if err != nil {
		return nil, err
	}
	now := a.now()
	limited := !sameLimit(before.RateLimit, after.RateLimit)
	if limited {
		if err := q.EndpointForgetSlots(ctx, after.ID); err != nil {
			return nil, err
		}
	}
	switch {
	case before.URL != after.URL:
		if err := q.EndpointStartAfresh(ctx, dbsqlc.EndpointStartAfreshParams{ID: after.ID, Now: now}); err != nil {
			return nil, err
		}
		return wakes, q.EndpointHasten(ctx, dbsqlc.EndpointHastenParams{ID: after.ID, Now: now})
	case limited:
		return wakes, q.EndpointHasten(ctx, dbsqlc.EndpointHastenParams{ID: after.ID, Now: now, UntriedSince: &now})
	}
	return wakes, nil
}

func sameLimit(a, b *int32) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// enable lets an endpoint that was disabled receive again, first of all what was held for it, and gives the contacts to wake for that.
func (a Admin) enable(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Endpoint) ([]db.Wake, error) {
	wakes, err := db.RaiseHeld(ctx, q, row.ID)
	if err != nil {
		return nil, err
	}
	row.State, row.DisabledReason = handoff.EndpointEnabled, nil
	if _, err := saveEndpoint(ctx, q, row); err != nil {
		return nil, err
	}
	// What it was disabled for would else disable it again at its next failure.
	if err := q.EndpointStartAfresh(ctx, dbsqlc.EndpointStartAfreshParams{ID: row.ID, Now: a.now()}); err != nil {
		return nil, err
	}
	_, err = q.DeliveryRelease(ctx, row.ID)
	return wakes, err
}
