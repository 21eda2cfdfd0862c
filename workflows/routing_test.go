package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/workflows"
)

func TestAConversationGoesToAnAgentInThePassThatOpensIt(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Present(t, handoff.PresenceOnline, s.Ben)
	s.SetInbox(t, "team_id = $1", s.Team(t, "Support", "assignment = 'least_loaded'", s.Ana, s.Ben))
	s.says("I need to speak to a human")
	opened := s.seen(time.Second)
	s.run()
	require.Equal(t, handoff.StatusAssigned, opened.Status)
	require.Equal(t, s.Ben.AgentID(), opened.AssigneeID, "Ana is not online")
	require.Equal(t, []time.Duration{0}, s.when(handoff.EventClaimed))
}

func TestAnOfferThatExpiresGoesToTheNextAgent(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Present(t, handoff.PresenceOnline, s.Ana, s.Ben)
	s.SetInbox(t, "team_id = $1", s.Team(t, "Support", "assignment = 'round_robin', offer_seconds = 30", s.Ana, s.Ben))
	s.says("I need to speak to a human")
	first, second := s.seen(10*time.Second), s.seen(40*time.Second)
	var other, accepted *answer
	s.at(45*time.Second, func() { other = s.claim(s.Ana) })
	s.at(50*time.Second, func() {
		accepted = s.update(workflows.AcceptUpdate, workflows.AcceptInput{CommandInput: s.command(s.Ben)})
	})
	s.run()
	require.Equal(t, s.Ana.AgentID(), first.OfferedTo, "of two who never had one, the first")
	require.Equal(t, s.Ben.AgentID(), second.OfferedTo)
	require.Equal(t, first.QueuedAt, second.QueuedAt, "it keeps its place")
	require.Equal(t, s.Ben.Agent, other.refusal(t).Assignee, "nobody claims what is offered to another")
	require.NoError(t, accepted.err)
	require.Equal(t, s.Ben.AgentID(), s.conversation().AssigneeID)
	require.Equal(t, 1, s.Count(t, "agents", "id = $1 AND presence = 'away'", s.Ana.Agent.ID), "who lets an offer run out is away")
	require.Len(t, s.when(handoff.EventPresenceChanged), 1)
}

func TestAConversationLeavesAnAgentWhoGoesAway(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Present(t, handoff.PresenceOnline, s.Ana)
	s.SetInbox(t, "team_id = $1", s.Team(t, "Support", "assignment = 'least_loaded', when_away = 'requeue'", s.Ana, s.Ben))
	s.says("I need to speak to a human")
	s.at(time.Hour, func() {
		s.Present(t, handoff.PresenceAway, s.Ana)
		s.wake() // as the dispatcher does, which finds it
	})
	waiting := s.seen(time.Hour + time.Minute)
	s.at(2*time.Hour, func() {
		s.Present(t, handoff.PresenceOnline, s.Ana, s.Ben)
		s.wake()
	})
	given := s.seen(2*time.Hour + time.Minute)
	s.run()
	require.Equal(t, handoff.StatusWaiting, waiting.Status)
	require.Equal(t, s.Ben.AgentID(), given.AssigneeID, "others first")
	require.Equal(t, []time.Duration{time.Hour}, s.when(handoff.EventRequeued))
}

func TestTheBotGetsControlAndLosesIt(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	pass := func() *answer {
		return s.update(workflows.PassUpdate, workflows.PassInput{CommandInput: s.command(s.Ana)})
	}
	var deaf, told *answer
	s.at(time.Minute, func() { s.claim(s.Ana) })
	s.at(2*time.Minute, func() { deaf = pass() })
	s.at(3*time.Minute, func() {
		s.AddEndpoint(t, s.Gateway, string(handoff.EventPassed))
		told = pass()
	})
	bot := s.seen(4 * time.Minute)
	s.at(time.Hour, func() { s.accept(s.Body(john, "the bot does not understand me")) })
	back := s.seen(time.Hour + time.Minute)
	s.run()
	require.Contains(t, deaf.refusal(t).Message, "nothing would tell the bot")
	require.NoError(t, told.err)
	require.Equal(t, handoff.StatusBot, bot.Status)
	require.Nil(t, bot.AssigneeID)
	require.Equal(t, handoff.StatusWaiting, back.Status, "HitlChat posts only what is for people")
	require.Contains(t, s.Gateway.Requests()[0].Body, `"conversation.passed"`)
}

