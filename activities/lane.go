package activities

import (
	"context"
	"fmt"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/protocol"
	"handoff/internal/protocol/registry"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

// lane is one endpoint as one activity uses it.
type lane struct {
	*Activities
	in       DeliverInput
	endpoint dbsqlc.Endpoint
	protocol protocol.Protocol
	// secrets sign: the current one first, then those that it replaced and that are still good.
	secrets []signature.Secret
	vendor  string // the secret of the vendor's own signature header; empty for none
	token   string // of the inbox, for calls to its vendor
	// sealedToken is the token as it stood in the inbox's row.
	sealedToken []byte
	headers     map[string]string
	host        string
	queue       []dbsqlc.Delivery
	whole       bool // the queue was all that there was when it was read
	rippled     bool // an attempt changed more than its delivery: there may be new ones
	success     bool
	tried       bool  // an attempt was made
	seen        int64 // the highest position read
	first       bool  // only first attempts are made
}

func (a *Activities) openLane(ctx context.Context, in DeliverInput) (*lane, error) {
	row, err := a.queries().DeliveryEndpoint(ctx, dbsqlc.DeliveryEndpointParams{ID: in.EndpointID, Now: a.Now()})
	if err != nil {
		return nil, err
	}
	l := &lane{Activities: a, in: in, endpoint: row.Endpoint, host: hostOf(row.Endpoint.URL)}
	var known bool
	if l.protocol, known = registry.Of(row.Protocol); !known {
		return nil, fmt.Errorf("inbox %s speaks %q, which this worker does not know", row.Endpoint.InboxID, row.Protocol)
	}
	if l.endpoint.Transport != handoff.TransportWebhook {
		l.sealedToken = row.AccessToken
		l.token, err = a.open(row.AccessToken, secretbox.AccessToken(l.endpoint.AccountID, l.endpoint.InboxID))
		return l, err
	}
	if l.secrets, err = admin.OpenSecrets(a.Box, l.endpoint, row.OldSecrets); err != nil {
		return nil, err
	}
	if l.vendor, err = a.open(l.endpoint.VendorSecret, secretbox.VendorSecret(l.endpoint.AccountID, l.endpoint.ID)); err != nil {
		return nil, err
	}
	l.headers, err = admin.OpenHeaders(a.Box, l.endpoint)
	return l, err
}

// open gives what is sealed, empty where there is nothing.
func (a *Activities) open(sealed []byte, place secretbox.AssociatedData) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := a.Box.Open(sealed, place)
	if err != nil {
		return "", fmt.Errorf("open %s.%s of %s: %w", place.Table, place.Column, place.RowID, err)
	}
	return string(plain), nil
}
