package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
	"handoff/internal/signature"
	"handoff/workflows"
)

// clock is the time of the API and of the activities: it stands still until it is moved on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// timed gives a world a clock.
func (w *world) timed(t *testing.T) *clock {
	t.Helper()
	c := &clock{at: time.Now().Truncate(time.Millisecond)}
	w.deps.Now, w.activities.Now = c.now, c.now
	w.serve(t)
	return c
}

// receive applies messages of a contact and gives the lane of the webhooks that tell of them.
func (w *world) receive(t *testing.T, phone string, texts ...string) activities.DeliverInput {
	t.Helper()
	now := w.activities.Now()
	wake := w.Accept(t, w.Body(phone, texts...), now).Wakes[0]
	ref := workflows.NewConversationInput(wake.AccountID, wake.InboxID, wake.ContactID).Ref
	_, err := w.activities.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: ref, Now: now})
	require.NoError(t, err)
	return activities.DeliverInput{Ref: ref, EndpointID: w.Endpoint.ID, Max: 20}
}

func (w *world) deliver(t *testing.T, lane activities.DeliverInput) int {
	t.Helper()
	out, err := w.activities.DeliverWebhooks(t.Context(), lane)
	require.NoError(t, err)
	return out.Finished
}

func (w *world) rotate(t *testing.T, body any) answer {
	t.Helper()
	return w.do(t, "POST", "/v1/endpoints/"+w.Endpoint.ID.String()+"/rotate-secret", w.adm, body)
}

func secretOf(t *testing.T, text string) signature.Secret {
	t.Helper()
	secret, err := signature.ParseSecret(text)
	require.NoError(t, err)
	return secret
}

// encoded is n bytes that are no ed25519 key.
func encoded(n int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n))
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return key
}

func verified(r fixture.Request, now time.Time, key signature.Verifier) bool {
	return signature.Verify(r.Header, []byte(r.Body), now, key) == nil
}

func signatures(r fixture.Request) int {
	return len(strings.Fields(r.Header.Get(signature.HeaderSignature)))
}

// A thousand webhooks leave by ten lanes, and each rotation falls between two of them. A receiver that has only the first secret takes all
// of them, and one that changes over takes what its lanes send next; shared secrets and ed25519 keys stand side by side in one header.
func TestDelivery_07_NoWebhookIsLostToThreeRotationsDuringAThousand(t *testing.T) {
	t.Parallel()
	const lanes, each = 10, 100
	w := newWorld(t)
	c := w.timed(t)
	w.do(t, "PATCH", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, `{"event_types":["message.received"]}`).is(http.StatusOK)
	var queues []activities.DeliverInput
	for i := range lanes {
		texts := make([]string, each)
		for j := range texts {
			texts[j] = fmt.Sprintf("message %d", j)
		}
		queues = append(queues, w.receive(t, fmt.Sprintf("4477009001%02d", i), texts...))
	}
	require.Equal(t, lanes*each, w.Count(t, "deliveries", "state = 'pending'"))

	// The gateway waits with its answer to these until the secret has been rotated: other requests are under way meanwhile.
	reached, rotated := make(chan int), make(chan struct{})
	w.Gateway.Answer(func(n int) (int, string) {
		if n != 250 && n != 500 && n != 750 {
			return http.StatusOK, ""
		}
		reached <- n
		<-rotated
		return http.StatusOK, ""
	})
	var group sync.WaitGroup
	for _, lane := range queues {
		group.Go(func() {
			for n := 0; n < each; {
				out, err := w.activities.DeliverWebhooks(t.Context(), lane)
				if err != nil || out.Finished == 0 {
					t.Errorf("after %d: %v", n, err)
					return
				}
				n += out.Finished
			}
		})
	}
	sent := make(chan struct{})
	go func() { group.Wait(); close(sent) }()
	keys := []signature.Verifier{w.Gateway.Secret}
	own := signature.GenerateSecret()
	for _, body := range []map[string]any{
		{"grace_seconds": 3600}, {"key_type": "ed25519"}, {"secret": own.Reveal(), "grace_seconds": 7200},
	} {
		select {
		case <-reached:
		case <-sent:
			t.Fatal("the webhooks were not sent")
		}
		got := w.rotate(t, body)
		rotated <- struct{}{}
		got.is(http.StatusOK)
		if public := got.text("public_key"); public != "" {
			key, err := signature.ParsePublicKey(public)
			require.NoError(t, err)
			keys = append(keys, key)
			continue
		}
		keys = append(keys, secretOf(t, got.text("secret")))
	}
	<-sent

	all := w.Gateway.Requests()
	require.Len(t, all, lanes*each)
	generations := map[int]int{}
	for i, r := range all {
		require.True(t, verified(r, c.now(), keys[0]), "request %d has no signature of the first secret", i)
		for _, key := range keys[:signatures(r)] {
			require.True(t, verified(r, c.now(), key), "request %d", i)
		}
		generations[signatures(r)]++
	}
	require.Len(t, generations, 4, "there were webhooks before, between and after the rotations: %v", generations)

	view := w.do(t, "GET", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, nil).is(http.StatusOK)
	require.Len(t, view.field("old_secrets"), 3, "the rotation can be seen")
	for _, after := range []struct {
		wait  time.Duration
		valid []bool
	}{
		{time.Hour - time.Second, []bool{true, true, true, true}},
		{time.Second, []bool{false, true, true, true}},
		{time.Hour, []bool{false, true, false, true}},
		{22 * time.Hour, []bool{false, false, false, true}},
	} {
		c.forward(after.wait)
		require.Equal(t, 1, w.deliver(t, w.receive(t, "447700900100", "Later")))
		requests := w.Gateway.Requests()
		last := requests[len(requests)-1]
		count := 0
		for i, key := range keys {
			require.Equal(t, after.valid[i], verified(last, c.now(), key), "%s later, secret %d", after.wait, i)
			if after.valid[i] {
				count++
			}
		}
		require.Equal(t, count, signatures(last))
	}
	view = w.do(t, "GET", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, nil).is(http.StatusOK)
	require.Empty(t, view.field("old_secrets"))
	expired, err := dbsqlc.New(w.DB).EndpointSecretExpire(t.Context(), dbsqlc.EndpointSecretExpireParams{Now: c.now(), RowLimit: 100})
	require.NoError(t, err)
	require.EqualValues(t, 3, expired)
}

