package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
)

// TestPassthroughOrder forwards fifty messages of five contacts, two contacts in a body, to a program that is slow and fails now and
// then: each contact's messages arrive in their order, and each body is taken once.
func TestPassthroughOrder(t *testing.T) {
	t.Parallel()
	const contacts, each = 5, 10
	s := newStack(t)
	l := s.line("passthrough", "106540352242904")
	r := l.receiver()
	var bodies []string
	said := [contacts]int{}
	say := func(contact int) string {
		said[contact]++
		return fmt.Sprintf(`{"from":"3460000010%d","id":"wamid.%d-%02d","timestamp":"%d","type":"text","text":{"body":"%d"}}`,
			contact, contact, said[contact], time.Now().Unix(), said[contact])
	}
	for i := range contacts * each / 2 {
		// Each contact shares bodies with two others, and each body waits for what came before it of either contact.
		bodies = append(bodies, l.webhook("messages", `"messages":[`+say(2*i%contacts)+`,`+say((2*i+1)%contacts)+`]`))
	}
	// The third and the twelfth body are refused once.
	var mu sync.Mutex
	refused := map[string]bool{bodies[2]: true, bodies[11]: true}
	r.AnswerTo(func(body string) int {
		mu.Lock()
		defer mu.Unlock()
		<-time.After(5 * time.Millisecond)
		if refused[body] {
			delete(refused, body)
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	for _, body := range bodies {
		into[receipt](t, l.meta(body), http.StatusOK)
	}
	taken := func() []string {
		var out []string
		for _, hook := range r.hooks() {
			if hook.Status == http.StatusOK {
				out = append(out, hook.Body)
			}
		}
		return out
	}
	until(t, readyWithin, "every body has arrived", func() bool { return len(taken()) >= len(bodies) })
	require.ElementsMatch(t, bodies, taken(), "each once")
	require.Len(t, r.hooks(), len(bodies)+2)
	whole := strings.Join(taken(), "\n")
	for contact := range contacts {
		last := -1
		for n := 1; n <= each; n++ {
			at := strings.Index(whole, fmt.Sprintf("wamid.%d-%02d", contact, n))
			require.Greater(t, at, last, "message %d of contact %d", n, contact)
			last = at
		}
	}
	for i := range bodies {
		r.hook(t, i+1) // its signature
	}
	l.nobodySees()
}

// TestPassthroughErrors is what Meta answers when it does not take a message, and when nobody knows whether it did.
func TestPassthroughErrors(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	l := s.line("passthrough", "106540352242905")
	r := l.receiver()
	s.graph.Statuses()
	s.graph.Notify(l.address(), metaAppSecret, "")
	l.onceEach()
	l.neverRetried()
	l.retried()
	l.lostAnswer(r)
	l.refusedToken()
}

// words is a text in the vendor's form.
func words(to, body string) string {
	return fmt.Sprintf(`{"recipient":%q,"channel":"whatsapp","type":"text","text":{"body":%q}}`, to, body)
}

// onceEach repeats a request with its Idempotency-Key, one after the other and at once.
func (l *line) onceEach() {
	l.Helper()
	answers := make([]answer, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			for answers[i].status == 0 || answers[i].status == http.StatusConflict || unsettled(answers[i]) {
				a, err := send(http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+"/messages", l.gatewayKey,
					[]byte(words("34600000200", "once")), "Idempotency-Key", "order-12345")
				if err != nil {
					return
				}
				answers[i] = a
			}
		})
	}
	all.Wait()
	require.Len(l, l.sent(), 1)
	again := l.pass(words("34600000200", "once"), "Idempotency-Key", "order-12345")
	for _, a := range append(answers, again) {
		require.Equal(l, http.StatusOK, a.status, "%s", a.body)
		require.Equal(l, string(answers[0].body), string(a.body))
	}
	require.Len(l, l.sent(), 1)
	requireProblem(l.T, l.pass(words("34600000200", "twice"), "Idempotency-Key", "order-12345"), http.StatusConflict, "conflict")
}

// neverRetried is the closed service window: Meta's error, in either form.
func (l *line) neverRetried() {
	l.Helper()
	before := len(l.sent())
	l.fails(fakegraph.Fault{Code: 131047, Times: 2})
	refused := into[vendorAnswer](l.T, l.pass(words("34600000201", "too late")), http.StatusUnprocessableEntity)
	require.Equal(l, 422, refused.StatusCode)
	require.NotEmpty(l, refused.Message)
	var data metaAnswer
	require.NoError(l, json.Unmarshal(refused.Data, &data))
	require.Equal(l, 131047, data.Error.Code)
	meta := l.pass(`{"messaging_product":"whatsapp","to":"34600000201","type":"text","text":{"body":"too late"}}`)
	require.Equal(l, 131047, into[metaAnswer](l.T, meta, http.StatusUnprocessableEntity).Error.Code)
	require.Equal(l, 200, into[vendorAnswer](l.T, l.pass(words("34600000201", "in time")), http.StatusOK).StatusCode, "the fault was asked twice only")
	require.Len(l, l.sent(), before+1)
}

// retried are the errors that pass: the limit of one customer, and Meta's own.
func (l *line) retried() {
	l.Helper()
	before := len(l.sent())
	for i, code := range []int{131056, 131000} {
		l.fails(fakegraph.Fault{Code: code})
		to := fmt.Sprintf("3460000021%d", i)
		began := time.Now()
		a := into[vendorAnswer](l.T, l.pass(words(to, "patience")), http.StatusOK)
		require.Equal(l, 200, a.StatusCode, "%d", code)
		require.Greater(l, time.Since(began), time.Second, "%d asks for a wait", code)
		require.Len(l, l.sent(), before+i+1)
	}
}

// lostAnswer is a send that Meta took, and whose answer never came. It is not sent again; its status tells.
func (l *line) lostAnswer(r *receiver) {
	l.Helper()
	before, hooks := len(l.sent()), len(r.hooks())
	l.fails(fakegraph.Fault{Hang: true})
	body := words("34600000220", "did it leave?")
	first := l.pass(body, "Idempotency-Key", "lost-1")
	var state struct {
		MessageID  string `json:"message_id"`
		Status     string `json:"status"`
		ExternalID string `json:"external_id"`
	}
	require.NoError(l, json.Unmarshal(into[vendorAnswer](l.T, first, http.StatusAccepted).Data, &state))
	require.Equal(l, "uncertain", state.Status)
	require.Equal(l, first.header.Get("Handoff-Message-Id"), state.MessageID)
	again := l.pass(body, "Idempotency-Key", "lost-1")
	require.Equal(l, http.StatusAccepted, again.status)
	require.Equal(l, state.MessageID, again.header.Get("Handoff-Message-Id"))
	sent := l.sent()
	require.Len(l, sent, before+1, "it left once")
	require.Equal(l, state.MessageID, sent[before].CallbackData)

	requirePosted(l.T)(l.graph.Status(sent[before].ID, "delivered", 0))
	hook := r.hook(l.T, hooks+1)
	require.Contains(l, hook.Body, `"biz_opaque_callback_data":"`+state.MessageID+`"`)
	until(l.T, readyWithin, "the status tells that it left", func() bool {
		a := call(l.T, http.MethodGet, l.url+"/v1/passthrough/"+l.inbox+"/messages/"+state.MessageID, l.gatewayKey, nil)
		require.Equal(l, http.StatusOK, a.status, "%s", a.body)
		require.NoError(l, json.Unmarshal(a.body, &state))
		return state.Status == "delivered"
	})
	require.Equal(l, sent[before].ID, state.ExternalID)
	settled := into[vendorAnswer](l.T, l.pass(body, "Idempotency-Key", "lost-1"), http.StatusOK)
	require.Contains(l, string(settled.Data), sent[before].ID)
	require.Len(l, l.sent(), before+1)
}

// refusedToken keeps what is asked for while Meta refuses the token, until a valid one is saved.
func (l *line) refusedToken() {
	l.Helper()
	before := len(l.sent())
	l.graph.Token(l.metaToken, false)
	kept := l.pass(words("34600000230", "kept"), "Idempotency-Key", "kept-1")
	require.Equal(l, 503, into[vendorAnswer](l.T, kept, http.StatusServiceUnavailable).StatusCode)
	require.NotContains(l, string(kept.body), l.metaToken)
	next := l.pass(words("34600000231", "not kept"))
	require.Equal(l, http.StatusServiceUnavailable, next.status, "%s", next.body)
	require.Len(l, l.sent(), before)
	l.graph.Token("EAAnewtoken", true)
	l.make("inbox", "update", "--account="+l.account, l.inbox, "--access-token=EAAnewtoken")
	until(l.T, readyWithin, "what was kept has left", func() bool { return len(l.sent()) == before+1 })
	require.Contains(l, string(l.sent()[before].Body), "kept")
	require.Equal(l, http.StatusOK, l.pass(words("34600000230", "kept"), "Idempotency-Key", "kept-1").status)
	require.Len(l, l.sent(), before+1)
}
