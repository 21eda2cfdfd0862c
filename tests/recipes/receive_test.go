package recipes_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/outbound"
	"handoff/internal/signature"
)

const body = `{"event":"outbound_message","meta_payload":{"text":{"body":"žluťoučký 🙋‍♀️ <b> \u2028 1.0"}}}`

// sign is signature.Sign that cannot fail.
func sign(t *testing.T, id string, at time.Time, body string, keys ...signature.Secret) http.Header {
	t.Helper()
	header, err := signature.Sign(keys, id, at, []byte(body))
	require.NoError(t, err)
	return header
}

func with(header http.Header, name, value string) http.Header {
	header = header.Clone()
	if value == "" {
		header.Del(name)
		return header
	}
	header.Set(name, value)
	return header
}

// request is one that a receiver must take, or must refuse.
type request struct {
	name   string
	header http.Header
	body   string
}

func TestDelivery_52_RecipesAcceptWhatIsSigned(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key, private := signature.GenerateSecret(), signature.GeneratePrivateKey()
		others := [2]signature.Secret{signature.GenerateSecret(), signature.GenerateSecret()}
		receiver, now := t.start(t.T, key.Reveal()), time.Now()
		last := sign(t.T, "msg_last", now, body, others[0], key)
		require.Len(t, strings.Fields(last.Get(signature.HeaderSignature)), 2)
		for _, tt := range []request{
			{"one signature", sign(t.T, "msg_one", now, body, key), body},
			{"the key's signature comes last", last, body},
			{"the key's signature stands between others", sign(t.T, "msg_middle", now, body, others[0], key, others[1]), body},
			{"ed25519 beside it", sign(t.T, "msg_mixed", now, body, private, key), body},
			{"entries that mean nothing", with(last, signature.HeaderSignature, "v1 v9,AAAA , v1,é "+last.Get(signature.HeaderSignature)), body},
			{"nearly five minutes ago", sign(t.T, "msg_old", now.Add(-signature.Tolerance+time.Minute), body, key), body},
			{"a clock ahead", sign(t.T, "msg_ahead", now.Add(signature.Tolerance-time.Minute), body, key), body},
			{"one megabyte", sign(t.T, "msg_big", now, bigBody, key), bigBody},
		} {
			result := receiver.deliver(tt.header, tt.body)
			require.True(t, result.OK(), "%s: %d %s %v", tt.name, result.Status, result.Body, result.Err)
			if id := tt.header.Get(signature.HeaderID); tt.name != "entries that mean nothing" { // it has the id of the one before
				got := receiver.next()
				require.Equal(t, id, got.ID, tt.name)
				require.Equal(t, tt.body, got.Body, tt.name)
			}
		}
	})
}

var bigBody = `{"text":"` + strings.Repeat("ž<", 1<<19) + `"}`

func TestDelivery_52_RecipesRefuseWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		receiver, now := t.start(t.T, key.Reveal()), time.Now()
		good := sign(t.T, "msg_good", now, body, key)
		value := good.Get(signature.HeaderSignature)
		for _, tt := range []request{
			{"another key", sign(t.T, "msg_good", now, body, signature.GenerateSecret()), body},
			{"several other keys", sign(t.T, "msg_good", now, body, signature.GenerateSecret(), signature.GenerateSecret()), body},
			{"ed25519 alone", sign(t.T, "msg_good", now, body, signature.GeneratePrivateKey()), body},
			{"the same JSON in other bytes", good, strings.Replace(body, ":", ": ", 1)},
			{"another body", good, `{}`},
			{"no body", good, ""},
			{"too old", sign(t.T, "msg_good", now.Add(-signature.Tolerance-time.Minute), body, key), body},
			{"too new", sign(t.T, "msg_good", now.Add(signature.Tolerance+time.Minute), body, key), body},
			{"another time", with(good, signature.HeaderTimestamp, strconv.FormatInt(now.Unix()-1, 10)), body},
			{"a time that is no number", with(good, signature.HeaderTimestamp, "now"), body},
			{"another id", with(good, signature.HeaderID, "msg_other"), body},
			{"an id that leads out of the folder", with(good, signature.HeaderID, "../msg_good"), body},
			{"no id", with(good, signature.HeaderID, ""), body},
			{"no time", with(good, signature.HeaderTimestamp, ""), body},
			{"no signature", with(good, signature.HeaderSignature, ""), body},
			{"an empty signature", with(good, signature.HeaderSignature, "v1,"), body},
			{"half a signature", with(good, signature.HeaderSignature, value[:20]), body},
			{"an unknown version", with(good, signature.HeaderSignature, "v2"+strings.TrimPrefix(value, "v1")), body},
			{"no version", with(good, signature.HeaderSignature, strings.TrimPrefix(value, "v1,")), body},
			{"a signature that is not ASCII", with(good, signature.HeaderSignature, "v1,žluťoučký"), body},
		} {
			result := receiver.deliver(tt.header, tt.body)
			require.NoError(t, result.Err, tt.name)
			require.Equal(t, http.StatusUnauthorized, result.Status, tt.name)
		}
		require.True(t, receiver.deliver(good, body).OK())
		require.Equal(t, "msg_good", receiver.next().ID, "nothing was worked on before")
	})
}

