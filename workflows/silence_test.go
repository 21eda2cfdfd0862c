package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fixture"
)

// notices are the times, since the start of the story, at which a gateway was told of a silence.
func (s *story) notices(g *fixture.Gateway) *[]time.Duration {
	var out []time.Duration
	g.AnswerTo(func(body string) int {
		if strings.Contains(body, `"inactivity":`) {
			out = append(out, s.passed())
		}
		return 200
	})
	return &out
}

func TestASilenceIsToldOnceUntilSomebodyWrites(t *testing.T) {
	t.Parallel()
	s, _, _ := newGraphStory(t)
	whole := fixture.NewGateway(t)
	other := s.AddEndpoint(t, whole, "whatsapp.conversation.inactive")
	s.Exec(t, "UPDATE endpoints SET inactivity_minutes = 30 WHERE id = $1", s.Endpoint.ID)
	s.Exec(t, "UPDATE endpoints SET inactivity_minutes = 60 WHERE id = $1", other.ID)
	half, full := s.notices(s.Gateway), s.notices(whole)
	s.says("hello?")
	s.at(20*time.Minute, func() { s.accept(s.Body(john, "are you there?")) })
	s.at(60*time.Minute, func() { s.reply(s.Ana, "Hi John") })
	s.at(3*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, 3*time.Hour, s.passed())
	require.Equal(t, []time.Duration{50 * time.Minute, 90 * time.Minute}, *half)
	require.Equal(t, []time.Duration{120 * time.Minute}, *full)
	events := s.events(s.conversation().ID)
	require.Equal(t, handoff.EventEnded, events[len(events)-1])
}

func TestASilenceIsToldBeforeItEndsTheConversation(t *testing.T) {
	t.Parallel()
	s, _, _ := newGraphStory(t)
	s.Exec(t, "UPDATE endpoints SET inactivity_minutes = 30 WHERE id = $1", s.Endpoint.ID)
	half := s.notices(s.Gateway)
	s.says("hello?")
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []time.Duration{30 * time.Minute}, *half)
	require.Equal(t, 24*time.Hour, s.passed())
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
}
