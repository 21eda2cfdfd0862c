package activities_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
)

// deliverFirst makes a lane's first attempts as a workflow task does.
func (s *scene) deliverFirst() activities.DeliverResult {
	s.Helper()
	out, err := s.DeliverFirst(context.Background(), activities.DeliverInput{Ref: s.ref, EndpointID: s.Endpoint.ID, Max: 20, Last: 1})
	require.NoError(s, err)
	return out
}

// goOn runs the lane's activity after first attempts that left something.
func (s *scene) goOn(a *activities.Activities, first activities.DeliverResult) (activities.DeliverResult, error) {
	s.Helper()
	require.True(s, first.Left)
	return a.DeliverWebhooks(context.Background(), activities.DeliverInput{
		Ref: s.ref, EndpointID: s.Endpoint.ID, Max: 20, Last: 1, BusyUntil: first.BusyUntil,
	})
}

// atLeisure has tasks wait for as long as it takes: this machine may be busy with other tests.
func (s *scene) atLeisure() { s.InFlight = activities.NewInFlight().Within(time.Minute, time.Minute) }

func (s *scene) fast() bool {
	s.Helper()
	lanes := s.apply().Lanes
	require.Len(s, lanes, 1)
	return lanes[0].Fast
}

func TestOnlyAnEndpointThatAnswersAtOnceIsServedWithinTheTask(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.atLeisure()
	s.apply()
	s.queued("one")
	require.False(t, s.fast(), "nobody knows it yet")
	_, err := s.deliver()
	require.NoError(t, err)
	s.queued("two")
	require.True(t, s.fast())

	s.InFlight.Within(time.Minute, time.Nanosecond)
	require.False(t, s.fast(), "it took longer than that")
	s.InFlight.Within(time.Minute, time.Minute)

	s.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	require.True(t, s.deliverFirst().Left)
	require.False(t, s.fast(), "what fails may fail slowly")

	always := s.World.Activities(t, func() time.Time { return s.now })
	always.InFlight = activities.NewInFlight().InActivities()
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	s.now = s.now.Add(time.Minute)
	s.Activities = always
	_, err = s.deliver()
	require.NoError(t, err)
	s.queued("three")
	require.False(t, s.fast(), "the operator wants activities")
}

func TestFirstAttemptsLeaveInOrderWithinTheTask(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.atLeisure()
	s.apply()
	for _, text := range []string{"one", "two", "three"} {
		s.queued(text)
	}
	out := s.deliverFirst()
	require.Equal(t, 3, out.Finished)
	require.False(t, out.Left)
	require.Positive(t, out.Last)
	require.Len(t, s.Gateway.Requests(), 3)
	require.Equal(t, 3, s.Count(t, "deliveries", "state = 'delivered' AND attempts = 1"))
	require.Zero(t, s.deliverFirst().Finished, "a task that is run again sends nothing twice")
	require.Len(t, s.Gateway.Requests(), 3)
}

func TestAFailedFirstAttemptIsLeftToTheLanesActivity(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.atLeisure()
	s.apply()
	s.queued("one")
	s.queued("two")
	s.Gateway.Answer(func(n int) (int, string) {
		if n == 1 {
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, ""
	})
	out := s.deliverFirst()
	require.True(t, out.Left)
	require.Zero(t, out.Finished)
	require.Len(t, s.Gateway.Requests(), 1, "what stands behind it waits")
	require.True(t, s.deliverFirst().Left, "a second attempt is not made within a task")
	require.Len(t, s.Gateway.Requests(), 1)

	s.now = s.now.Add(5 * time.Second)
	after, err := s.goOn(s.Activities, out)
	require.NoError(t, err)
	require.Equal(t, 2, after.Finished)
	require.Len(t, s.Gateway.Requests(), 3)
}

// The task does not wait for an endpoint that is slow; the attempt goes on, and the lane's activity waits for its end: in the same worker and
// in another one, which sees the attempt's row.
func TestASlowFirstAttemptIsNeitherWaitedForNorRepeated(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]bool{"the same worker": false, "another worker": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.apply()
			s.queued("Hi John")
			arrived, answer := make(chan struct{}), make(chan struct{})
			s.Gateway.Answer(func(int) (int, string) {
				close(arrived)
				<-answer
				return http.StatusOK, ""
			})
			out := s.deliverFirst()
			require.Zero(t, out.Finished)
			require.True(t, out.Left)
			<-arrived
			require.True(t, s.deliverFirst().Left, "a task that is run again leaves it alone")

			worker := s.Activities
			if other {
				worker = s.World.Activities(t, func() time.Time { return s.now })
			}
			done := make(chan error, 1)
			go func() {
				_, err := s.goOn(worker, out)
				done <- err
			}()
			select {
			case err := <-done:
				require.Fail(t, "the activity did not wait for the attempt", "%v", err)
			case <-time.After(300 * time.Millisecond):
			}
			close(answer)
			require.NoError(t, <-done)
			s.Drain()
			require.Len(t, s.Gateway.Requests(), 1)
			require.Equal(t, 1, s.Count(t, "deliveries", "state = 'delivered' AND attempts = 1"))
		})
	}
}

// The worker that left it under way died: its attempt is given up after the longest time that one can take.
func TestAFirstAttemptWhoseWorkerDiedIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.atLeisure()
	s.apply()
	s.queued("Hi John")
	d := s.delivery()
	rows, err := dbsqlc.New(s.World.DB).AttemptStart(context.Background(), dbsqlc.AttemptStartParams{
		ID: d.ID, N: 1, Trigger: "schedule", StartedAt: &s.now, EndpointID: d.EndpointID, EndpointUpdatedAt: s.changedAt(d),
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, rows)
	out := s.deliverFirst()
	require.True(t, out.Left)
	require.Empty(t, s.Gateway.Requests())
	s.now = s.now.Add(20 * time.Second)
	after, err := s.goOn(s.Activities, out)
	require.NoError(t, err)
	require.Equal(t, 1, after.Finished)
	require.Len(t, s.Gateway.Requests(), 1)
}

func TestWhatIsNoPlainFirstAttemptIsLeftToTheLanesActivity(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"asked for by hand":  "UPDATE deliveries SET manual_at = now(), manual_count = 1",
		"held back":          "UPDATE deliveries SET buffered = true",
		"under a rate limit": "UPDATE endpoints SET rate_limit = 1000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.atLeisure()
			s.apply()
			s.queued("Hi John")
			s.Exec(t, change)
			require.True(t, s.deliverFirst().Left)
			require.Empty(t, s.Gateway.Requests())
		})
	}
	t.Run("a send of our own", func(t *testing.T) {
		t.Parallel()
		s := newGraphScene(t)
		id := s.queued("Hi John")
		out, err := s.DeliverFirst(context.Background(), activities.DeliverInput{Ref: s.ref, EndpointID: s.sendOf(id).EndpointID, Max: 20})
		require.NoError(t, err)
		require.True(t, out.Left)
		require.Empty(t, s.meta.Sent())
		require.Equal(t, handoff.DeliveryPending, s.sendOf(id).State)
	})
}