func TestDelivery_52_RecipesVerifyEd25519(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		private := signature.GeneratePrivateKey()
		public := publicKey(t.T, private)
		if !t.ed25519 {
			refusesToStart(t.T, t.recipe, public)
			return
		}
		receiver, now := t.start(t.T, public), time.Now()
		require.True(t, receiver.deliver(sign(t.T, "msg_one", now, body, private), body).OK())
		require.True(t, receiver.deliver(sign(t.T, "msg_middle", now, body, signature.GenerateSecret(), private, signature.GeneratePrivateKey()), body).OK())
		// Whoever knows the public key must not be able to sign with it as if it were shared.
		confused, err := signature.ParseSecret("whsec_" + strings.TrimPrefix(public, "whpk_"))
		require.NoError(t, err)
		forged := sign(t.T, "msg_forged", now, body, confused).Get(signature.HeaderSignature)
		for name, header := range map[string]http.Header{
			"another key":         sign(t.T, "msg_bad", now, body, signature.GeneratePrivateKey()),
			"the public key":      sign(t.T, "msg_bad", now, body, confused),
			"an HMAC as ed25519":  with(sign(t.T, "msg_forged", now, body, confused), signature.HeaderSignature, "v1a"+strings.TrimPrefix(forged, "v1")),
			"an empty key":        with(sign(t.T, "msg_bad", now, body, private), signature.HeaderSignature, underEmptyKey("msg_bad", now, body)),
			"nothing but zeroes":  with(sign(t.T, "msg_bad", now, body, private), signature.HeaderSignature, "v1a,"+base64.StdEncoding.EncodeToString(make([]byte, 64))),
			"another time":        with(sign(t.T, "msg_bad", now, body, private), signature.HeaderTimestamp, strconv.FormatInt(now.Unix()-1, 10)),
			"six minutes too old": sign(t.T, "msg_bad", now.Add(-6*time.Minute), body, private),
		} {
			require.Equal(t, http.StatusUnauthorized, receiver.deliver(header, body).Status, name)
		}
		require.Equal(t, "msg_one", receiver.next().ID)
		require.Equal(t, "msg_middle", receiver.next().ID)
	})
}

// underEmptyKey is an entry that everybody can make. A receiver that has a public key and no shared secret must not take it.
func underEmptyKey(id string, at time.Time, body string) string {
	mac := hmac.New(sha256.New, nil)
	fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestDelivery_52_RecipesDoNotStartWithoutAKey(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		for _, key := range []string{"", "whsec_", "whsec_MTIz", "whpk_MTIz", signature.GeneratePrivateKey().Reveal()} {
			refusesToStart(t.T, t.recipe, key)
		}
	})
}

func refusesToStart(t *testing.T, r recipe, key string) {
	t.Helper()
	command := r.command(t, t.TempDir(), key)
	timer := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	out, err := command.CombinedOutput()
	require.Error(t, err, "%s starts with the key %q", r.language, key)
	require.Contains(t, string(out), "HANDOFF_WEBHOOK_KEY must be the endpoint's whsec_…")
}

