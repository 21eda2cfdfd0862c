package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"handoff/internal/fixture"
)

func webhookIDs(requests []fixture.Request) map[string]bool {
	ids := map[string]bool{}
	for _, r := range requests {
		ids[r.Header.Get("webhook-id")] = true
	}
	return ids
}

// requireTold checks what the API tells of each contact: one conversation that ended once, with every message once and in order.
func (s *stack) requireTold(webhooks int) {
	s.Helper()
	all := pages[conversation](s.T, s.url+"/v1/conversations", s.anaKey)
	require.Len(s, all, crashContacts)
	var want []string
	for n := range crashMessages {
		want = append(want, strconv.Itoa(n))
	}
	want = append(want, "bye")
	for _, c := range all {
		require.Equal(s, "ended", c.Status)
		require.Equal(s, "resolved", c.EndReason)
		var said []string
		for _, m := range s.messages(c.ID) {
			said = append(said, m.Text)
		}
		require.Equal(s, want, said, "contact %s", c.Contact.Identities[0].Value)
		s.requireEventsEnd(c.ID)
	}
	require.Len(s, webhookIDs(s.gateway.Requests()), webhooks)
}

// requireEventsEnd checks that a conversation's events are numbered without a gap, to the end, which is the last.
func (s *stack) requireEventsEnd(id string) {
	s.Helper()
	// Events wait for the oldest transaction of the whole PostgreSQL server, which other tests share.
	var events []event
	until(s.T, readyWithin, "the last event", func() bool {
		events = pages[event](s.T, s.url+"/v1/conversations/"+id+"/events", s.anaKey)
		return len(events) > 0 && slices.ContainsFunc(events, func(e event) bool { return e.Type == "conversation.ended" })
	})
	var last event
	var n int64
	for _, e := range events {
		if e.Seq == nil {
			continue // what became of a message after the end
		}
		n++
		require.Equal(s, n, *e.Seq)
		last = e
	}
	require.Equal(s, "conversation.ended", last.Type)
}

// requireWebhooksInOrder checks the webhooks as they arrived: a repeated one has the same id and bytes, the first arrivals of a
// conversation are in its order, and no message has two.
func (s *stack) requireWebhooksInOrder(want int) {
	s.Helper()
	bodies, last, messages := map[string]string{}, map[string]int64{}, map[string]bool{}
	for _, r := range s.gateway.Requests() {
		s.verify(r)
		id := r.Header.Get("webhook-id")
		if earlier, repeated := bodies[id]; repeated {
			require.Equal(s, earlier, r.Body)
			continue
		}
		bodies[id] = r.Body
		conversation := r.Header.Get("Handoff-Conversation")
		seq, err := strconv.ParseInt(r.Header.Get("Handoff-Sequence"), 10, 64)
		require.NoError(s, err)
		require.Greater(s, seq, last[conversation], "the order of conversation %s", conversation)
		last[conversation] = seq
		about := messageOf(r)
		require.False(s, messages[about], "%s has two webhooks", about)
		messages[about] = true
	}
	require.Len(s, bodies, want)
}

// messageOf names what a webhook tells.
func messageOf(r fixture.Request) string {
	var reply struct { // of HitlChat's body, which carries no id
		Meta struct {
			Text struct {
				Body string `json:"body"`
			} `json:"text"`
		} `json:"meta_payload"`
	}
	_ = json.Unmarshal([]byte(r.Body), &reply) // another body has none of it
	return strings.Join([]string{r.Header.Get("Handoff-Event"), r.Header.Get("Handoff-Conversation"), externalID(r), reply.Meta.Text.Body}, " ")
}

// externalID is the gateway's own id of a message that a webhook tells of, in our own body.
func externalID(r fixture.Request) string {
	var native struct {
		Data struct {
			Message struct {
				ExternalID string `json:"external_id"`
			} `json:"message"`
		} `json:"data"`
	}
	_ = json.Unmarshal([]byte(r.Body), &native) // a vendor's body has none of it
	return native.Data.Message.ExternalID
}

func (s *stack) deliveries(state string) []json.RawMessage {
	s.Helper()
	url := fmt.Sprintf("%s/v1/deliveries?limit=100&state=%s", s.url, state)
	return into[list[json.RawMessage]](s.T, call(s.T, http.MethodGet, url, s.adminKey, nil), http.StatusOK).Items
}

// explainStuck logs what is still to be delivered, and what the workflows that should deliver it say.
func (s *stack) explainStuck() {
	s.Helper()
	for _, raw := range s.deliveries("pending") {
		s.Logf("pending: %s", raw)
		var about struct {
			ConversationID string `json:"conversation_id"`
		}
		require.NoError(s, json.Unmarshal(raw, &about))
		s.explain(s.conversation(about.ConversationID))
	}
}

// explainConversations logs what the workflows of some open conversations say.
func (s *stack) explainConversations() {
	s.Helper()
	for _, c := range into[list[conversation]](s.T, s.get("/v1/conversations?status=waiting,assigned&limit=3"), http.StatusOK).Items {
		s.explain(c)
	}
}

func (s *stack) explain(c conversation) {
	s.Helper()
	id := "conversation:" + s.inbox + ":" + c.Contact.ID
	described, err := s.temporal().DescribeWorkflowExecution(s.Context(), id, "")
	s.Logf("its workflow: %v %v", described, err)
	history := s.history(id)
	s.Logf("its history ends with:\n%s", written(history[max(0, len(history)-30):]))
}
