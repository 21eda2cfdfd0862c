package workflows_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/secretbox"
)

func TestDelivery_03_EveryAttemptSendsTheSameBytes(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.Gateway.Answer(func(n int) (int, string) {
		if n < 5 {
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, ""
	})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "Grüße, 👩🏽‍🚀 \" \\ </script>") })
	s.at(10*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	saved := sha256.Sum256(s.deliveries()[0].Body)
	requests := s.Gateway.Requests()[:5]
	for i, r := range requests {
		require.Equal(t, saved, sha256.Sum256([]byte(r.Body)), "attempt %d", i+1)
		header, first := r.Header.Clone(), requests[0].Header.Clone()
		for _, fresh := range []string{"Webhook-Timestamp", "Webhook-Signature", "Handoff-Attempt"} {
			require.NotEmpty(t, header.Get(fresh))
			require.Equal(t, i == 0, header.Get(fresh) == first.Get(fresh), "%s of attempt %d", fresh, i+1)
			header.Del(fresh)
			first.Del(fresh)
		}
		require.Equal(t, first, header, "attempt %d", i+1)
	}
}

func TestDelivery_04_EachAttemptIsSignedWhenItIsSent(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	var came []time.Time
	s.Gateway.Answer(func(n int) (int, string) {
		came = append(came, s.env.Now())
		if n < 10 {
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, ""
	})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "greeting") })
	s.at(100*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	verifier, err := standardwebhooks.NewWebhook(s.Gateway.Secret.Reveal())
	require.NoError(t, err)
	requests := s.Gateway.Requests()[:10]
	last := int64(0)
	for i, r := range requests {
		require.Equal(t, requests[0].Header.Get("webhook-id"), r.Header.Get("webhook-id"))
		stamp, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		require.NoError(t, err)
		require.Greater(t, stamp, last, "attempt %d", i+1)
		last = stamp
		require.InDelta(t, came[i].Unix(), stamp, 5, "attempt %d; receivers take five minutes", i+1)
		require.NoError(t, verifier.VerifyIgnoringTimestamp([]byte(r.Body), r.Header))
	}
	require.Equal(t, 75*time.Hour+35*time.Minute+5*time.Second, came[9].Sub(came[0]))
}

var webhookID = regexp.MustCompile(`^msg_[0-9A-Za-z]{20,}$`)

// Ids of WhatsApp's have dots in them, which would make the signed content ambiguous.
func TestDelivery_05_AWebhooksIDIsItsOwn(t *testing.T) {
	t.Parallel()
	s := newStory(t, "*", "outbound_message", "conversation_resolved")
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, `{"messages":[{"id":"wamid.HBgM.x=="}]}` })
	s.says("I need to speak to a human", "now")
	s.at(time.Minute, func() { s.reply(s.Ana, "Hi John") })
	s.at(2*time.Minute, func() { s.accept(s.StatusBody("wamid.HBgM.x==", "read")) })
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	requests := s.Gateway.Requests()
	require.Greater(t, len(requests), 8)
	seen := map[string]bool{}
	for _, r := range requests {
		id := r.Header.Get("webhook-id")
		require.Regexp(t, webhookID, id)
		require.False(t, seen[id], "each webhook has an id of its own")
		seen[id] = true
	}
	for range 10_000 {
		require.Regexp(t, webhookID, handoff.NewWebhookID())
	}
}

func TestDelivery_08_VendorsHeadersAreConstantOverRetries(t *testing.T) {
	t.Parallel()
	const secret = "kapso-secret"
	s, _, _ := newGraphStory(t)
	sealed, err := s.Box.Seal([]byte(secret), secretbox.VendorSecret(s.Account.ID, s.Endpoint.ID))
	require.NoError(t, err)
	s.Exec(t, "UPDATE endpoints SET vendor_secret = $1 WHERE id = $2", sealed, s.Endpoint.ID)
	s.Gateway.Answer(func(n int) (int, string) {
		if n < 4 {
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, ""
	})
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	requests := s.Gateway.Requests()
	require.Greater(t, len(requests), 5)
	keys := map[string]string{}
	for _, r := range requests {
		key, id := r.Header.Get("X-Idempotency-Key"), r.Header.Get("webhook-id")
		require.NotEmpty(t, key)
		require.Contains(t, []string{"", key}, keys[id])
		keys[id] = key
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(r.Body))
		require.Equal(t, hex.EncodeToString(mac.Sum(nil)), r.Header.Get("X-Webhook-Signature"))
	}
	require.Len(t, keys, len(requests)-3, "the first was sent four times, with one key")
	distinct := map[string]bool{}
	for _, key := range keys {
		distinct[key] = true
	}
	require.Len(t, distinct, len(keys))
}
