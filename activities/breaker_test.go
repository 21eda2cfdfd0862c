package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fail lets so many contacts' webhooks fail, each once, from the given contact on.
func (c *crowd) fail(from, n int) {
	c.Helper()
	c.answers(http.StatusInternalServerError)
	for i := range n {
		require.True(c, c.tries(from+i), "contact %d", from+i)
	}
}

func (c *crowd) succeed(from, n int) {
	c.Helper()
	c.answers(http.StatusOK)
	for i := range n {
		require.True(c, c.tries(from+i), "contact %d", from+i)
	}
}

func TestDelivery_29_TenFailuresOpenTheBreakerForHalfAMinute(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 12, 1)
	c.fail(0, 9)
	require.Nil(t, c.endpoint().OpenUntil, "nine are too few to judge by")
	c.fail(9, 1)
	require.WithinDuration(t, c.now.Add(30*time.Second), *c.endpoint().OpenUntil, time.Millisecond)

	before := len(c.Gateway.Requests())
	another := c.anotherWorker()
	for _, after := range []time.Duration{0, 10 * time.Second, 19999 * time.Millisecond} {
		c.now = c.now.Add(after)
		for n := range c.refs {
			wait, reason := c.lane(another, n, c.Endpoint.ID)
			require.Positive(t, wait)
			require.Contains(t, reason, "fails too often", "contact %d", n)
		}
	}
	require.Len(t, c.Gateway.Requests(), before, "nothing leaves while it is open, by whichever worker")
	require.Equal(t, 10, c.Count(t, "deliveries", "attempts = 1 AND step = 1"))
	require.Equal(t, 2, c.Count(t, "deliveries", "attempts = 0 AND step = 0 AND first_attempt_at IS NULL"), "waits count for nothing")
	require.Equal(t, 10, c.Count(t, "delivery_attempts", "true"))
}

func TestDelivery_29_BelowSeventyPercentItStaysClosed(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 20, 1)
	c.succeed(0, 4)
	c.fail(4, 9)
	require.Nil(t, c.endpoint().OpenUntil, "9 of 13 are 69 %")
	c.fail(13, 1)
	require.NotNil(t, c.endpoint().OpenUntil, "10 of 14 are 71 %")
}

func TestDelivery_29_WhatIsOlderThanFiveMinutesIsForgotten(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 20, 1)
	c.fail(0, 9)
	c.now = c.now.Add(5*time.Minute + time.Second)
	c.fail(9, 9)
	require.Nil(t, c.endpoint().OpenUntil)
	c.fail(18, 1)
	require.NotNil(t, c.endpoint().OpenUntil)
}

// What somebody asks for by hand is no evidence: replaying what failed must not close the way for what is new.
func TestDelivery_29_FailuresOfReplaysDoNotCount(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 1)
	c.answers(http.StatusInternalServerError)
	c.Exec(t, "UPDATE deliveries SET next_attempt_at = $1", c.now.Add(time.Hour))
	for range 15 {
		c.Exec(t, "UPDATE deliveries SET manual_at = now(), manual_count = 1")
		require.True(t, c.tries(0))
	}
	require.Equal(t, 15, c.Count(t, "delivery_attempts", "trigger = 'manual' AND healthy IS NULL"))
	after := c.endpoint()
	require.Nil(t, after.OpenUntil)
	require.Nil(t, after.FailingSince)
	require.Zero(t, after.Failures)
}

// open opens the breaker with the first ten contacts, and lets its half minute pass.
func (c *crowd) open() {
	c.Helper()
	c.fail(0, 10)
	require.NotNil(c, c.endpoint().OpenUntil)
	c.now = c.now.Add(30 * time.Second)
}

func TestDelivery_29_HalfOpenItLetsOneThroughOfAllWorkers(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 30, 1)
	c.open()
	g, another := newGate(c.scene), c.anotherWorker()
	type outcome struct {
		reason string
		err    error
	}
	lanes := make(chan outcome, len(c.refs))
	for n := range c.refs {
		worker := c.Activities
		if n%2 == 1 {
			worker = another
		}
		go func() {
			_, reason, err := runLane(worker, c.refs[n], c.Endpoint.ID)
			lanes <- outcome{reason, err}
		}()
	}
	probe := <-g.arrived
	for range len(c.refs) - 1 {
		refused := <-lanes
		require.NoError(t, refused.err)
		require.Contains(t, refused.reason, "fails too often")
	}
	require.Empty(t, g.arrived)
	probe <- http.StatusOK
	require.Equal(t, outcome{}, <-lanes)
	require.Equal(t, 11, c.Count(t, "delivery_attempts", "true"))
	require.Nil(t, c.endpoint().OpenUntil, "its success closes the breaker")
}

func TestDelivery_29_ASuccessClosesItAndAFailureOpensItAgain(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 20, 1)
	c.open()
	c.fail(10, 1)
	require.WithinDuration(t, c.now.Add(30*time.Second), *c.endpoint().OpenUntil, time.Millisecond, "one failure is enough")
	require.False(t, c.tries(11))

	c.now = c.now.Add(30 * time.Second)
	c.succeed(11, 1)
	closed := c.endpoint()
	require.Nil(t, closed.OpenUntil)
	require.Nil(t, closed.FailingSince)
	require.Zero(t, closed.Failures)
	require.Equal(t, c.now, closed.JudgedFrom.UTC())
	c.fail(12, 8)
	require.Nil(t, c.endpoint().OpenUntil, "failures before the success are no evidence any more")
}

// A worker that dies with the one attempt in its hands keeps the way closed for another half minute, and no longer.
func TestDelivery_29_ACrashedProbeFreesTheWay(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 13, 1)
	c.open()
	g := newGate(c.scene)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = runLane(c.anotherWorker(), c.refs[10], c.Endpoint.ID)
	}()
	lost := <-g.arrived // and no answer comes
	wait, reason := c.lane(c.Activities, 11, c.Endpoint.ID)
	require.Positive(t, wait)
	require.Contains(t, reason, "fails too often")
	start := c.now
	c.now = start.Add(30 * time.Second)
	second := make(chan error, 1)
	go func() { _, _, err := runLane(c.Activities, c.refs[11], c.Endpoint.ID); second <- err }()
	(<-g.arrived) <- http.StatusOK
	require.NoError(t, <-second)
	require.Nil(t, c.endpoint().OpenUntil)
	lost <- http.StatusOK
	<-done
}

// A throttling answer says nothing of whether the endpoint is ill, and the way stays closed for another half minute.
func TestDelivery_29_AProbeThatIsToldTooManyRequestsDecidesNothing(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 13, 1)
	c.open()
	c.answers(http.StatusTooManyRequests)
	require.True(t, c.tries(10))
	require.False(t, c.tries(11))
	c.now = c.now.Add(30 * time.Second)
	c.succeed(11, 1)
	require.Nil(t, c.endpoint().OpenUntil)
}
