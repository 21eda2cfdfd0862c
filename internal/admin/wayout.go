package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/graph"
)

// An inbox with an access token has one endpoint more than its admin made: the vendor's API, to which what it sends itself is
// delivered. It comes with the token, is listed like the others, and cannot be changed by hand but for its state.

// noToken is why such an endpoint is disabled once its inbox has no token any more.
const noToken = "the inbox has no access_token: save one"

// wayOut is how an inbox calls its vendor, and where; an empty transport where it does not.
func (a Admin) wayOut(inbox dbsqlc.Inbox) (handoff.Transport, string) {
	switch {
	case isMeta(inbox.Protocol):
		return handoff.TransportGraph, cmp.Or(a.GraphURL, graph.DefaultBaseURL)
	case inbox.Protocol == handoff.ProtocolChatlayer:
		return handoff.TransportChatlayer, inbox.APIURL
	}
	return "", ""
}

// findWayOut locks the endpoint by which an inbox calls its vendor; nil where it has none.
func (a Admin) findWayOut(ctx context.Context, q *dbsqlc.Queries, inbox dbsqlc.Inbox) (*dbsqlc.Endpoint, error) {
	transport, _ := a.wayOut(inbox)
	rows, err := q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: inbox.AccountID, InboxID: inbox.ID})
	i := slices.IndexFunc(rows, func(e dbsqlc.Endpoint) bool { return e.Transport == transport })
	if err != nil || i < 0 {
		return nil, err
	}
	row, err := q.EndpointLock(ctx, dbsqlc.EndpointLockParams{AccountID: inbox.AccountID, ID: rows[i].ID})
	return &row, db.NotFound(err, "endpoint")
}

// saveWayOut makes an inbox's way out agree with the inbox: it comes with the first token, follows the vendor's address, and is
// disabled where the token is gone.
func (a Admin) saveWayOut(ctx context.Context, q *dbsqlc.Queries, inbox dbsqlc.Inbox) error {
	transport, url := a.wayOut(inbox)
	if transport == "" {
		return nil
	}
	row, err := a.findWayOut(ctx, q, inbox)
	if err != nil {
		return err
	}
	token := len(inbox.AccessToken) > 0
	if row == nil {
		if !token {
			return nil
		}
		_, err := q.EndpointInsert(ctx, dbsqlc.EndpointInsertParams{
			ID: handoff.NewID(), AccountID: inbox.AccountID, InboxID: inbox.ID, URL: url, EventTypes: []string{}, Transport: transport,
			Payload: PayloadEvents, PayloadVersion: defaultVersion, Retry: RetryDurable, BufferEvents: []string{},
			Ordering: OrderingStrict, MaxInFlight: defaultMaxInFlight,
		})
		return err
	}
	disable := !token && row.State == handoff.EndpointEnabled
	if !disable && row.URL == url {
		return nil
	}
	row.URL = url
	if disable {
		reason := noToken
		row.State, row.DisabledReason = handoff.EndpointDisabled, &reason
	}
	if _, err := saveEndpoint(ctx, q, *row); err != nil || !disable {
		return err
	}
	_, err = q.DeliveryHold(ctx, row.ID)
	return err
}

// tokenSaved lets go what waited for a token. Each step is a transaction of its own, which locks the contacts' rows before anything
// else and in their order; saving the token once more repeats them.
func (a Admin) tokenSaved(ctx context.Context, inbox dbsqlc.Inbox) ([]db.Wake, error) {
	var wakes []db.Wake
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err := a.findWayOut(ctx, q, inbox)
		if err != nil || row == nil {
			return err
		}
		if row.State == handoff.EndpointDisabled && db.OrEmpty(row.DisabledReason) != disabledByHand {
			if wakes, err = a.enable(ctx, q, *row); err != nil {
				return err
			}
		}
		return q.EndpointUnpause(ctx, row.ID)
	})
	if err != nil {
		return nil, err
	}
	files, err := dbsqlc.New(a.DB).MediaRetryTokenless(ctx, dbsqlc.MediaRetryTokenlessParams{
		InboxID: inbox.ID, FailureCode: handoff.FailureNoToken, Since: time.Now().Add(-handoff.MediaKept),
	})
	for _, file := range files {
		wake := db.Wake{AccountID: file.AccountID, InboxID: file.InboxID, ContactID: file.ContactID}
		if !slices.ContainsFunc(wakes, func(w db.Wake) bool { return w.ContactID == wake.ContactID }) {
			wakes = append(wakes, wake)
		}
	}
	return wakes, err
}

// WebhookURL is where an inbox's vendor has to post, at the server's own address; a path where that is not known, and empty for
// protocols whose gateway posts with a key.
func WebhookURL(publicURL string, inbox dbsqlc.Inbox) string {
	base := strings.TrimSuffix(publicURL, "/")
	switch {
	case isMeta(inbox.Protocol):
		return base + "/v1/whatsapp/" + inbox.ID.String() + "/webhook"
	case inbox.Protocol == handoff.ProtocolChatlayer:
		return base + "/v1/chatlayer/" + inbox.ID.String()
	}
	return ""
}