func TestDelivery_07_TenOldSecretsAreTheMost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.timed(t)
	for range 9 {
		w.rotate(t, `{"grace_seconds":604800}`).is(http.StatusOK)
		c.forward(time.Second)
	}
	statuses := map[int]int{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			got := w.rotate(t, `{"grace_seconds":604800}`)
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 1}, statuses, "two at once take turns")
	require.Equal(t, 10, w.Count(t, "endpoint_secrets", "true"))

	before, err := dbsqlc.New(w.DB).EndpointGet(t.Context(), dbsqlc.EndpointGetParams{AccountID: w.Account.ID, ID: w.Endpoint.ID})
	require.NoError(t, err)
	refused := w.rotate(t, `{}`).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, refused.text("detail"), "10 earlier secrets already")
	require.Contains(t, refused.text("detail"), "wait until "+c.now().Add(7*24*time.Hour-9*time.Second).UTC().Format(time.RFC3339))
	require.Contains(t, refused.text("detail"), "or give grace_seconds 0")
	after, err := dbsqlc.New(w.DB).EndpointGet(t.Context(), dbsqlc.EndpointGetParams{AccountID: w.Account.ID, ID: w.Endpoint.ID})
	require.NoError(t, err)
	require.Equal(t, before.Secret, after.Secret)

	leaked := w.rotate(t, `{"grace_seconds":0}`).is(http.StatusOK)
	require.Len(t, leaked.field("old_secrets"), 10, "a leaked secret can be replaced at any time, and is kept no longer")
	c.forward(7*24*time.Hour - 9*time.Second)
	require.Len(t, w.rotate(t, `{}`).is(http.StatusOK).field("old_secrets"), 10, "the first has expired")
}

func TestDelivery_07_GoingBackToAnOldSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.timed(t)
	w.do(t, "PATCH", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, `{"event_types":["message.received"]}`).is(http.StatusOK)
	first := w.Gateway.Secret
	second := secretOf(t, w.rotate(t, `{}`).is(http.StatusOK).text("secret"))
	refused := w.rotate(t, map[string]string{"secret": second.Reveal()}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Contains(t, refused.text("detail"), "is the endpoint's already")
	require.Len(t, w.rotate(t, map[string]string{"secret": first.Reveal()}).is(http.StatusOK).field("old_secrets"), 1)

	require.Equal(t, 1, w.deliver(t, w.receive(t, "447700900100", "Hello")))
	request := w.Gateway.Requests()[0]
	require.Equal(t, 2, signatures(request), "each secret signs once")
	require.True(t, verified(request, c.now(), first))
	require.True(t, verified(request, c.now(), second))
}

func TestDelivery_07_ARotationIsMadeOncePerKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String() + "/rotate-secret"
	made := w.do(t, "POST", path, w.adm, `{}`, "Idempotency-Key", "k").is(http.StatusOK)
	again := w.do(t, "POST", path, w.adm, `{}`, "Idempotency-Key", "k").is(http.StatusOK)
	require.Equal(t, made.text("secret"), again.text("secret"))
	require.Equal(t, 1, w.Count(t, "endpoint_secrets", "true"))
	require.Regexp(t, `^whsec_`, w.do(t, "POST", path, w.adm, nil).is(http.StatusOK).text("secret"), "a body has nothing that is needed")
	w.do(t, "POST", path, w.stranger, `{}`).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path, w.ana, `{}`).refused(http.StatusForbidden, handoff.CodeForbidden)
}