func TestARuleChoosesTeamSkillsAndPriority(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	team := s.Team(t, "Billing", "")
	s.SetInbox(t, "routing = $1", `[{"name":"refunds","if":{"text":["refund"]},"then":{"team_id":"`+team.String()+
		`","skills":["billing"],"priority":"urgent","tags":["refund"]}}]`)
	s.says("I want a REFUND")
	opened := s.seen(time.Second)
	s.run()
	require.Equal(t, &team, opened.TeamID)
	require.Equal(t, []string{"billing"}, opened.Skills)
	require.Equal(t, handoff.PriorityUrgent, opened.Priority)
	require.Equal(t, []string{"refund"}, opened.Tags)
}

func TestAContactWhoWritesSoonAgainGoesOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Present(t, handoff.PresenceOnline, s.Ana)
	s.SetInbox(t, "reopen_minutes = 60, reopen_to = 'assignee'")
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.claim(s.Ana) })
	s.at(2*time.Minute, func() {
		s.Exec(t, "UPDATE conversations SET tags = '{vip}', attributes = '{\"order\":\"7\"}', priority = 2")
		s.resolveBy(s.Ana)
	})
	s.run()
	first := s.conversation()
	s.restart()
	s.says("one more thing")
	opened := s.seen(3 * time.Minute)
	s.run()
	require.Equal(t, &first.ID, opened.PreviousID)
	require.Equal(t, handoff.StatusAssigned, opened.Status)
	require.Equal(t, s.Ana.AgentID(), opened.AssigneeID)
	require.Equal(t, []string{"vip"}, opened.Tags)
	require.JSONEq(t, `{"order":"7"}`, string(opened.Attributes))
	require.Equal(t, handoff.PriorityHigh, opened.Priority)
}

func TestNobodyGoesOnInTheLineOfADeletedTeam(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	team := s.Team(t, "Billing", "", s.Ana)
	s.SetInbox(t, "reopen_minutes = 60, team_id = $1", team)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.resolveBy(s.Ana) })
	s.run()
	require.Equal(t, &team, s.conversation().TeamID)
	s.SetInbox(t, "team_id = NULL")
	s.Exec(t, "UPDATE teams SET deleted_at = now()")
	s.restart()
	s.says("one more thing")
	opened := s.seen(3 * time.Minute)
	s.run()
	require.NotNil(t, opened.PreviousID)
	require.Nil(t, opened.TeamID)
}

func TestAnAgentReopensAndWritesFirst(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.resolveBy(s.Ana) })
	s.run()
	first := s.conversation()
	s.restart()
	var reopened, twice *answer
	start := func(previous *handoff.ID) *answer {
		return s.update(workflows.StartUpdate, workflows.StartInput{
			CommandInput: workflows.CommandInput{CommandID: handoff.NewID().String(), Actor: s.Ben}, PreviousID: previous,
		})
	}
	s.env.RegisterDelayedCallback(func() { reopened = start(&first.ID) }, 0) // with the start, as the API's update is
	s.run()
	require.True(t, s.continued(), "the next conversation has a run of its own")
	require.NoError(t, reopened.err)
	opened := s.conversation()
	require.Equal(t, &first.ID, opened.PreviousID)
	require.Equal(t, s.Ben.AgentID(), opened.AssigneeID)
	require.NotNil(t, opened.WindowExpiresAt, "the window is the contact's, not the conversation's")
	s.restart()
	s.at(2*time.Hour, func() { twice = start(&first.ID) })
	s.run()
	require.Equal(t, handoff.CodeConflict, twice.refusal(t).Code)
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
	require.Len(t, s.conversations(), 2)
}

func TestATransferKeepsThePlaceInLine(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	team := s.Team(t, "Billing", "", s.Ben)
	s.says("I need to speak to a human")
	waiting := s.seen(30 * time.Second)
	transfer := func(by handoff.Actor, to activities.Transfer) *answer {
		return s.update(workflows.TransferUpdate, workflows.TransferInput{CommandInput: s.command(by), Transfer: to})
	}
	var refused, toTeam, toAgent *answer
	s.at(time.Minute, func() { s.claim(s.Ana) })
	s.at(2*time.Minute, func() { refused = transfer(s.Ben, activities.Transfer{AgentID: s.Ben.AgentID()}) })
	s.at(3*time.Minute, func() { toTeam = transfer(s.Ana, activities.Transfer{TeamID: &team}) })
	queued := s.seen(4 * time.Minute)
	s.at(5*time.Minute, func() { toAgent = transfer(s.Ana, activities.Transfer{AgentID: s.Ben.AgentID()}) })
	s.run()
	require.Equal(t, s.Ana.Agent, refused.refusal(t).Assignee)
	require.NoError(t, toTeam.err)
	require.NoError(t, toAgent.err)
	require.Equal(t, &team, queued.TeamID)
	require.Equal(t, waiting.QueuedAt, queued.QueuedAt)
	require.Equal(t, s.Ben.AgentID(), s.conversation().AssigneeID)
}
