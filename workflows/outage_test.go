package workflows_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
	"handoff/workflows"
)

// janeIsServed sends a template to another contact, whose lane runs once.
func (s *story) janeIsServed(text string) {
	s.Helper()
	ctx, now := context.Background(), s.env.Now()
	wake := s.Accept(s.T, s.Body("447700900999", "hello"), now).Wakes[0]
	ref := activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	opened, err := s.real.ApplyInbound(ctx, activities.ApplyInboundInput{Ref: ref, Now: now})
	require.NoError(s, err)
	row, err := dbsqlc.New(s.DB).MessageInsertOutbound(ctx, dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: ref.InboxID, ContactID: ref.ContactID, AuthorType: handoff.AuthorAgent,
		AuthorID: s.Ben.AgentID(), AuthorName: &s.Ben.Agent.Name, Type: "template", Text: &text,
		Content: []byte(`{"name":` + strconv.Quote(text) + `,"language":{"code":"en"}}`), CreatedAt: now,
	})
	require.NoError(s, err)
	result, err := s.real.Reply(ctx, activities.ReplyCommand{
		Command: activities.Command{
			Ref: ref, ID: "reply:" + text, ConversationID: opened.Conversation.ID, Version: opened.Conversation.Version, Actor: s.Ben, Now: now,
		},
		MessageID: row.ID, Type: "template",
	})
	require.NoError(s, err)
	require.Nil(s, result.Refused)
	_, err = s.real.DeliverWebhooks(ctx, activities.DeliverInput{Ref: ref, EndpointID: s.Endpoint.ID, Max: 20})
	require.NoError(s, err)
}

// hasten does what the dispatcher does for a lane whose endpoint answers again.
func (s *story) hasten(delivery handoff.ID) {
	s.Helper()
	q := dbsqlc.New(s.DB)
	require.NoError(s, q.DeliveryHasten(context.Background(), dbsqlc.DeliveryHastenParams{Ids: []handoff.ID{delivery}, Now: s.env.Now()}))
	rows, err := q.WakeRaiseContacts(context.Background(), dbsqlc.WakeRaiseContactsParams{
		InboxID: s.in.InboxID, ContactIds: []handoff.ID{s.in.ContactID},
	})
	require.NoError(s, err)
	require.Len(s, rows, 1)
	s.wake()
}

func TestALaneThatWaitsForHoursSendsAtOnceWhenItsEndpointAnswersAgain(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	up := false
	s.Gateway.Answer(func(int) (int, string) {
		if up {
			return http.StatusOK, ""
		}
		return http.StatusInternalServerError, ""
	})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "first"); s.template(s.Ana, "second"); s.template(s.Ana, "third") })
	s.at(time.Hour, func() { s.hasten(s.deliveries()[0].ID) }) // in vain: it fails once more
	s.at(time.Hour+time.Minute, func() { up = true; s.hasten(s.deliveries()[0].ID) })
	s.at(2*time.Hour, func() { s.resolveBy(s.Ana) })
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	require.Equal(t, []string{"first", "second", "third", "resolved"}, s.arrived())
	for _, text := range []string{"first", "second", "third"} {
		require.InDelta(t, time.Hour+time.Minute, s.arrivedAt(text), float64(time.Second))
	}
	rows, _ := s.attempts(s.deliveries()[0].ID)
	require.Len(t, rows, 6)
	require.Equal(t, "schedule", rows[3].Trigger)
	require.Equal(t, "recovery", rows[4].Trigger)
	require.Equal(t, "recovery", rows[5].Trigger)
	require.Less(t, starts, 10)
}

