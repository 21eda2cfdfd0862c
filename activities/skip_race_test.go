package activities_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
)

// An operator gives a webhook up while an attempt of it is under way: one of the schedule, or one that was asked for a moment before.
// It stays given up whatever the attempt comes to, unless it arrives after all.
func TestWhatIsSkippedDuringAnAttemptStaysSo(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{false, true} {
		for status, want := range map[int]handoff.DeliveryState{
			http.StatusInternalServerError: handoff.DeliveryFailed, http.StatusGone: handoff.DeliveryFailed,
			http.StatusBadRequest: handoff.DeliveryFailed, http.StatusOK: handoff.DeliveryDelivered,
		} {
			t.Run(strconv.Itoa(status)+" asked for: "+strconv.FormatBool(asked), func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				s.apply()
				message := s.queued("Hi John")
				s.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
				_, err := s.deliver()
				require.Error(t, err)
				s.now = *s.delivery().NextAttemptAt
				operator := &activities.Operator{By: "Olga", Action: "skip-delivery"}
				act := func(id string, do func(context.Context, activities.LaneCommand) (activities.Result, error)) {
					c := s.command(id, handoff.Actor{Admin: true})
					c.Operator = operator
					result, err := do(context.Background(), activities.LaneCommand{Command: c})
					require.NoError(t, err)
					require.Nil(t, result.Refused)
				}
				if asked {
					act("retry", s.RetryDelivery)
				}
				g := newGate(s)
				done := make(chan error, 1)
				go func() { _, err := s.deliver(); done <- err }()
				var answer chan int
				select {
				case answer = <-g.arrived:
				case err := <-done:
					require.FailNow(t, "no attempt was made", "%v", err)
				}
				act("skip", s.SkipDelivery)
				answer <- status
				select {
				case err := <-done:
					t.Log(err)
				case again := <-g.arrived:
					again <- http.StatusOK
					require.FailNow(t, "what was given up is sent again")
				}

				d := s.delivery()
				require.Equal(t, want, d.State)
				require.Nil(t, d.NextAttemptAt)
				require.Nil(t, d.ManualAt)
				require.Zero(t, d.ManualCount)
				if want == handoff.DeliveryDelivered {
					require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(message).Status)
					return
				}
				require.Equal(t, "skipped by operator", *d.Failure)
				require.Equal(t, handoff.MessageFailed, *s.message(message).Status)
			})
		}
	}
}
