package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/protocol/hitlchat"
	"handoff/internal/protocol/registry"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

const (
	// What is asked of others is bounded: an operator runs this often, and a server may have thousands of endpoints.
	askedAtMost = 100
	askedAtOnce = 8
	publicBody  = 64 << 10
)

func outsideChecks() []Check {
	opens := []string{"key_set", "calls_out", "database_schema"}
	return []Check{
		{Name: "media_store", Looks: "a file can be written to `HANDOFF_MEDIA_URL`, read and removed", run: checkStore},
		{Name: "public_url", Looks: "`HANDOFF_PUBLIC_URL` leads to a handoff", run: checkPublicURL},
		{Name: "inboxes", Looks: "Meta takes the token of each WhatsApp inbox and knows its number (up to 100)", Needs: opens, Timeout: 2 * time.Minute, run: checkInboxes},
		{Name: "endpoints", Looks: "something answers at each enabled endpoint, to a HEAD request with no body (up to 100)", Needs: opens, Timeout: 2 * time.Minute, run: checkEndpoints},
		{
			Name: "test_event", Looks: "only with `--send-test ID`: the endpoint answers 2xx to a signed test event, whose signature verifies with the secret that is kept",
			Needs: opens, Timeout: 30 * time.Second, run: checkTestEvent,
		},
	}
}

func checkStore(ctx context.Context, v *visit) []Finding {
	const cure = "let this user write there, or correct HANDOFF_MEDIA_URL; of a bucket, its region and credentials"
	store, err := v.Store(ctx)
	if err != nil {
		return fail("the media store cannot be used: "+err.Error(), "", cure)
	}
	defer store.Close() //nolint:errcheck // it was only tried
	key, probe := "doctor/"+handoff.NewID().String(), "a probe of handoff doctor"
	if _, err := store.Write(ctx, key, strings.NewReader(probe), mediastore.Limits{}); err != nil {
		return fail("the media store cannot be written to: "+err.Error(), "", cure)
	}
	reader, err := store.Read(ctx, key)
	if err != nil {
		return fail("the media store cannot be read: "+err.Error(), "", cure)
	}
	content, err := io.ReadAll(reader)
	if closed := reader.Close(); err == nil {
		err = closed
	}
	if err != nil || string(content) != probe {
		return fail("the media store does not give back what was written", "another store lies behind the same address", cure)
	}
	if err := store.Delete(ctx, key); err != nil {
		return warn("nothing can be removed from the media store: "+err.Error(), "", "let this user delete there: expired and erased files stay otherwise")
	}
	return ok("the media store can be written, read and cleaned")
}

