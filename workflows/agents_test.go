package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

func TestAReplyToAWaitingConversationClaimsIt(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var ana, ben *answer
	var lost handoff.ID
	s.at(time.Minute, func() {
		_, ana = s.reply(s.Ana, "Hi John, this is Ana")
		lost, ben = s.reply(s.Ben, "Hi John, this is Ben")
	})
	s.at(2*time.Minute, func() { s.resolveBy(s.Ana) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, ana.err)
	refusal := ben.refusal(t)
	require.Equal(t, handoff.CodeConflict, refusal.Code)
	require.Equal(t, s.Ana.Agent, refusal.Assignee)
	require.Contains(t, refusal.Message, "Ana")
	require.Equal(t, []string{"Hi John, this is Ana", "resolved"}, s.arrived())
	require.Nil(t, s.message(lost).AppliedAt, "the other's message is nowhere")
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventMessageQueued,
		handoff.EventMessageDeliveredToGateway, handoff.EventEnded,
	}, s.events(s.conversation().ID))
}

func TestOfManyClaimsOneWinsAndTheOthersLearnWho(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	answers := map[string]*answer{}
	s.at(time.Minute, func() {
		for i := range 10 {
			agent := s.Agent(s.T, fmt.Sprintf("Agent %d", i))
			answers[agent.Agent.Name] = s.claim(agent)
		}
	})
	s.at(2*time.Minute, func() { s.env.SignalWorkflow(workflows.ResolveSignal, nil) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	var winners []string
	for name, a := range answers {
		require.True(t, a.done)
		if a.err == nil {
			winners = append(winners, name)
			continue
		}
		require.Equal(t, handoff.CodeConflict, a.refusal(t).Code)
		require.Equal(t, "Agent 0", a.refusal(t).Assignee.Name)
	}
	require.Equal(t, []string{"Agent 0"}, winners)
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventEnded,
	}, s.events(s.conversation().ID))
}

func TestOnlyTheAssigneeResolvesAndReleases(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var resolved, released, nobody, again *answer
	s.at(time.Minute, func() { nobody = s.release(s.Ben) })
	s.at(2*time.Minute, func() { s.claim(s.Ana) })
	s.at(3*time.Minute, func() { resolved, released = s.resolveBy(s.Ben), s.release(s.Ben) })
	s.at(4*time.Minute, func() { again = s.claim(s.Ana) })
	s.at(5*time.Minute, func() { s.release(s.Ana) })
	s.at(6*time.Minute, func() { require.Equal(t, handoff.StatusWaiting, s.conversation().Status); s.resolveBy(s.Ben) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, s.Ana.Agent, resolved.refusal(t).Assignee)
	require.Equal(t, s.Ana.Agent, released.refusal(t).Assignee)
	require.Equal(t, handoff.CodeConflict, nobody.refusal(t).Code)
	require.NoError(t, again.err, "who has it may claim it again")
	require.Equal(t, 6*time.Minute, s.passed())
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventReleased, handoff.EventEnded,
	}, s.events(s.conversation().ID))
}

func TestOutsideTheWindowATemplateLeavesAndAReplyDoesNot(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.Inactivity = 72 * time.Hour })
	s.says("I need to speak to a human")
	var last, late, template, reopened *answer
	s.at(24*time.Hour-time.Second, func() { _, last = s.reply(s.Ana, "in time") })
	s.at(24*time.Hour, func() { _, late = s.reply(s.Ana, "too late") })
	s.at(25*time.Hour, func() { _, template = s.template(s.Ana, "are_you_there") })
	s.at(26*time.Hour, func() { s.says("I am"); s.wake() })
	s.at(27*time.Hour, func() { _, reopened = s.reply(s.Ana, "good") })
	s.at(28*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, last.err)
	require.Equal(t, handoff.CodeWindowClosed, late.refusal(t).Code)
	require.NoError(t, template.err)
	require.NoError(t, reopened.err)
	require.Equal(t, []string{"in time", "are_you_there", "good", "resolved"}, s.arrived())
}

func TestACommandForAnEndedConversationIsAConflict(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.downUntil(time.Hour)
	s.says("I need to speak to a human")
	var claimed, repeated, replied *answer
	input := workflows.ResolveInput{}
	s.at(time.Minute, func() {
		input.CommandInput = s.command(s.Ana)
		s.update(workflows.ResolveUpdate, input)
	})
	s.at(2*time.Minute, func() {
		claimed = s.claim(s.Ben)
		_, replied = s.reply(s.Ana, "bye")
		repeated = s.update(workflows.ResolveUpdate, input)
	})
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.CodeConflict, claimed.refusal(t).Code)
	require.Equal(t, handoff.CodeConflict, replied.refusal(t).Code)
	require.NoError(t, repeated.err, "the same command has the same outcome")
	require.Equal(t, []string{"resolved"}, s.arrived())
}

// The run has not read its rows when it takes in a signal of its first task.
func TestAnOperatorMayResolveInTheFirstMoment(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(0, func() { s.env.SignalWorkflow(workflows.ResolveSignal, nil) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.EndAdmin, *s.conversation().EndReason)
}
