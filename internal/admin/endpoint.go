package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
	"handoff/internal/protocol/registry"
	"handoff/internal/secretbox"
)

// CreateEndpoint makes an endpoint and gives its secret, which is not shown again; nothing for a private key, whose public half is all
// that a receiver needs.
func (a Admin) CreateEndpoint(ctx context.Context, account, inbox handoff.ID, fields EndpointFields) (dbsqlc.Endpoint, string, error) {
	secret, err := newSecret(fields.Secret, fields.KeyType)
	if err != nil {
		return dbsqlc.Endpoint{}, "", err
	}
	// Once before the URL is tried, so that what is wrong is told without a wait, and once more under the inbox's lock.
	if _, err := a.draftEndpoint(ctx, dbsqlc.New(a.DB), account, inbox, fields); err != nil {
		return dbsqlc.Endpoint{}, "", err
	}
	if err := a.tryURL(ctx, db.OrEmpty(fields.URL), fields); err != nil {
		return dbsqlc.Endpoint{}, "", err
	}
	var row dbsqlc.Endpoint
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if row, err = a.draftEndpoint(ctx, q, account, inbox, fields); err != nil {
			return err
		}
		if row.Secret, err = a.seal(secret.Reveal(), secretbox.EndpointSecret(account, row.ID)); err != nil {
			return err
		}
		if err := a.sealEndpoint(&row, fields); err != nil {
			return err
		}
		a.made("endpoint", account, row.ID)
		row, err = insertEndpoint(ctx, q, row)
		return err
	})
	return row, shown(secret), err
}

// draftEndpoint is a new endpoint as its inbox's protocol has it.
func (a Admin) draftEndpoint(ctx context.Context, q *dbsqlc.Queries, account, inbox handoff.ID, fields EndpointFields) (dbsqlc.Endpoint, error) {
	p, err := protocolOf(ctx, q, account, inbox)
	if err != nil {
		return dbsqlc.Endpoint{}, err
	}
	row := newEndpoint(p)
	row.ID, row.AccountID, row.InboxID = handoff.NewID(), account, inbox
	return row, a.applyEndpoint(&row, p, fields)
}

// protocolOf reads the protocol of an inbox. In a transaction it stays so to the end.
func protocolOf(ctx context.Context, q *dbsqlc.Queries, account, inbox handoff.ID) (protocol.Protocol, error) {
	row, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: inbox})
	if err != nil {
		return protocol.Protocol{}, db.NotFound(err, "inbox")
	}
	p, known := registry.Of(row.Protocol)
	if !known {
		return p, fmt.Errorf("inbox %s speaks %q, which this server does not know", inbox, row.Protocol)
	}
	return p, nil
}

func insertEndpoint(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Endpoint) (dbsqlc.Endpoint, error) {
	state, reason := row.State, row.DisabledReason
	row, err := q.EndpointInsert(ctx, dbsqlc.EndpointInsertParams{
		ID: row.ID, AccountID: row.AccountID, InboxID: row.InboxID, URL: row.URL, Secret: row.Secret, EventTypes: row.EventTypes,
		Headers: row.Headers, Transport: row.Transport, VendorSecret: row.VendorSecret, Payload: row.Payload,
		PayloadVersion: row.PayloadVersion, Retry: row.Retry, BufferSeconds: row.BufferSeconds, BufferSize: row.BufferSize,
		BufferEvents: row.BufferEvents, InactivityMinutes: row.InactivityMinutes, Ordering: row.Ordering, RateLimit: row.RateLimit,
		MaxInFlight: row.MaxInFlight,
	})
	if err != nil || state == row.State {
		return row, err
	}
	row.State, row.DisabledReason = state, reason
	return saveEndpoint(ctx, q, row)
}

// UpdateEndpoint changes an endpoint. Disabling it holds what is on its way; enabling it lets that go, and gives the contacts
// whose workflows have to be woken for it.
func (a Admin) UpdateEndpoint(ctx context.Context, account, id handoff.ID, fields EndpointFields) (dbsqlc.Endpoint, []db.Wake, error) {
	row, err := dbsqlc.New(a.DB).EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: account, ID: id})
	if err != nil {
		return row, nil, db.NotFound(err, "endpoint")
	}
	if fields.URL != nil && *fields.URL != row.URL && row.Transport == handoff.TransportWebhook {
		if err := a.CheckURL(*fields.URL); err != nil {
			return row, nil, invalid("url", err)
		}
		if err := a.tryURL(ctx, *fields.URL, fields); err != nil {
			return row, nil, err
		}
	}
	var wakes []db.Wake
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		before, err := q.EndpointLock(ctx, dbsqlc.EndpointLockParams{AccountID: account, ID: id})
		if err != nil {
			return db.NotFound(err, "endpoint")
		}
		if fields.State != nil && *fields.State == handoff.EndpointEnabled {
			if err := a.countEnable(ctx, q, id); err != nil {
				return err
			}
		}
		row = before
		if err := a.changeEndpoint(ctx, q, &row, fields); err != nil {
			return err
		}
		if wakes, err = a.saveChange(ctx, q, before, row); err != nil {
			return err
		}
		row, err = q.EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: account, ID: id})
		return err
	})
	return row, wakes, err
}

