package activities_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refuse makes the gateway fail what contains one of the words.
func (c *crowd) refuse(words ...string) {
	c.Gateway.AnswerTo(func(body string) int {
		for _, word := range words {
			if strings.Contains(body, word) {
				return http.StatusInternalServerError
			}
		}
		return http.StatusOK
	})
}

// runs lets the first contact's lane run until it waits for longer than a moment, and gives that wait.
func (c *crowd) runs() time.Duration {
	c.Helper()
	for {
		pending := c.left(c.refs[0])
		wait, _ := c.lane(c.Activities, 0, c.Endpoint.ID)
		if wait > time.Second || !pending {
			return wait
		}
	}
}

// took are the ends of the texts that the gateway took, in order.
func (c *crowd) took() (out []string) {
	for _, r := range c.Gateway.Requests() {
		if r.Status == http.StatusOK {
			text := strings.SplitN(r.Body, "447700900000 ", 2)[1]
			out = append(out, text[:1])
		}
	}
	return out
}

func TestDelivery_26_BestEffortPassesByWhatFailsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 4)
	c.Exec(t, "UPDATE endpoints SET ordering = 'best_effort'")
	c.refuse(`900000 0"`)
	require.Equal(t, 5*time.Second, c.runs())
	require.Equal(t, []string{"1", "2", "3"}, c.took())
	requests := c.Gateway.Requests()
	require.Equal(t, "true", requests[1].Header.Get("Handoff-Gap"))
	require.Empty(t, requests[2].Header.Get("Handoff-Gap"))
	c.refuse()
	c.now = c.now.Add(5 * time.Second)
	require.Zero(t, c.runs())
	require.Equal(t, []string{"1", "2", "3", "0"}, c.took())
}

func TestDelivery_26_StrictOrderWaits(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 4)
	c.refuse(`900000 0"`)
	require.Equal(t, 5*time.Second, c.runs())
	require.Empty(t, c.took())
	c.refuse()
	c.now = c.now.Add(5 * time.Second)
	require.Zero(t, c.runs())
	require.Equal(t, []string{"0", "1", "2", "3"}, c.took())
}

// Two were passed by. The one that is due first is tried first, whichever was made first; and the last one, behind which only those
// stand, is passed by for nobody.
func TestDelivery_26_WhatWasPassedByKeepsToItsOwnTime(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 3)
	c.Exec(t, "UPDATE endpoints SET ordering = 'best_effort'")
	c.refuse(`900000 0"`)
	c.runs()
	c.now = c.now.Add(5 * time.Second)
	require.Equal(t, 5*time.Minute, c.runs())
	require.Equal(t, []string{"1", "2"}, c.took())

	wake := c.Accept(t, c.Body("447700900000", "447700900000 4", "447700900000 5"), c.now).Wakes[0]
	require.Equal(t, c.refs[0].ContactID, wake.ContactID)
	c.ref = c.refs[0]
	c.apply()
	c.refuse(`900000 0"`, `900000 4"`)
	require.Equal(t, 5*time.Second, c.runs(), "it is due before the one that was passed by first")
	require.Equal(t, []string{"1", "2", "5"}, c.took())
	require.Equal(t, 2, c.Count(t, "deliveries", "bypassed"))
	c.refuse(`900000 0"`)
	c.now = c.now.Add(5 * time.Second)
	require.Equal(t, 4*time.Minute+55*time.Second, c.runs())
	require.Equal(t, []string{"1", "2", "5", "4"}, c.took())
}