// Two were passed by and wait for hours. What comes then was held up by them until the first of them was due.
func TestDelivery_27_WhatComesLaterPassesAllThatWerePassedBy(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.refusesPoison()
	s.says("I need to speak to a human")
	s.at(time.Minute, func() {
		s.template(s.Ana, "poison one")
		s.template(s.Ana, "poison two")
		s.template(s.Ana, "second")
	})
	s.at(2*time.Minute, func() { s.janeIsServed("to Jane") })
	s.at(20*time.Minute, func() { s.janeIsServed("to Jane again") })
	s.at(time.Hour, func() { s.template(s.Ana, "third") })
	s.at(90*time.Minute, func() { s.template(s.Ana, "fourth"); s.template(s.Ana, "fifth") })
	s.at(150*time.Hour, func() { s.resolveBy(s.Ana) })
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.InDelta(t, 31*time.Minute, s.arrivedAt("second"), float64(time.Second))
	require.InDelta(t, time.Hour, s.arrivedAt("third"), float64(time.Second))
	require.InDelta(t, 90*time.Minute, s.arrivedAt("fifth"), float64(time.Second))
	require.Less(t, starts, 40, "each attempt of theirs ends the activity, and nothing else does")
}

func TestDelivery_30_FiveDaysOfFailureDisableAndHoldAndLoseNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.Inactivity = 30 * 24 * time.Hour })
	operators := fixture.NewGateway(t)
	s.AddEndpoint(t, operators, string(handoff.EventEndpointDisabled))
	s.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "first"); s.template(s.Ana, "second") })
	s.at(96*time.Hour, func() {
		s.template(s.Ana, "third")
		require.Equal(t, handoff.EndpointEnabled, s.endpoint(s.Endpoint.ID).State, "a long week-end disables nothing")
	})
	s.at(140*time.Hour, func() {
		after := s.endpoint(s.Endpoint.ID)
		require.Equal(t, handoff.EndpointDisabled, after.State)
		require.Equal(t, "failing for five days", *after.DisabledReason)
		require.GreaterOrEqual(t, after.LastFailureAt.Sub(*after.FailingSince), 5*24*time.Hour)
		require.Equal(t, 2, s.Count(t, "deliveries", "state = 'held' AND contact_id IS NOT NULL"))
		s.template(s.Ana, "fourth")
	})
	s.at(141*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, 141*time.Hour, s.passed(), "what is held keeps no run")
	require.Equal(t, 4, s.Count(t, "deliveries", "state = 'held' AND endpoint_id = $1", s.Endpoint.ID))
	require.Equal(t, 1, s.Count(t, "events", "type = 'endpoint.disabled' AND data->>'reason' = 'failing for five days'"))
	s.operatorsAreTold(operators)

	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	s.Exec(t, "UPDATE endpoints SET state = 'enabled', disabled_reason = NULL, failing_since = NULL, failures = 0 WHERE id = $1", s.Endpoint.ID)
	released, err := dbsqlc.New(s.DB).DeliveryRelease(t.Context(), s.Endpoint.ID)
	require.NoError(t, err)
	require.Len(t, released, 4)
	s.restart()
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"second", "third", "fourth", "resolved"}, s.arrived())
}

// operatorsAreTold runs the workflow of the webhook of no conversation that tells of the disabled endpoint, and lets its first sends fail.
func (s *story) operatorsAreTold(g *fixture.Gateway) {
	s.Helper()
	s.restart()
	start := s.env.Now()
	g.Answer(func(n int) (int, string) {
		if n <= 3 {
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, ""
	})
	rows, err := dbsqlc.New(s.DB).DeliveryListAlone(context.Background(), dbsqlc.DeliveryListAloneParams{DueBefore: start, RowLimit: 10})
	require.NoError(s, err)
	require.Len(s, rows, 1)
	s.env.ExecuteWorkflow(workflows.WebhookTestName, workflows.WebhookTestInput{
		TestDeliveryInput: activities.TestDeliveryInput{AccountID: rows[0].AccountID, DeliveryID: rows[0].ID},
	})
	require.NoError(s, s.env.GetWorkflowError())
	require.Equal(s, 35*time.Minute+5*time.Second, s.env.Now().Sub(start))
	requests := g.Requests()
	require.Len(s, requests, 4)
	for _, r := range requests {
		require.Equal(s, requests[0].Body, r.Body)
		require.Equal(s, "endpoint.disabled", r.Header.Get("Handoff-Event"))
	}
	require.Contains(s, requests[3].Body, s.Endpoint.ID.String())
	require.Contains(s, requests[3].Body, "failing for five days")
}