func (a Admin) changeEndpoint(ctx context.Context, q *dbsqlc.Queries, row *dbsqlc.Endpoint, fields EndpointFields) error {
	if row.Transport != handoff.TransportWebhook {
		return changeWayOut(ctx, q, row, fields)
	}
	p, err := protocolOf(ctx, q, row.AccountID, row.InboxID)
	if err != nil {
		return err
	}
	if err := a.applyEndpoint(row, p, fields); err != nil {
		return err
	}
	return a.sealEndpoint(row, fields)
}

// changeWayOut enables or disables the endpoint by which an inbox calls its vendor; all else of it is the inbox's.
func changeWayOut(ctx context.Context, q *dbsqlc.Queries, row *dbsqlc.Endpoint, fields EndpointFields) error {
	state := fields.State
	fields.State, fields.Unchecked = nil, false
	if !reflect.ValueOf(fields).IsZero() {
		return handoff.Errorf(handoff.CodeConflict, "%s: only its state can be changed here", ofItsInbox)
	}
	if state == nil || *state == row.State {
		return nil
	}
	inbox, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: row.AccountID, ID: row.InboxID})
	if err != nil {
		return db.NotFound(err, "inbox")
	}
	if *state == handoff.EndpointEnabled && len(inbox.AccessToken) == 0 {
		return handoff.Errorf(handoff.CodeConflict, "%s, which enables it", noToken)
	}
	var c check
	c.state(row, *state)
	return c.err()
}

const ofItsInbox = "this endpoint is the inbox's own way to its vendor: it comes and goes with the inbox's access_token"

// DeleteEndpoint removes an endpoint. What is on its way to it is held and never sent.
func (a Admin) DeleteEndpoint(ctx context.Context, account, id handoff.ID) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err := q.EndpointLock(ctx, dbsqlc.EndpointLockParams{AccountID: account, ID: id})
		if err == nil && row.Transport != handoff.TransportWebhook {
			return handoff.Errorf(handoff.CodeConflict, "%s: remove the token, or disable the endpoint", ofItsInbox)
		}
		deleted, err := q.EndpointDelete(ctx, dbsqlc.EndpointDeleteParams{AccountID: account, ID: id})
		if err != nil {
			return err
		}
		if deleted == 0 {
			return handoff.Errorf(handoff.CodeNotFound, "there is no such endpoint")
		}
		_, err = q.DeliveryHold(ctx, id)
		return err
	})
}

func saveEndpoint(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Endpoint) (dbsqlc.Endpoint, error) {
	saved, err := q.EndpointUpdate(ctx, dbsqlc.EndpointUpdateParams{
		ID: row.ID, AccountID: row.AccountID, URL: row.URL, EventTypes: row.EventTypes, Headers: row.Headers, State: row.State,
		DisabledReason: row.DisabledReason, VendorSecret: row.VendorSecret, Payload: row.Payload, PayloadVersion: row.PayloadVersion,
		Retry: row.Retry, BufferSeconds: row.BufferSeconds, BufferSize: row.BufferSize, BufferEvents: row.BufferEvents,
		InactivityMinutes: row.InactivityMinutes, Ordering: row.Ordering, RateLimit: row.RateLimit, MaxInFlight: row.MaxInFlight,
	})
	return saved, db.NotFound(err, "endpoint")
}

// sealEndpoint seals the secrets that were given.
func (a Admin) sealEndpoint(row *dbsqlc.Endpoint, fields EndpointFields) error {
	var err error
	if fields.VendorSecret != nil {
		if row.VendorSecret, err = a.seal(*fields.VendorSecret, secretbox.VendorSecret(row.AccountID, row.ID)); err != nil {
			return err
		}
	}
	if fields.Headers == nil {
		return nil
	}
	plain, err := json.Marshal(*fields.Headers)
	if err != nil {
		return err
	}
	row.Headers, err = a.Box.Seal(plain, secretbox.EndpointHeaders(row.AccountID, row.ID))
	return err
}

// OpenHeaders gives the headers that an endpoint's webhooks carry.
func OpenHeaders(box Opener, row dbsqlc.Endpoint) (map[string]string, error) {
	if row.Headers == nil {
		return nil, nil
	}
	plain, err := box.Open(row.Headers, secretbox.EndpointHeaders(row.AccountID, row.ID))
	if err != nil {
		return nil, fmt.Errorf("open the headers of endpoint %s: %w", row.ID, err)
	}
	var headers map[string]string
	err = json.Unmarshal(plain, &headers)
	return headers, err
}

func invalid(field string, err error) error {
	var c check
	c.fault(field, "%v", err)
	return c.err()
}