func TestDelivery_52_RecipesWorkOnceOnWhatComesTwice(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		first := t.start(t.T, key.Reveal())
		require.True(t, first.send(key, "msg_a", body).OK())
		require.True(t, first.send(key, "msg_a", body, "Handoff-Attempt", "2").OK(), "a repeat is answered like the first")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if result := first.send(key, "msg_b", body); !result.OK() {
					t.Errorf("a repeat at the same time: %d %v", result.Status, result.Err)
				}
			})
		}
		all.Wait()
		require.True(t, first.send(key, "msg_c", body).OK())
		for _, id := range []string{"msg_a", "msg_b", "msg_c"} {
			require.Equal(t, id, first.next().ID)
		}
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(first.dir, "webhooks", "msg_c.done"))
			return err == nil
		}, patience, time.Millisecond)
		first.kill()

		// A crash before the work was done is one that left no mark.
		require.NoError(t, os.Remove(filepath.Join(first.dir, "webhooks", "msg_b.done")))
		second := run(t.T, t.command(t.T, first.dir, key.Reveal()))
		require.Equal(t, "msg_b", second.next().ID, "what was answered is worked on after all")
		require.True(t, second.send(key, "msg_a", body).OK(), "what came before the restart is known")
		require.True(t, second.send(key, "msg_d", body).OK())
		require.Equal(t, "msg_d", second.next().ID)
	})
}

func TestDelivery_52_RecipesReadOurHeaders(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		receiver := t.start(t.T, key.Reveal())
		send := func(id, conversation, sequence, gap string) handled {
			headers := []string{"Handoff-Attempt", "3", "Handoff-Conversation", conversation, "Handoff-Sequence", sequence}
			if gap != "" {
				headers = append(headers, "Handoff-Gap", gap)
			}
			require.True(t, receiver.send(key, id, body, headers...).OK())
			return receiver.next()
		}
		want := handled{ID: "msg_2", Event: "outbound_message", Conversation: "c1", Sequence: 2, Attempt: 3, Body: body}
		require.Equal(t, want, send("msg_2", "c1", "2", ""))
		want.ID, want.Sequence, want.Gap = "msg_9", 9, true
		require.Equal(t, want, send("msg_9", "c1", "9", "true"))
		want.ID, want.Sequence, want.Gap, want.Late = "msg_5", 5, false, true
		require.Equal(t, want, send("msg_5", "c1", "5", ""), "sent again by hand, after later ones")
		want.ID, want.Sequence, want.Late = "msg_9b", 9, false
		require.Equal(t, want, send("msg_9b", "c1", "9", ""), "another webhook of the same event")
		want.ID, want.Conversation, want.Sequence = "msg_1", "c2", 1
		require.Equal(t, want, send("msg_1", "c2", "1", ""), "each conversation counts for itself")
		require.True(t, receiver.send(key, "msg_none", body).OK())
		require.Equal(t, handled{ID: "msg_none", Event: "outbound_message", Attempt: 1, Body: body}, receiver.next(), "an event of no conversation")
	})
}

func TestDelivery_52_RecipesSteerDelivery(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		receiver := t.start(t.T, key.Reveal())
		for _, unreadable := range []string{"", "{", "\xff", `{"a":"` + "\xc3" + `"}`} {
			result := receiver.send(key, "msg_unreadable", unreadable)
			require.Equal(t, http.StatusUnprocessableEntity, result.Status, "%q", unreadable)
			require.Equal(t, "abort-message", result.Header.Get("webhook-delivery"))
		}

		inbox := filepath.Join(receiver.dir, "webhooks")
		require.NoError(t, os.Rename(inbox, inbox+"-away"))
		result := receiver.send(key, "msg_a", body)
		require.Equal(t, http.StatusServiceUnavailable, result.Status, "what cannot be kept is not accepted")
		wait, ok := outbound.RetryAfter(result.Header, time.Now())
		require.True(t, ok)
		require.Equal(t, 30*time.Second, wait)
		require.NoError(t, os.Rename(inbox+"-away", inbox))
		require.True(t, receiver.send(key, "msg_a", body).OK())
		require.Equal(t, "msg_a", receiver.next().ID)

		probe := receiver.post.Do(t.Context(), outbound.Request{Method: http.MethodHead, URL: receiver.url})
		require.NoError(t, probe.Err, "something answers when the endpoint is saved")
		require.Equal(t, http.StatusMethodNotAllowed, probe.Status)
		tooBig := `"` + strings.Repeat("x", 8<<20) + `"`
		require.False(t, receiver.send(key, "msg_big", tooBig).OK())
		require.True(t, receiver.send(key, "msg_b", body).OK())
		require.Equal(t, "msg_b", receiver.next().ID)

		stopped := t.start(t.T, key.Reveal(), "STOP=1")
		require.Equal(t, http.StatusGone, stopped.send(key, "msg_a", body).Status)
		require.Equal(t, http.StatusUnauthorized, stopped.send(signature.GenerateSecret(), "msg_a", body).Status, "a stranger stops nothing")
	})
}