// Of an ed25519 key nobody ever sees the private half, whether it was generated or brought.
func TestDelivery_07_OfAnEd25519KeyThePublicHalfIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	own := signature.GeneratePrivateKey()
	ownPublic, _ := own.Public()
	made := w.do(t, "POST", list, w.adm, map[string]string{"url": w.Gateway.URL, "key_type": "ed25519"}).is(http.StatusCreated)
	given := w.do(t, "POST", list, w.adm, map[string]string{"url": w.Gateway.URL, "secret": own.Reveal()}).is(http.StatusCreated)
	path := "/v1/endpoints/" + made.text("id")
	require.Regexp(t, `^whpk_[A-Za-z0-9+/]{43}=$`, made.text("public_key"))
	require.Equal(t, ownPublic.String(), given.text("public_key"))
	shared := w.do(t, "POST", path+"/rotate-secret", w.adm, `{"key_type":"hmac"}`).is(http.StatusOK)
	require.Regexp(t, `^whsec_`, shared.text("secret"))
	require.Nil(t, shared.field("public_key"), "the current one is what counts")
	rotated := w.do(t, "POST", path+"/rotate-secret", w.adm, map[string]string{"secret": own.Reveal()}, "Idempotency-Key", "k").is(http.StatusOK)
	for _, shown := range []answer{made, given, rotated, w.do(t, "GET", path, w.adm, nil).is(http.StatusOK), w.do(t, "GET", list, w.adm, nil).is(http.StatusOK)} {
		require.NotContains(t, string(shown.body), "whsk_")
		require.NotContains(t, string(shown.body), `"secret"`)
		require.True(t, json.Valid(shown.body))
	}
	require.Equal(t, ownPublic.String(), w.do(t, "GET", path, w.adm, nil).text("public_key"))
	require.NotContains(t, w.log.String(), "whsk_")
}

// Standard Webhooks, "Signature scheme": 24 to 64 bytes. Each refusal says what is wrong and never repeats the secret.
func TestDelivery_06_SecretsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	rotate := "/v1/endpoints/" + w.Endpoint.ID.String() + "/rotate-secret"
	for name, c := range map[string]struct{ secret, says string }{
		"none":                     {"", "is empty"},
		"no key":                   {"whsec_", "holds 0 bytes"},
		"23 bytes":                 {"whsec_" + encoded(23), "holds 23 bytes: it must hold 24 to 64"},
		"65 bytes":                 {"whsec_" + encoded(65), "holds 65 bytes: it must hold 24 to 64"},
		"no base64":                {"whsec_" + strings.Repeat("%", 40), "is not standard base64"},
		"base64 for URLs":          {"whsec_" + strings.Repeat("-_", 20), "is not standard base64"},
		"no padding":               {"whsec_" + strings.TrimRight(encoded(25), "="), "is not standard base64"},
		"two lines":                {"whsec_" + encoded(24) + "\n", "line break"},
		"no prefix":                {encoded(32), "must start with whsec_"},
		"a misspelt prefix":        {"hwsec_" + encoded(32), "must start with whsec_"},
		"a public key":             {"whpk_" + encoded(32), "is a public key (whpk_)"},
		"half a private key":       {"whsk_" + encoded(32), "holds 32 bytes: it must hold 64"},
		"halves of two keys":       {"whsk_" + encoded(64), "its public half does not belong to its seed"},
		"a private key, no base64": {"whsk_%", "is not standard base64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for path, body := range map[string]map[string]string{
				list: {"url": w.Gateway.URL, "secret": c.secret}, rotate: {"secret": c.secret},
			} {
				got := w.do(t, "POST", path, w.adm, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
				require.Equal(t, "body.secret", got.text("errors.0.location"))
				require.Contains(t, got.text("detail"), c.says)
				if len(c.secret) > 10 {
					require.NotContains(t, string(got.body), c.secret[6:])
				}
			}
		})
	}
	for _, n := range []int{24, 64} {
		w.do(t, "POST", list, w.adm, map[string]string{"url": w.Gateway.URL, "secret": "whsec_" + encoded(n)}).is(http.StatusCreated)
	}
}

func TestDelivery_06_WhatIsGeneratedHas32Bytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	made := w.do(t, "POST", list, w.adm, map[string]string{"url": w.Gateway.URL}).is(http.StatusCreated)
	require.Len(t, decoded(t, strings.TrimPrefix(made.text("secret"), "whsec_")), 32)
	again := w.do(t, "POST", list, w.adm, map[string]string{"url": w.Gateway.URL}).is(http.StatusCreated)
	require.NotEqual(t, made.text("secret"), again.text("secret"))
	pair := w.do(t, "POST", list, w.adm, map[string]string{"url": w.Gateway.URL, "key_type": "ed25519"}).is(http.StatusCreated)
	require.Len(t, decoded(t, strings.TrimPrefix(pair.text("public_key"), "whpk_")), 32)
	both := map[string]string{"url": w.Gateway.URL, "key_type": "hmac", "secret": made.text("secret")}
	refused := w.do(t, "POST", list, w.adm, both).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "body.key_type", refused.text("errors.0.location"))
	for _, body := range []string{`{"grace_seconds":-1}`, `{"grace_seconds":604801}`, `{"key_type":"rsa"}`} {
		w.rotate(t, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
}