// checkPublicURL asks without the guard of calls out: the address is the operator's own.
func checkPublicURL(ctx context.Context, v *visit) []Finding {
	if v.PublicURL == "" {
		return warn("HANDOFF_PUBLIC_URL is not set", "", "set it to the address at which gateways reach the API: without it agents cannot send uploads, and webhooks have no links to files")
	}
	const cure = "correct HANDOFF_PUBLIC_URL, or the proxy or load balancer in front: it has to pass every path to serve"
	address, err := url.Parse(v.PublicURL)
	if err != nil || address.Host == "" {
		return fail("HANDOFF_PUBLIC_URL is no address", "", "write it as https://handoff.example.com")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(v.PublicURL, "/")+"/readyz", nil)
	if err != nil {
		return fail("HANDOFF_PUBLIC_URL is no address", "", "write it as https://handoff.example.com")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fail("nothing answers at HANDOFF_PUBLIC_URL from here", "no serve runs behind it, its name does not resolve here, or its certificate is not trusted", cure)
	}
	defer response.Body.Close()
	var ready struct {
		Status string                     `json:"status"`
		Checks map[string]json.RawMessage `json:"checks"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, publicBody)).Decode(&ready)
	if err != nil || ready.Checks["database"] == nil {
		return fail(fmt.Sprintf("what answers at HANDOFF_PUBLIC_URL is no handoff (HTTP %d)", response.StatusCode), "the address leads to another program", cure)
	}
	if ready.Status != "ok" {
		return warn("serve answers at HANDOFF_PUBLIC_URL and says that it is "+ready.Status, "it does not reach PostgreSQL or Temporal", "see what else is found here, and the log of serve")
	}
	return ok("serve answers at HANDOFF_PUBLIC_URL, and is well")
}

func checkInboxes(ctx context.Context, v *visit) []Finding {
	rows, err := dbsqlc.New(v.pool).DoctorInboxes(ctx, askedAtMost)
	if err != nil {
		return unread(err)
	}
	a := admin.Admin{DB: v.pool, Box: v.box, Check: v.Graph(v.poster).Check, Now: v.Now}
	found := make([][]Finding, len(rows))
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, row := range rows {
		group.Go(func() error {
			health, err := a.InboxHealth(ctx, row.AccountID, row.ID)
			if err != nil {
				found[i] = fail(fmt.Sprintf("inbox %s (%s) cannot be looked at", row.Name, row.ID), "its access_token does not open", "see the check secrets")
				return nil
			}
			for _, c := range health.Checks {
				if !c.OK && !strings.HasPrefix(c.Name, "endpoint") { // endpoints have a check of their own
					found[i] = append(found[i], fail(fmt.Sprintf("inbox %s (%s), %s: %s", row.Name, row.ID, c.Name, c.Detail), "",
						"save the inbox again with what Meta shows (handoff inbox update, or PATCH /v1/inboxes/{id})")...)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return flatten(found, "Meta takes the tokens of %d inboxes", len(rows))
}

// flatten gives what was found, or says that all is well.
func flatten(found [][]Finding, well string, n int) []Finding {
	var out []Finding
	for _, f := range found {
		out = append(out, f...)
	}
	if len(out) == 0 {
		return ok(well, n)
	}
	return out
}

func checkEndpoints(ctx context.Context, v *visit) []Finding {
	rows, err := dbsqlc.New(v.pool).DoctorEndpoints(ctx, dbsqlc.DoctorEndpointsParams{RowLimit: askedAtMost})
	if err != nil {
		return unread(err)
	}
	reach := admin.ReachBy(v.poster)
	found := make([][]Finding, len(rows))
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, row := range rows {
		group.Go(func() error {
			if err := reach(ctx, row.Endpoint.URL); err != nil {
				found[i] = warn(fmt.Sprintf("endpoint %s (%s) cannot be reached: %s", row.Endpoint.ID, hostOf(row.Endpoint.URL), err),
					"its receiver is down, or a firewall, proxy or HANDOFF_ALLOWED_NETWORKS keeps us from it",
					"ask whoever runs the receiver; GET /v1/endpoints/{id}/health shows its latest attempts, and nothing is lost for three days")
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return flatten(found, "something answers at %d endpoints", len(rows))
}

// hostOf leaves out the path and the query, which may hold a token.
func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "its URL cannot be read"
	}
	return parsed.Host
}

// checkTestEvent sends one signed event, as a delivery is sent, and looks at the answer.
func checkTestEvent(ctx context.Context, v *visit) []Finding {
	if v.SendTest == nil {
		return []Finding{{Status: OK, Says: "nothing is sent to endpoints without --send-test"}}
	}
	q := dbsqlc.New(v.pool)
	rows, err := q.DoctorEndpoints(ctx, dbsqlc.DoctorEndpointsParams{ID: v.SendTest, RowLimit: 1})
	if err != nil {
		return unread(err)
	}
	if len(rows) == 0 {
		return fail(fmt.Sprintf("there is no enabled webhook endpoint %s", v.SendTest), "", "take an id of `handoff endpoint list`, and enable the endpoint first")
	}
	full, err := q.DeliveryEndpoint(ctx, dbsqlc.DeliveryEndpointParams{ID: *v.SendTest, Now: v.Now()})
	if err != nil {
		return unread(err)
	}
	secrets, err := admin.OpenSecrets(v.box, full.Endpoint, full.OldSecrets)
	if err != nil {
		return fail("the endpoint's secret does not open", "", "see the check secrets")
	}
	event, body, err := testEvent(rows[0], v.Now())
	if err != nil {
		return fail("the test event cannot be written", "", "report it: it is a fault of ours")
	}
	header, err := signature.Sign(secrets, handoff.NewWebhookID(), v.Now(), body)
	if err != nil {
		return fail("the test event cannot be signed", "", "rotate the endpoint's secret")
	}
	if err := signature.Verify(header, body, v.Now(), verifiers(secrets)...); err != nil {
		return fail("the signature does not verify with the secret that is kept", "", "rotate the endpoint's secret")
	}
	own, err := admin.OpenHeaders(v.box, full.Endpoint)
	if err != nil {
		return fail("the endpoint's headers do not open", "", "see the check secrets")
	}
	for name, value := range own {
		header.Set(name, value)
	}
	header.Set("Handoff-Event", event)
	header.Set("Handoff-Attempt", "1")
	if err := v.signAsVendor(header, full, body); err != nil {
		return fail("the endpoint's vendor_secret does not open", "", "see the check secrets")
	}
	return answerFinding(full.Endpoint, v.poster.Post(ctx, full.Endpoint.URL, header, body))
}

// signAsVendor adds the signature of the inbox's vendor, which its receivers verify.
func (v *visit) signAsVendor(header http.Header, row dbsqlc.DeliveryEndpointRow, body []byte) error {
	spoken, _ := registry.Of(row.Protocol)
	if spoken.SignatureHeader == "" || row.Endpoint.VendorSecret == nil {
		return nil
	}
	secret, err := v.box.Open(row.Endpoint.VendorSecret, secretbox.VendorSecret(row.Endpoint.AccountID, row.Endpoint.ID))
	if err != nil {
		return err
	}
	value, err := signature.SignHex(string(secret), body)
	header.Set(spoken.SignatureHeader, value)
	return err
}

func answerFinding(e dbsqlc.Endpoint, result outbound.Result) []Finding {
	switch {
	case result.OK():
		return ok("endpoint %s answered HTTP %d to a signed test event, in %s", e.ID, result.Status, result.Duration.Round(time.Millisecond))
	case result.Status == 0:
		return fail(fmt.Sprintf("endpoint %s (%s) did not answer: %s", e.ID, hostOf(e.URL), result.Public()), "", "see that its receiver runs and can be reached from here")
	case result.Status == http.StatusUnauthorized || result.Status == http.StatusForbidden || result.Status == http.StatusBadRequest:
		return fail(fmt.Sprintf("endpoint %s answered HTTP %d", e.ID, result.Status), "its receiver verifies with another secret, or changes the body before it verifies",
			"give the receiver the endpoint's secret (rotate it where it is lost), and let it verify the bytes as they came: docs/receivers.md")
	}
	return fail(fmt.Sprintf("endpoint %s answered HTTP %d", e.ID, result.Status), "its receiver failed, or does not take events that it does not know",
		"see the receiver's log: whatever is answered otherwise than 2xx is sent again")
}

// testEvent is what a receiver of the protocol knows, where it is known what that is; an event of ours of a type of its own otherwise.
func testEvent(row dbsqlc.DoctorEndpointsRow, at time.Time) (event string, body []byte, err error) {
	if row.Protocol == handoff.ProtocolHitlChat {
		body, err = hitlchat.ConversationResolved([]handoff.Identity{{Kind: handoff.IdentityPhone, Value: "15550100000"}}, row.ResolvedStatus, at)
		return hitlchat.EventConversationResolved, body, err
	}
	const ours = "endpoint.test"
	body, err = json.Marshal(map[string]any{
		"type": ours, "timestamp": at.UTC().Format(time.RFC3339), "data": map[string]any{"endpoint_id": row.Endpoint.ID, "inbox_id": row.Endpoint.InboxID},
	})
	return ours, body, err
}

func verifiers(secrets []signature.Secret) []signature.Verifier {
	out := make([]signature.Verifier, 0, len(secrets))
	for _, s := range secrets {
		out = append(out, s)
	}
	return out
}
