package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"handoff"
	"handoff/db/dbsqlc"
)

// lineIdentity stands for nobody: what Meta says of a number and of no contact goes on in the order of this one.
func lineIdentity(inbox handoff.ID) handoff.Identity {
	return handoff.Identity{Kind: handoff.IdentitySession, Value: "line " + inbox.String()}
}

// findRaw finds the endpoints that get the bytes as they came. Every item of their inboxes needs a contact, in whose lane it goes.
func (a *acceptance) findRaw(ctx context.Context, q *dbsqlc.Queries) error {
	var inboxes []handoff.ID
	for _, s := range a.slots {
		if s.inbox != nil && (s.inbox.Protocol == handoff.ProtocolPassthrough || s.inbox.Protocol == handoff.ProtocolKapso) &&
			!slices.Contains(inboxes, s.inbox.ID) {
			inboxes = append(inboxes, s.inbox.ID)
		}
	}
	if len(inboxes) == 0 {
		return nil
	}
	var err error
	if a.raw, err = q.EndpointListRaw(ctx, inboxes); err != nil || len(a.raw) == 0 {
		return err
	}
	inbox := a.raw[0].InboxID // the address of a request that is forwarded names one inbox
	hash := sha256.Sum256(a.receipt.Body)
	if err := q.ExternalIDLock(ctx, ExternalIDLockName(inbox, hex.EncodeToString(hash[:]))); err != nil {
		return err
	}
	done, err := q.ReceiptForwarded(ctx, dbsqlc.ReceiptForwardedParams{InboxID: &inbox, Sha256: hash[:]})
	if err != nil || done {
		a.raw = nil
		return err
	}
	for _, s := range a.slots {
		if s.inbox != nil && s.item.Contact == nil {
			s.item.Contact = &handoff.ItemContact{Identities: []handoff.Identity{lineIdentity(inbox)}}
		}
	}
	return nil
}

// forwardedFor is the inbox whose endpoints get the bytes; nil where they go nowhere.
func (a *acceptance) forwardedFor() *handoff.ID {
	if len(a.raw) == 0 {
		return nil
	}
	return &a.raw[0].InboxID
}

// forward makes one delivery of the bytes for each endpoint, in the lane of the first contact that they name. In the lane of every
// other one stands a mark that waits for it, so that each contact's bytes leave in the order in which they came.
func (a *acceptance) forward(ctx context.Context, q *dbsqlc.Queries) error {
	if len(a.raw) == 0 {
		return nil
	}
	header, err := json.Marshal(a.receipt.ForwardHeader)
	if err != nil {
		return err
	}
	var rows []dbsqlc.DeliveryInsertParams
	for i := range a.raw {
		var first *handoff.ID
		for _, w := range a.wakes {
			if w.InboxID != a.raw[i].InboxID {
				continue
			}
			row := a.forwardRow(&a.raw[i], w)
			if first == nil {
				first, row.Headers, row.Body = &row.ID, header, a.receipt.Body
			} else {
				row.AfterID = first
			}
			w.items = append(w.items, WakeItem{Kind: "forward", ID: row.ID})
			rows = append(rows, row)
		}
	}
	for _, s := range a.slots {
		if s.inbox != nil && (s.Outcome == OutcomeIgnored || s.Outcome == OutcomeRecorded) {
			s.Outcome = OutcomeForwarded
		}
	}
	return ExecBatch(q.DeliveryInsert(ctx, rows))
}

func (a *acceptance) forwardRow(endpoint *dbsqlc.Endpoint, w *wakeSlot) dbsqlc.DeliveryInsertParams {
	row := dbsqlc.DeliveryInsertParams{
		ID: handoff.NewID(), AccountID: endpoint.AccountID, EndpointID: endpoint.ID, InboxID: endpoint.InboxID, ContactID: &w.ContactID,
		EventType: EventMeta, WebhookID: handoff.NewWebhookID(), Body: []byte{}, State: handoff.DeliveryPending, NextAttemptAt: &a.receipt.At,
		CreatedAt: a.receipt.At,
	}
	if endpoint.State == handoff.EndpointDisabled {
		row.State, row.NextAttemptAt = handoff.DeliveryHeld, nil
	}
	return row
}

// EventMeta is the event type of a delivery that carries Meta's webhook as it came.
const EventMeta = "meta"
