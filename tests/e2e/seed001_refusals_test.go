package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakechatlayer"
)

// asks is an offload of one of many sessions, with one turn before it.
func (b *chatlayerBot) asks(session string) fakechatlayer.Offload {
	return fakechatlayer.Offload{
		BotID: chatlayerBotID, Version: "LIVE", SessionID: session, Timestamp: b.next(),
		Transcript: b.entries([]turn{{"user", fmt.Sprintf(`{"messageType":"text","text":"I am %s"}`, session), ""}}),
	}
}

// TestChatlayerOffloads asks for people in several inboxes of one stack.
func TestChatlayerOffloads(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	t.Run("a full queue sends the user back to the bot", func(t *testing.T) {
		t.Parallel()
		b := newChatlayerBot(t, s, "--queue-limit=1")
		b.offload(b.asks("first"), pageOffloaded)
		b.offload(b.asks("second"), pageRefused)
		b.offload(b.asks("first"), pageOffloaded) // who waits already keeps waiting
		conv := b.onlyOpen()
		into[conversation](t, b.command(b.anaKey, conv.ID, "claim", nil), http.StatusOK)
		b.offload(b.asks("third"), pageOffloaded) // nobody waits any more
		until(t, readyWithin, "the two who were taken", func() bool { return len(b.conversations("")) == 2 })
		for _, c := range b.conversations("") {
			require.NotEqual(t, "second", c.Contact.Identities[0].Value, "a refused offload opens nothing")
		}
	})
	t.Run("so does a closed inbox", func(t *testing.T) {
		t.Parallel()
		b := newChatlayerBot(t, s, "--no-accepting")
		b.offload(b.asks("first"), pageRefused)
		b.open(true)
		b.offload(b.asks("second"), pageOffloaded)
		require.Equal(t, "second", b.onlyOpen().Contact.Identities[0].Value)
		b.open(false)
		b.offload(b.asks("third"), pageRefused)
		require.Len(t, b.conversations(""), 1)
	})
	t.Run("older copies of the page say type for event", func(t *testing.T) {
		t.Parallel()
		b := newChatlayerBot(t, s)
		b.post(`{"type":"messages","botId":"ko3123ze","version":"LIVE","sessionId":"7","messages":[{"actor":"bot","message":{"text":"Hello"}}]}`)
		offloaded := b.post(`{"type":"offload","botId":"ko3123ze","version":"LIVE","sessionId":"7","payload":{},"transcript":[]}`)
		require.Equal(t, compacted(t, pageOffloaded), offloaded)
		conv := b.onlyOpen()
		require.Equal(t, []string{"bot text Hello", "system offload "}, seen(b.messages(conv.ID)))
	})
	t.Run("another bot's sessions are refused", func(t *testing.T) {
		t.Parallel()
		b := newChatlayerBot(t, s)
		answer, err := b.calls.Post(t.Context(), []byte(`{"event":"offload","botId":"another","sessionId":"8","transcript":[]}`))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnprocessableEntity, answer.Status, "%s", answer.Body)
		require.Empty(t, b.conversations(""))
	})
}

// post posts any body and gives the answer, which has to be as the page wants it.
func (b *chatlayerBot) post(body string) string {
	b.Helper()
	answer, err := b.calls.Post(b.Context(), []byte(body))
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, answer.Status, "%s", answer.Body)
	require.True(b, json.Valid(answer.Body))
	return string(answer.Body)
}

// open opens the inbox for offloads, or closes it, by the API.
func (b *chatlayerBot) open(accepting bool) {
	b.Helper()
	changed := call(b.T, http.MethodPatch, b.url+"/v1/inboxes/"+b.inboxID, b.adminKey, map[string]bool{"accepting": accepting})
	require.Equal(b, accepting, into[map[string]any](b.T, changed, http.StatusOK)["accepting"])
}

// TestChatlayerWithTemporalDown asks for people while no workflow can run: the bot has its answer at once, and it holds.
func TestChatlayerWithTemporalDown(t *testing.T) {
	t.Parallel()
	temporal := newTemporal(t)
	s := newStackOn(t, temporal.address())
	b, closed := newChatlayerBot(t, s, "--queue-limit=2"), newChatlayerBot(t, s)
	closed.open(false)
	temporal.stop(t)

	b.tell(b.userIn(b.entries([]turn{{"user", `{"messageType":"text","text":"Anybody?"}`, ""}})[0]))
	again := b.asks("first")
	for range 2 {
		b.offload(again, pageOffloaded)
	}
	mine := b.asks(chatlayerSession)
	b.offload(mine, pageOffloaded)
	b.offload(b.asks("third"), pageRefused)
	closed.offload(closed.asks("first"), pageRefused)
	b.tell(b.userIn(b.entries([]turn{{"user", `{"messageType":"text","text":"Still there?"}`, ""}})[0]))

	require.NoError(t, temporal.start(t.Context()))
	b.ready(b.url)
	until(t, readyWithin, "both who were taken", func() bool { return len(b.conversations("?status=waiting")) == 2 })
	for _, c := range b.conversations("") {
		want := []string{"contact text I am first", "system offload "}
		if c.Contact.Identities[0].Value == chatlayerSession {
			want = []string{
				"contact text Anybody?", "contact text I am " + chatlayerSession, "system offload ", "contact text Still there?",
			}
		}
		until(t, readyWithin, "every turn", func() bool { return len(b.messages(c.ID)) >= len(want) })
		require.Equal(t, want, seen(b.messages(c.ID)))
	}
	require.Empty(t, closed.conversations(""))
}
