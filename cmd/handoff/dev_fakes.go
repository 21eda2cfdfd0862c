package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"handoff"
	"handoff/internal/fakechatlayer"
	"handoff/internal/fakegateway"
	"handoff/internal/fakegraph"
)

// What the fakes know the demo inboxes by. It opens nothing but the fakes.
const (
	demoAccessToken = "EAAhandoffdemo"
	demoAppSecret   = "handoff-demo-app-secret"
	demoBotToken    = "handoff-demo-chatlayer-token"
)

// fakeInfo is what .handoff/fakes.json tells simulate about the fakes of the running stack.
type fakeInfo struct {
	GatewayURL   string `json:"gateway_url"`
	GraphURL     string `json:"graph_url"`
	ChatlayerURL string `json:"chatlayer_url"`
}

// The variables that say where the API, the metrics and the fakes listen.
const (
	apiListen       = "HANDOFF_LISTEN"
	gatewayListen   = "HANDOFF_GATEWAY_LISTEN"
	graphListen     = "HANDOFF_GRAPH_LISTEN"
	chatlayerListen = "HANDOFF_CHATLAYER_LISTEN"
	metricsListen   = "HANDOFF_METRICS_LISTEN"
)

const fakesFile = "fakes.json"

// fakes are the counterparts that dev plays, so that nobody needs an account with a vendor: the gateway, Meta, and Chatlayer.
type fakes struct {
	gateway   *fakegateway.Gateway
	graph     *fakegraph.Graph
	chatlayer *fakechatlayer.Chatlayer
	listeners map[string]net.Listener // by environment variable
	info      fakeInfo
}

// listen takes the ports of the API and of the fakes, or free ones where they are taken.
func (d *devStack) listen() (*fakes, error) {
	f := &fakes{
		gateway: fakegateway.New(showWebhook), graph: fakegraph.New(nil), chatlayer: fakechatlayer.New(demoBotToken),
		listeners: map[string]net.Listener{},
	}
	urls := map[string]string{}
	for variable, address := range map[string]string{
		apiListen: d.cmd.Listen, gatewayListen: d.cmd.GatewayListen, graphListen: d.cmd.GraphListen, chatlayerListen: d.cmd.ChatlayerListen,
		metricsListen: d.cmd.MetricsListen,
	} {
		listener, err := listenOrFree(address)
		if err != nil {
			f.close()
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		f.listeners[variable], urls[variable] = listener, "http://"+listener.Addr().String()
	}
	d.info.APIURL, d.metricsURL = urls[apiListen], urls[metricsListen]+"/metrics"
	f.info = fakeInfo{urls[gatewayListen], urls[graphListen], urls[chatlayerListen]}
	d.info.EndpointURL = f.info.GatewayURL + fakegateway.Path
	return f, nil
}

// close lets the ports go. Those that are served are closed already, which does no harm.
func (f *fakes) close() {
	for _, listener := range f.listeners {
		_ = listener.Close()
	}
}

// connect makes the fakes know the demo inboxes: Meta posts to the gateway, which passes on what is for us, sends our messages to
// Meta, and Chatlayer posts to its inbox.
func (f *fakes) connect(info devInfo, inboxes demoInboxes, graphVersion string) {
	f.graph.Token(demoAccessToken, true)
	f.graph.AddNumber(info.WABAID, info.PhoneNumberID, "+1 555 010 0001")
	f.graph.Notify(f.info.GatewayURL+fakegateway.MetaPath, demoAppSecret, "")
	f.gateway.SendThrough(f.info.GraphURL+"/"+graphVersion, demoAccessToken)
	f.gateway.Forward(info.PhoneNumberID, fakegateway.Target{
		URL: info.APIURL + "/v1/public/inbound", Header: http.Header{"Authorization": {"Bearer " + info.Keys.Gateway}},
	})
	for _, inbox := range inboxes {
		f.gateway.Expect(inbox.senders...)
		address := info.APIURL + "/v1/whatsapp/" + inbox.row.ID.String() + "/webhook"
		if inbox.row.PhoneNumberID != "" {
			f.graph.AddNumber(inbox.row.WABAID, inbox.row.PhoneNumberID, inbox.display)
			f.gateway.Forward(inbox.row.PhoneNumberID, fakegateway.Target{URL: address})
		}
		if inbox.row.Protocol == handoff.ProtocolChatlayer {
			f.chatlayer.Tell(&fakechatlayer.Client{URL: info.APIURL + "/v1/chatlayer/" + inbox.row.ID.String(), VerifyToken: inbox.verifyToken})
		}
	}
}

// serve runs the fakes until ctx is done.
func (f *fakes) serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for variable, handler := range map[string]http.Handler{
		gatewayListen: f.gateway, graphListen: f.graph, chatlayerListen: f.chatlayer,
	} {
		group.Go(func() error {
			return runHTTP(ctx, &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}, f.listeners[variable])
		})
	}
	return group.Wait()
}

// write tells simulate where the fakes are.
func (f *fakes) write(stateDir string) error {
	content, err := json.MarshalIndent(f.info, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(stateDir, fakesFile), append(content, '\n'), 0o600)
}

// showWebhook prints one line, or a few, for a webhook that the fake gateway took.
func showWebhook(w fakegateway.Webhook) {
	verdict := "signature verified"
	if !w.Verified {
		verdict = "REFUSED: " + w.Problem
	}
	from := ""
	if w.Inbox != "" {
		from = fmt.Sprintf(" from %s, %s", w.Inbox, w.Protocol)
	}
	fmt.Printf("fake gateway ← %s%s (%s)\n  %s\n", w.Event, from, verdict, w.Body)
}

// playsMeta tells whether the stack calls the fake Graph API: the operator may have set another one.
func (d *devStack) playsMeta() bool { return d.cmd.GraphURL == "" }

// vendorFlags keep the files of messages beside the rest of the stack's state, and point it at the fakes.
func (d *devStack) vendorFlags(f *fakes) vendorFlags {
	flags := vendorFlags{
		GraphURL: strings.TrimSuffix(d.cmd.GraphURL, "/"), GraphVersion: d.cmd.GraphVersion,
		MediaURL: "file://" + filepath.Join(d.cmd.StateDir, "media"), PublicURL: d.info.APIURL,
	}
	if d.playsMeta() {
		flags.GraphURL = f.info.GraphURL
	}
	return flags
}
