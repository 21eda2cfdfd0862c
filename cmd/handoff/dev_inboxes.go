package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/fakegateway"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

// demoSpec is a demo inbox as it is made: one for each protocol besides HitlChat, whose inbox is older than these.
type demoSpec struct {
	protocol     handoff.Protocol
	name         string
	number       string // its phone number id at Meta; empty where it has none
	display      string
	vendorSecret string // of the vendor's own signature header; empty where it has none
}

var demoSpecs = []demoSpec{
	{protocol: handoff.ProtocolChatlayer, name: "Demo Chatlayer"},
	{protocol: handoff.ProtocolAksita, name: "Demo Aksita", vendorSecret: "handoff-demo-aksita-secret"},
	{
		protocol: handoff.ProtocolKapso, name: "Demo Kapso", vendorSecret: "handoff-demo-kapso-secret",
		number: "106540352242923", display: "+1 555 010 0002",
	},
	{protocol: handoff.ProtocolPassthrough, name: "Demo passthrough", number: "106540352242924", display: "+1 555 010 0003"},
	{protocol: handoff.ProtocolNative, name: "Demo native"},
}

// demoBotID is the bot of the Chatlayer inbox.
const demoBotID = "handoff-demo-bot"

// demoInbox is a demo inbox as the fakes have to know it.
type demoInbox struct {
	row         dbsqlc.Inbox
	display     string
	senders     []fakegateway.Sender
	verifyToken string
}

type demoInboxes []demoInbox

// seedInboxes finds the demo inboxes of the last run by their names, points them at the ports of this one, and makes what is lost.
func (d *devStack) seedInboxes(ctx context.Context, a admin.Admin, fakes *fakes) (demoInboxes, error) {
	there, err := dbsqlc.New(a.DB).InboxList(ctx, dbsqlc.InboxListParams{AccountID: d.info.AccountID, RowLimit: everything})
	if err != nil {
		return nil, err
	}
	var out demoInboxes
	for _, spec := range demoSpecs {
		i := slices.IndexFunc(there, func(row dbsqlc.Inbox) bool { return row.Name == spec.name && row.Protocol == spec.protocol })
		inbox := demoInbox{display: spec.display}
		if i >= 0 {
			inbox.row = there[i]
			err = inbox.repoint(ctx, a, fakes)
		} else {
			err = inbox.make(ctx, a, d.info.AccountID, spec, fakes)
		}
		if err != nil {
			return nil, fmt.Errorf("make the inbox %q: %w", spec.name, err)
		}
		if err := inbox.connect(ctx, a, spec, fakes); err != nil {
			return nil, fmt.Errorf("connect the inbox %q with the fakes: %w", spec.name, err)
		}
		out = append(out, inbox)
	}
	return out, nil
}

func (in *demoInbox) make(ctx context.Context, a admin.Admin, account handoff.ID, spec demoSpec, fakes *fakes) error {
	fields := admin.InboxFields{Name: &spec.name, Protocol: &spec.protocol, Unchecked: true}
	waba, meta, secret, bot, botToken := demoWABAID, demoAccessToken, demoAppSecret, demoBotID, demoBotToken
	if spec.number != "" {
		fields.WABAID, fields.PhoneNumberID, fields.AccessToken, fields.AppSecret = &waba, &spec.number, &meta, &secret
	}
	if spec.protocol == handoff.ProtocolChatlayer {
		fields.BotID, fields.AccessToken, fields.APIURL = &bot, &botToken, &fakes.info.ChatlayerURL
	}
	saved, err := a.CreateInbox(ctx, account, fields)
	in.row = saved.Inbox
	return err
}

// repoint gives an inbox the new address of the fake that it calls. One that somebody has pointed elsewhere is left alone.
func (in *demoInbox) repoint(ctx context.Context, a admin.Admin, fakes *fakes) error {
	fields := admin.InboxFields{Unchecked: true} // the address of Meta's API is the server's, and saving alone follows it
	if in.row.Protocol == handoff.ProtocolChatlayer && isLoopback(in.row.APIURL) {
		fields.APIURL = &fakes.info.ChatlayerURL
	}
	saved, err := a.UpdateInbox(ctx, in.row.AccountID, in.row.ID, fields)
	in.row = saved.Inbox
	return err
}

func isLoopback(address string) bool { return strings.HasPrefix(address, "http://127.0.0.1:") }

// connect makes sure that the inbox has an endpoint at the fake gateway, and opens what the fakes have to know of it.
func (in *demoInbox) connect(ctx context.Context, a admin.Admin, spec demoSpec, fakes *fakes) error {
	var err error
	if in.verifyToken, err = open(a.Box, in.row.VerifyToken, secretbox.VerifyToken(in.row.AccountID, in.row.ID)); err != nil {
		return err
	}
	if spec.protocol == handoff.ProtocolChatlayer {
		return nil // it has no webhooks: everything that leaves is a call
	}
	rows, err := dbsqlc.New(a.DB).EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: in.row.AccountID, InboxID: in.row.ID})
	if err != nil {
		return err
	}
	address := fakes.info.GatewayURL + fakegateway.Path + "/" + string(spec.protocol)
	found := false
	for _, row := range rows {
		if row.Transport != handoff.TransportWebhook || !isLoopback(row.URL) || !strings.Contains(row.URL, fakegateway.Path) {
			continue
		}
		found = true
		if row, _, err = a.UpdateEndpoint(ctx, row.AccountID, row.ID, admin.EndpointFields{URL: &address, Unchecked: true}); err != nil {
			return err
		}
		if err := in.expect(a, row); err != nil {
			return err
		}
	}
	if found {
		return nil
	}
	fields := admin.EndpointFields{URL: &address, Unchecked: true}
	if spec.vendorSecret != "" {
		fields.VendorSecret = &spec.vendorSecret
	}
	row, _, err := a.CreateEndpoint(ctx, in.row.AccountID, in.row.ID, fields)
	if err != nil {
		return err
	}
	return in.expect(a, row)
}

// expect lets the fake gateway verify what the endpoint gets.
func (in *demoInbox) expect(a admin.Admin, row dbsqlc.Endpoint) error {
	text, err := open(a.Box, row.Secret, secretbox.EndpointSecret(row.AccountID, row.ID))
	if err != nil {
		return err
	}
	sender := fakegateway.Sender{Inbox: in.row.Name, Protocol: in.row.Protocol}
	if sender.Secret, err = signature.ParseSecret(text); err != nil {
		return err
	}
	sender.VendorSecret, err = open(a.Box, row.VendorSecret, secretbox.VendorSecret(row.AccountID, row.ID))
	in.senders = append(in.senders, sender)
	return err
}

// open gives what is sealed, empty where there is nothing.
func open(box admin.Opener, sealed []byte, place secretbox.AssociatedData) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := box.Open(sealed, place)
	return string(plain), err
}
