package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/hitlchat"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

const disabledByHand = "disabled by an admin"

// DefaultEventTypes is what a new endpoint of a HitlChat gateway receives.
var DefaultEventTypes = []string{hitlchat.EventOutboundMessage, hitlchat.EventConversationResolved}

// EndpointFields is what an endpoint is given. In a new endpoint an absent field has its default; in a change it stays as it is.
type EndpointFields struct {
	URL        *string
	EventTypes *[]string
	Headers    *map[string]string
	State      *handoff.EndpointState
	// Secret signs the webhooks: whsec_… or whsk_…, of a new endpoint only. One is generated if it is absent.
	Secret *string
}

// CreateEndpoint makes an endpoint and gives its secret, which is not shown again.
func (a Admin) CreateEndpoint(ctx context.Context, account, inbox handoff.ID, fields EndpointFields) (dbsqlc.Endpoint, string, error) {
	row := dbsqlc.Endpoint{
		ID: handoff.NewID(), AccountID: account, InboxID: inbox, EventTypes: DefaultEventTypes,
		State: handoff.EndpointEnabled, Transport: handoff.TransportWebhook, Payload: "events", PayloadVersion: "v2", Retry: "durable",
		BufferEvents: []string{},
	}
	if _, err := dbsqlc.New(a.DB).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: inbox}); err != nil {
		return row, "", db.NotFound(err, "inbox")
	}
	secret := signature.GenerateSecret()
	if fields.Secret != nil {
		given, err := signature.ParseSecret(*fields.Secret)
		if err != nil {
			return row, "", invalid("secret", err)
		}
		secret = given
	}
	if err := a.applyEndpoint(&row, fields); err != nil {
		return row, "", err
	}
	sealed, err := a.Box.Seal([]byte(secret.Reveal()), secretbox.EndpointSecret(account, row.ID))
	if err != nil {
		return row, "", err
	}
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		state, reason := row.State, row.DisabledReason
		row, err = q.EndpointInsert(ctx, dbsqlc.EndpointInsertParams{
			ID: row.ID, AccountID: account, InboxID: inbox, URL: row.URL, Secret: sealed, EventTypes: row.EventTypes, Headers: row.Headers,
			Transport: row.Transport, VendorSecret: row.VendorSecret, Payload: row.Payload, PayloadVersion: row.PayloadVersion, Retry: row.Retry,
			BufferSeconds: row.BufferSeconds, BufferSize: row.BufferSize, BufferEvents: row.BufferEvents, InactivityMinutes: row.InactivityMinutes,
		})
		if err != nil || state == row.State {
			return err
		}
		row.State, row.DisabledReason = state, reason
		row, err = saveEndpoint(ctx, q, row)
		return err
	})
	return row, secret.Reveal(), err
}

// UpdateEndpoint changes an endpoint. Disabling it holds what is on its way; enabling it lets that go, and gives the contacts
// whose workflows have to be woken for it.
func (a Admin) UpdateEndpoint(ctx context.Context, account, id handoff.ID, fields EndpointFields) (dbsqlc.Endpoint, []db.Wake, error) {
	var row dbsqlc.Endpoint
	var wakes []db.Wake
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		var err error
		row, err = q.EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: account, ID: id})
		if err != nil {
			return db.NotFound(err, "endpoint")
		}
		before := row.State
		if err := a.applyEndpoint(&row, fields); err != nil {
			return err
		}
		state := row.State
		if state == handoff.EndpointEnabled && before == handoff.EndpointDisabled {
			// First, because a contact's wake row is locked before anything else of that contact.
			if wakes, err = raiseHeld(ctx, q, id); err != nil {
				return err
			}
		}
		if row, err = saveEndpoint(ctx, q, row); err != nil || state == before {
			return err
		}
		if state == handoff.EndpointDisabled {
			_, err = q.DeliveryHold(ctx, id)
			return err
		}
		_, err = q.DeliveryRelease(ctx, id)
		return err
	})
	return row, wakes, err
}

// DeleteEndpoint removes an endpoint. What is on its way to it is held and never sent.
func (a Admin) DeleteEndpoint(ctx context.Context, account, id handoff.ID) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
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

// KnownEventTypes lists what an endpoint may subscribe to.
func KnownEventTypes() []string {
	known := slices.Clone(DefaultEventTypes)
	known = append(known, "*")
	for _, t := range handoff.EventTypes {
		family, _, _ := strings.Cut(string(t), ".")
		known = append(known, string(t), family+".*")
	}
	slices.Sort(known)
	return slices.Compact(known)
}

func raiseHeld(ctx context.Context, q *dbsqlc.Queries, endpoint handoff.ID) ([]db.Wake, error) {
	rows, err := q.WakeRaiseByEndpoint(ctx, endpoint)
	wakes := make([]db.Wake, 0, len(rows))
	for _, row := range rows {
		wakes = append(wakes, db.Wake{AccountID: row.AccountID, InboxID: row.InboxID, ContactID: row.ContactID})
	}
	return wakes, err
}

func saveEndpoint(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Endpoint) (dbsqlc.Endpoint, error) {
	saved, err := q.EndpointUpdate(ctx, dbsqlc.EndpointUpdateParams{
		ID: row.ID, AccountID: row.AccountID, URL: row.URL, EventTypes: row.EventTypes, Headers: row.Headers, State: row.State,
		DisabledReason: row.DisabledReason, VendorSecret: row.VendorSecret, Payload: row.Payload, PayloadVersion: row.PayloadVersion,
		Retry: row.Retry, BufferSeconds: row.BufferSeconds, BufferSize: row.BufferSize, BufferEvents: row.BufferEvents,
		InactivityMinutes: row.InactivityMinutes,
	})
	return saved, db.NotFound(err, "endpoint")
}

func (a Admin) applyEndpoint(row *dbsqlc.Endpoint, fields EndpointFields) error {
	set(&row.URL, fields.URL)
	set(&row.EventTypes, fields.EventTypes)
	var c check
	if err := a.CheckURL(row.URL); err != nil {
		c.fault("url", "%v", err)
	}
	if fields.Headers != nil {
		if err := a.CheckHeaders(*fields.Headers); err != nil {
			c.fault("headers", "%v", err)
		}
	}
	row.EventTypes = c.eventTypes(row.EventTypes)
	if fields.State != nil && *fields.State != row.State {
		c.state(row, *fields.State)
	}
	if err := c.err(); err != nil || fields.Headers == nil {
		return err
	}
	return a.sealHeaders(row, *fields.Headers)
}

func (a Admin) sealHeaders(row *dbsqlc.Endpoint, headers map[string]string) error {
	plain, err := json.Marshal(headers)
	if err != nil {
		return err
	}
	row.Headers, err = a.Box.Seal(plain, secretbox.EndpointHeaders(row.AccountID, row.ID))
	return err
}

// Opener opens what is sealed.
type Opener interface {
	Open(sealed []byte, place secretbox.AssociatedData) ([]byte, error)
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

func (c *check) eventTypes(types []string) []string {
	known := KnownEventTypes()
	if len(types) == 0 {
		c.fault("event_types", "event_types is empty: leave it out for the default, or use some of %s", strings.Join(known, ", "))
	}
	for _, t := range types {
		if !slices.Contains(known, t) {
			c.fault("event_types", "there is no event type %.60q: use some of %s", t, strings.Join(known, ", "))
		}
	}
	distinct := slices.Clone(types)
	slices.Sort(distinct)
	return slices.Compact(distinct)
}

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

func invalid(field string, err error) error {
	var c check
	c.fault(field, "%v", err)
	return c.err()
}
