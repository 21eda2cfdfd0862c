package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
)

// A workflow task may fail after its local activity has committed; the activity is then run again with the same input. Every one
// of them must leave the same rows and give the same result, lanes included: the first result was never seen.
func TestACommandThatIsRunAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*scene) func() (activities.Result, error){
		"claim": func(s *scene) func() (activities.Result, error) {
			c := s.command("claim:1", s.Ana)
			return func() (activities.Result, error) { return s.Claim(context.Background(), c) }
		},
		"release": func(s *scene) func() (activities.Result, error) {
			_, err := s.Claim(context.Background(), s.command("claim:1", s.Ana))
			require.NoError(s, err)
			c := s.command("release:1", s.Ana)
			return func() (activities.Result, error) {
				return s.Release(context.Background(), activities.ReleaseCommand{Command: c})
			}
		},
		"reply": func(s *scene) func() (activities.Result, error) {
			c := activities.ReplyCommand{MessageID: s.draft(s.Ana, "Hi John"), Type: "text", Command: s.command("reply:1", s.Ana)}
			return func() (activities.Result, error) { return s.Reply(context.Background(), c) }
		},
		"resolve": func(s *scene) func() (activities.Result, error) {
			c := activities.EndCommand{Command: s.command("resolve:1", s.Ana), Reason: handoff.EndResolved, Disposition: "sold"}
			return func() (activities.Result, error) { return s.End(context.Background(), c) }
		},
		"inactivity": func(s *scene) func() (activities.Result, error) {
			s.now = s.now.Add(24 * time.Hour)
			c := activities.EndCommand{Command: s.command("inactivity:1", handoff.Actor{Admin: true}), Reason: handoff.EndInactivity}
			return func() (activities.Result, error) { return s.End(context.Background(), c) }
		},
		"refused": func(s *scene) func() (activities.Result, error) {
			_, err := s.Claim(context.Background(), s.command("claim:1", s.Ana))
			require.NoError(s, err)
			c := s.command("claim:2", s.Ben)
			return func() (activities.Result, error) { return s.Claim(context.Background(), c) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.apply()
			again := run(s)
			first, err := again()
			require.NoError(t, err)
			require.False(t, first.Stale)
			rows := s.Dump(t)
			for range 3 {
				second, err := again()
				require.NoError(t, err)
				require.Equal(t, first, second)
				s.RequireUnchanged(t, rows)
			}
		})
	}
}

func TestApplyInboundThatIsRunAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	s.queued("Hi John")
	s.accept("thanks", "bye")
	first := s.apply()
	require.Len(t, first.Lanes, 1)
	require.Zero(t, s.unapplied())
	rows := s.Dump(t)
	for range 3 {
		require.Equal(t, first, s.apply(), "lanes are reported again")
		s.RequireUnchanged(t, rows)
	}
}

func TestAStaleCommandWritesNothingAndGivesTheRow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	old := s.command("claim:1", s.Ana)
	s.accept("hello?")
	s.apply()
	rows := s.Dump(t)
	result, err := s.Claim(context.Background(), old)
	require.NoError(t, err)
	require.True(t, result.Stale)
	require.Equal(t, s.conversation().Version, result.Conversation.Version)
	require.Greater(t, result.Conversation.Version, old.Version)
	s.RequireUnchanged(t, rows)

	old.Version = result.Conversation.Version
	result, err = s.Claim(context.Background(), old)
	require.NoError(t, err)
	require.False(t, result.Stale)
	require.Equal(t, handoff.StatusAssigned, s.conversation().Status)
}

// The id of an end by inactivity is made of its deadline. A first try that came too early, by a clock that is behind, must not
// count as done: the deadline would never be met.
func TestAnEndByInactivityThatCameTooEarlyComesAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	end := func(now time.Time) activities.Result {
		c := s.command("inactivity:1", handoff.Actor{Admin: true})
		c.Now = now
		result, err := s.End(context.Background(), activities.EndCommand{Command: c, Reason: handoff.EndInactivity})
		require.NoError(t, err)
		return result
	}
	deadline := *s.conversation().InactiveAt
	require.True(t, end(deadline.Add(-time.Microsecond)).Conversation.Open())
	require.False(t, end(deadline).Conversation.Open())
}

func TestOnePassAppliesALimitedNumber(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	texts := make([]string, 420)
	for i := range texts {
		texts[i] = "hello?"
	}
	s.accept(texts...)
	for _, want := range []struct {
		left int
		more bool
	}{{221, true}, {21, true}, {0, false}, {0, false}} {
		require.Equal(t, want.more, s.apply().More)
		require.Equal(t, want.left, s.unapplied())
		require.Equal(t, want.more, s.Count(t, "wakes", "raised") == 1, "the flag stays up while something is left")
	}
	require.Len(t, s.Events(t, s.conversation().ID), 422)
}
