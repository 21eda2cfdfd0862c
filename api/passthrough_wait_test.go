package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegraph"
)

func TestAMessageThatIsNotSettledInTimeIsKept(t *testing.T) {
	t.Parallel()
	p := newPassage(t).hurried(t)
	p.asleep = true
	got := p.send(t, passedTemplate, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.EqualValues(t, 202, got.field("statusCode"))
	require.Equal(t, "queued", got.text("data.status"))
	id := got.text("data.message_id")
	require.Equal(t, id, got.header.Get("Handoff-Message-Id"))
	shown := p.do(t, "GET", p.path()+"/"+id, p.gateway, nil).is(http.StatusOK)
	require.Equal(t, "queued", shown.text("status"))

	again := p.send(t, passedTemplate, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.Equal(t, id, again.text("data.message_id"))
	require.Equal(t, 1, p.Count(t, "deliveries", "true"))
	require.Len(t, p.waker.all(), 1)

	p.deliver(p.waker.all()[0])
	again = p.send(t, passedTemplate, "Idempotency-Key", "k").is(http.StatusOK)
	require.Equal(t, p.graph.Sent()[0].ID, again.text("data.messages.0.id"))
	replayed := p.send(t, passedTemplate, "Idempotency-Key", "k").is(http.StatusOK)
	require.Equal(t, "true", replayed.header.Get("Idempotent-Replayed"))
	require.Equal(t, string(again.body), string(replayed.body))
	p.send(t, passedText, "Idempotency-Key", "k").refused(http.StatusConflict, handoff.CodeConflict)
	require.Len(t, p.graph.Sent(), 1)
}

func TestAThrottledMessageIsKeptAndSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	p := newPassage(t).hurried(t)
	p.asleep = true
	p.graph.Fail(fakegraph.Fault{Path: "/messages", Code: 130429})
	p.send(t, passedTemplate, "Idempotency-Key", "k").is(http.StatusAccepted)
	p.deliver(p.waker.all()[0])
	got := p.send(t, passedTemplate, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.Contains(t, got.text("message"), "not sent yet: ")
}

// There is no idempotency key at Meta: what may have left is not sent again.
func TestAMessageOfWhichNobodyKnowsWhetherItLeftIsUncertain(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	p.graph.Fail(fakegraph.Fault{Path: "/messages", Hang: true})
	got := p.send(t, passedText, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.Equal(t, "uncertain", got.text("status"))
	id := got.text("message_id")
	shown := p.do(t, "GET", p.path()+"/"+id, p.gateway, nil).is(http.StatusOK)
	require.Equal(t, "uncertain", shown.text("status"))
	again := p.send(t, passedText, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.Equal(t, id, again.text("message_id"))
	require.Len(t, p.graph.Sent(), 1)
}

func TestEqualRequestsWithoutAKeyAreTwoMessages(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	first := p.send(t, passedText).is(http.StatusOK)
	second := p.send(t, passedText).is(http.StatusOK)
	require.NotEqual(t, first.text("messages.0.id"), second.text("messages.0.id"))
	require.Len(t, p.graph.Sent(), 2)
}

func TestRequestsAtOnceWithOneKeyAreOneMessage(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	wamids := make([]string, 10)
	var all sync.WaitGroup
	for i := range wamids {
		all.Go(func() {
			got := p.send(t, passedText, "Idempotency-Key", "k")
			wamids[i] = got.text("messages.0.id")
		})
	}
	all.Wait()
	for _, wamid := range wamids {
		require.Equal(t, p.graph.Sent()[0].ID, wamid)
	}
	require.Len(t, p.graph.Sent(), 1)
}

// A program that hangs up asks again with its key, and hears what became of its message.
func TestARequestThatIsGoneDoesNotWait(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	p.asleep = true
	ctx, cancel := context.WithCancel(t.Context())
	p.woken = cancel
	request := httptest.NewRequestWithContext(ctx, "POST", p.path(), strings.NewReader(passedText))
	request.Header.Set("X-API-Key", p.gateway)
	request.Header.Set("Idempotency-Key", "k")
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, request)
	require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	p.deliver(p.waker.all()[0])
	p.send(t, passedText, "Idempotency-Key", "k").is(http.StatusOK)
	require.Len(t, p.graph.Sent(), 1)
}
