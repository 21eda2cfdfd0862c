package admin

import (
	"context"
	"fmt"
	"slices"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/kapso"
	"handoff/internal/protocol/registry"
)

// checkSwitch says whether an inbox may change its protocol: to one that names it by the same ids.
func checkSwitch(from, to handoff.Protocol) error {
	if to == from || (isMeta(from) && isMeta(to)) {
		return nil
	}
	var c check
	if isMeta(from) {
		c.fault("protocol", "an inbox of %s can change to %s only, which have the same ids: make a new inbox", from, listed(metaProtocols))
	} else {
		c.fault("protocol", "an inbox of %s cannot change its protocol: make a new inbox", from)
	}
	return c.err()
}

// lockForSwitch locks an inbox against everything that is being accepted for it, and refuses while there is something under way that
// was accepted in the old protocol. Whoever waits for the lock finds the new one.
func lockForSwitch(ctx context.Context, q *dbsqlc.Queries, inbox dbsqlc.Inbox) (dbsqlc.Inbox, error) {
	if err := q.ProtocolLock(ctx, inbox.AccountID.String()); err != nil {
		return inbox, err
	}
	locked, err := q.InboxGetForUpdate(ctx, dbsqlc.InboxGetForUpdateParams{AccountID: inbox.AccountID, ID: inbox.ID})
	if err != nil {
		return locked, err
	}
	busy, err := q.InboxBusy(ctx, inbox.ID)
	if err != nil {
		return locked, err
	}
	var reasons []string
	for _, what := range []struct {
		n         int64
		one, many string
	}{
		{busy.Conversations, "open conversation", "open conversations"},
		{busy.Accepted, "accepted message that is not applied yet", "accepted messages that are not applied yet"},
		{busy.Deliveries, "webhook or call on its way", "webhooks or calls on their way"},
	} {
		if what.n == 1 {
			reasons = append(reasons, "1 "+what.one)
		} else if what.n > 1 {
			reasons = append(reasons, fmt.Sprintf("%d %s", what.n, what.many))
		}
	}
	if len(reasons) == 0 {
		return locked, nil
	}
	return locked, handoff.Errorf(handoff.CodeConflict, "the inbox cannot change its protocol while it has %s: resolve the conversations, "+
		"and wait for the webhooks, or enable the endpoints that hold them", listed(reasons))
}

// fitEndpoints makes an inbox's endpoints fit its new protocol: their own events stay, the old vendor's become the defaults of the new
// one, and what the new protocol does not know has its default.
func (a Admin) fitEndpoints(ctx context.Context, q *dbsqlc.Queries, inbox dbsqlc.Inbox) error {
	rows, err := q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: inbox.AccountID, InboxID: inbox.ID})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Transport != handoff.TransportWebhook {
			continue
		}
		row, err := q.EndpointLock(ctx, dbsqlc.EndpointLockParams{AccountID: row.AccountID, ID: row.ID})
		if err != nil {
			return db.NotFound(err, "endpoint")
		}
		fitEndpoint(&row, inbox.Protocol)
		if _, err := saveEndpoint(ctx, q, row); err != nil {
			return err
		}
	}
	return nil
}

func fitEndpoint(row *dbsqlc.Endpoint, to handoff.Protocol) {
	p, _ := registry.Of(to)
	fresh := newEndpoint(p)
	told := slices.Contains(row.EventTypes, kapso.EventConversationInactive)
	if to == handoff.ProtocolPassthrough || (row.Payload == PayloadMeta && takesMeta(to)) {
		row.Payload = PayloadMeta
		row.EventTypes = []string{eventMeta}
	} else {
		row.Payload = PayloadEvents
		row.EventTypes = fitEvents(row.EventTypes, fresh.EventTypes)
	}
	if !takesVersion(to) {
		row.PayloadVersion = fresh.PayloadVersion
	}
	if !takesVendorSecret(to) {
		row.VendorSecret = nil
	}
	if !takesBuffer(to) || row.Payload == PayloadMeta {
		row.BufferSeconds, row.BufferSize, row.BufferEvents = nil, nil, []string{}
	}
	fitInactivity(row, told)
}

// fitEvents keeps our own event types and puts the defaults in place of a vendor's.
func fitEvents(types, defaults []string) []string {
	own := ownEventTypes()
	var out []string
	vendor := false
	for _, t := range types {
		if own[t] {
			out = append(out, t)
		} else {
			vendor = true
		}
	}
	if vendor || len(out) == 0 {
		out = append(out, defaults...)
	}
	return sorted(out)
}
