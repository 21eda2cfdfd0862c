package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	orderContacts = 200
	orderMessages = 20 // of each contact
	orderSenders  = 8
)

// TestDelivery_26_OrderOfEachConversationOverABadNetwork writes into 200 conversations at once while the network to the receiver is
// slow, cuts writes into pieces and resets connections, and the receiver fails at random. A vendor's body has no place for a sequence,
// so that it is in a header; by it, and by what was written, the first success of each event is in its conversation's order.
func TestDelivery_26_OrderOfEachConversationOverABadNetwork(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newStack(t, "message.received")
	receiver := newUnreliable(t, rand.New(rand.NewPCG(seed, 0)))
	network := newBadNetwork(t, receiver.url)
	a := call(t, http.MethodPatch, s.url+"/v1/endpoints/"+s.endpoint, s.adminKey, map[string]string{"url": network.url})
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)

	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	weather, clear := context.WithCancel(ctx)
	defer clear()
	changed := make(chan error, 1)
	go func() { changed <- s.weather(weather, network, receiver) }()
	began := time.Now()
	var load errgroup.Group
	for sender := range orderSenders {
		load.Go(func() error { return s.writeInTurns(ctx, sender) })
	}
	require.NoError(t, load.Wait())
	accepted := time.Now()
	const want = orderContacts * orderMessages
	if !waitFor(4*time.Minute, func() bool { return receiver.successes() >= want }) {
		s.explainStuck()
		t.Fatalf("%d of %d webhooks have arrived", receiver.successes(), want)
	}
	clear()
	require.NoError(t, <-changed)
	t.Logf("%d webhooks, accepted in %s, delivered in %s, %d refused by the receiver, %d attempts on broken connections, %d arrived twice", want,
		accepted.Sub(began).Round(time.Millisecond), time.Since(began).Round(time.Millisecond), receiver.refusals(), s.broken(ctx),
		len(receiver.requests())-receiver.refusals()-want)
	require.NotZero(t, receiver.refusals())
	require.NotZero(t, s.broken(ctx))
	s.requireFirstSuccessesInOrder(receiver)
}

// writeInTurns writes for its part of the contacts, a message of each in turn.
func (s *stack) writeInTurns(ctx context.Context, sender int) error {
	for n := range orderMessages {
		for contact := sender; contact < orderContacts; contact += orderSenders {
			body := text(crashPhone(contact), fmt.Sprintf("wamid.%d.%d", contact, n), fmt.Sprint(n))
			if _, err := s.insist(ctx, http.StatusOK, http.MethodPost, "/v1/public/inbound", s.gatewayKey, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// weather makes connections break for a while, then has the receiver fail and cuts what is sent into pieces, and then leaves all alone until
// what failed has gone through. The second attempt comes after 5 seconds and the third after 5 minutes, for which there is no time: no second
// one may meet what breaks it.
func (s *stack) weather(ctx context.Context, network *badNetwork, receiver *unreliable) error {
	database, err := pgx.Connect(ctx, s.databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close(context.WithoutCancel(ctx)) }()
	// Where nothing has ever gone through, the endpoint's breaker would open: that is another test.
	for receiver.successes() < orderContacts && pause(ctx, 100*time.Millisecond) {
	}
	for pause(ctx, time.Second) {
		err := breakConnections(ctx, database, network)
		receiver.failing.Store(true)
		for refused := receiver.refusals(); err == nil && ctx.Err() == nil && receiver.refusals() == refused; {
			err = network.during(ctx, 2*time.Second, sliced)
		}
		receiver.failing.Store(false)
		if err == nil {
			err = awaitOutcomes(ctx, database, time.Now())
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// breakConnections does so in bursts: whoever has got through keeps the connection. On a busy machine five may meet no request. It stops in
// good time before the second attempt of the first that it broke.
func breakConnections(ctx context.Context, database *pgx.Conn, network *badNetwork) error {
	began := time.Now()
	for bursts, broken, felt := 0, 0, 0.0; bursts < 5 && felt < 2 || broken == 0; bursts++ {
		if err := network.during(ctx, 100*time.Millisecond, resets); err != nil {
			return err
		}
		if !pause(ctx, 300*time.Millisecond) {
			return ctx.Err()
		}
		err := database.QueryRow(ctx, `SELECT count(*), coalesce(max(extract(epoch FROM now() - started_at)) FILTER (WHERE started_at >= $1), 0)
			FROM delivery_attempts WHERE error IS NOT NULL`, began).Scan(&broken, &felt)
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitOutcomes waits until every attempt that began before a time has ended, and what failed has gone through.
func awaitOutcomes(ctx context.Context, database *pgx.Conn, before time.Time) error {
	for open := 1; open > 0; {
		err := database.QueryRow(ctx, `SELECT count(*) FROM deliveries d WHERE state = 'pending' AND (step > 0 OR EXISTS (
			SELECT FROM delivery_attempts a WHERE a.delivery_id = d.id AND a.status IS NULL AND a.error IS NULL AND a.started_at < $1))`, before).Scan(&open)
		if err != nil {
			return err
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// brokenAttempts counts those that had no answer.
const brokenAttempts = "SELECT count(*) FROM delivery_attempts WHERE error IS NOT NULL"

func (s *stack) broken(ctx context.Context) (n int) {
	s.Helper()
	database, err := pgx.Connect(ctx, s.databaseURL)
	require.NoError(s, err)
	defer func() { _ = database.Close(ctx) }()
	require.NoError(s, database.QueryRow(ctx, brokenAttempts).Scan(&n))
	return n
}

// requireFirstSuccessesInOrder checks that the first success of each webhook of a conversation is that of the next event, and that
// nothing is missing.
func (s *stack) requireFirstSuccessesInOrder(receiver *unreliable) {
	s.Helper()
	seen, last, written := map[string]bool{}, map[string]int64{}, map[string]int{}
	for _, r := range receiver.requests() {
		s.verify(r)
		id := r.Header.Get("webhook-id")
		if r.Status != http.StatusOK || seen[id] {
			continue
		}
		seen[id] = true
		require.Empty(s, r.Header.Get("Handoff-Gap"))
		conversation := r.Header.Get("Handoff-Conversation")
		sequence, err := strconv.ParseInt(r.Header.Get("Handoff-Sequence"), 10, 64)
		require.NoError(s, err)
		require.Greater(s, sequence, last[conversation], "the order of conversation %s", conversation)
		last[conversation] = sequence
		require.Contains(s, r.Body, fmt.Sprintf(".%d\"", written[conversation]), "the order in which the contact wrote")
		written[conversation]++
	}
	require.Len(s, seen, orderContacts*orderMessages)
	require.Len(s, written, orderContacts)
	for conversation, n := range written {
		require.Equal(s, orderMessages, n, conversation)
	}
}
