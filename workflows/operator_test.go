package workflows_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/internal/fixture"
	"handoff/workflows"
)

// signals sends what an operator types into the Temporal UI.
func (s *story) signals(name, payload string) {
	s.Helper()
	if payload == "" {
		s.env.SignalWorkflow(name, nil)
		return
	}
	s.env.SignalWorkflow(name, json.RawMessage(payload))
}

// audited is one line of the audit log.
type audited struct {
	Type, Name, Action, Target string
	Reason                     string
}

func (s *story) audited() (out []audited) {
	s.Helper()
	rows, err := s.DB.Query(s.Context(), `SELECT actor_type, actor_name, action, target_type, coalesce(detail->>'reason', '') FROM audit_entries
		WHERE account_id = $1 ORDER BY id`, s.Account.ID)
	require.NoError(s, err)
	defer rows.Close()
	for rows.Next() {
		var a audited
		require.NoError(s, rows.Scan(&a.Type, &a.Name, &a.Action, &a.Target, &a.Reason))
		out = append(out, a)
	}
	require.NoError(s, rows.Err())
	return out
}

// refusesAll lets the gateway refuse what has a word in it.
func (s *story) refuses(word string) {
	s.Gateway.AnswerTo(func(body string) int {
		if strings.Contains(body, word) {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
}

func TestAnOperatorSkipsWhatIsStuck(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.refuses("poison")
	s.says("I need to speak to a human")
	var poison handoff.ID
	s.at(time.Minute, func() {
		poison, _ = s.template(s.Ana, "poison")
		s.template(s.Ana, "second")
		s.template(s.Ana, "third")
	})
	s.at(8*time.Minute, func() {
		details := s.state().Details
		require.Contains(t, details, "3 webhooks for `"+strings.TrimPrefix(s.Gateway.URL, "http://")+"`: the first one **is stuck** since ")
		require.Contains(t, details, "(HTTP 503, attempt 3), next attempt at ", "it knows of the latest attempt")
		s.signals("SkipDelivery", `{"by": "Olga", "reason": "the gateway chokes on it"}`)
	})
	s.at(9*time.Minute, func() {
		require.Equal(t, []string{"second", "third"}, s.arrived(), "the lane goes on at once")
		require.Contains(t, s.state().Details, "**Last signal:** SkipDelivery by Olga at ")
		require.Contains(t, s.state().Details, "1 webhook was given up.")
		s.signals("SkipDelivery", "") // nothing is stuck any more
	})
	s.at(10*time.Minute, func() {
		require.Contains(t, s.state().Details, "refused because nothing is stuck: no delivery of this contact waits after a failed attempt.")
		s.signals("Resolve", `{"by": "Olga", "reason": "enough"}`)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	given := s.deliveries()[0]
	require.Equal(t, handoff.DeliveryFailed, given.State)
	require.Equal(t, "skipped by operator", *given.Failure)
	require.EqualValues(t, 3, given.Attempts)
	m := s.message(poison)
	require.Equal(t, handoff.MessageFailed, *m.Status)
	require.Equal(t, "skipped by operator", *m.FailureReason)
	for _, r := range s.Gateway.Requests() {
		require.Equal(t, strings.Contains(r.Body, "second"), r.Header.Get("Handoff-Gap") == "true", r.Body)
	}
	require.Equal(t, []audited{
		{"operator", "Olga", "skip-delivery", "delivery", "the gateway chokes on it"},
		{"operator", "Olga", "resolve-conversation", "conversation", "enough"},
	}, s.audited())
	require.Equal(t, handoff.EndAdmin, *s.conversation().EndReason)
}

// An attempt is under way when its delivery is given up: what it comes to must not bring the delivery back.
func TestADeliveryThatIsSkippedDuringItsAttemptStaysSkipped(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"fails": http.StatusServiceUnavailable, "arrives": http.StatusOK} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.says("I need to speak to a human")
			_, err := s.real.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: s.in.Ref, Now: s.env.Now()})
			require.NoError(t, err)
			_, err = s.real.End(t.Context(), activities.EndCommand{Command: activities.Command{
				Ref: s.in.Ref, ID: "end", ConversationID: s.conversation().ID, Version: s.conversation().Version, Actor: s.Ana, Now: s.env.Now(),
			}, Reason: handoff.EndResolved})
			require.NoError(t, err)
			id := s.deliveries()[0].ID
			s.Gateway.Answer(func(int) (int, string) {
				result, err := s.real.SkipDelivery(t.Context(), activities.LaneCommand{
					Command: activities.Command{Ref: s.in.Ref, ID: "skip", Actor: handoff.Actor{Admin: true}, Now: s.env.Now()}, DeliveryID: &id,
				})
				require.NoError(t, err)
				require.Equal(t, 1, result.Deliveries)
				return status, ""
			})
			_, _ = s.real.DeliverWebhooks(t.Context(), activities.DeliverInput{Ref: s.in.Ref, EndpointID: s.Endpoint.ID, Max: 20})
			d := s.deliveries()[0]
			if status == http.StatusOK {
				require.Equal(t, handoff.DeliveryDelivered, d.State, "it has arrived")
				return
			}
			require.Equal(t, handoff.DeliveryFailed, d.State)
			require.Equal(t, "skipped by an admin", *d.Failure)
			require.Nil(t, d.NextAttemptAt)
		})
	}
}

func TestAnOperatorRetriesWhatIsStuck(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.downUntil(20 * time.Minute)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "first"); s.template(s.Ana, "second") })
	s.at(10*time.Minute, func() { s.signals("RetryDelivery", `{"by": "Olga", "command_id": "once"}`) })
	s.at(11*time.Minute, func() {
		require.Contains(t, s.state().Details, "RetryDelivery by Olga at ")
		require.Contains(t, s.state().Details, "1 webhook is tried now.")
		s.signals("RetryDelivery", `{"by": "Olga", "command_id": "once"}`)
	})
	s.at(25*time.Minute, func() {
		require.Empty(t, s.arrived())
		s.signals("RetryDelivery", `{"delivery_id": "`+s.deliveries()[0].ID.String()+`"}`)
	})
	s.at(26*time.Minute, func() {
		require.Equal(t, []string{"first", "second"}, s.arrived())
		s.signals("Resolve", "")
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	rows, after := s.attempts(s.deliveries()[0].ID)
	require.Equal(t, append(plan(time.Minute, 0, 5*time.Second, 5*time.Minute), 10*time.Minute, 25*time.Minute), after,
		"a signal that is sent twice with one id is carried out once")
	require.Equal(t, "manual", rows[4].Trigger)
	require.Len(t, s.audited(), 3)
}

func TestAnOperatorReassigns(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	team := s.Team(t, "Second_line", "", s.Ben)
	s.says("I need to speak to a human")
	for i, step := range []struct{ payload, details string }{
		{`{"agent_id": "` + s.Ana.Agent.ID.String() + `", "by": "Olga", "reason": "knows the case"}`, "Assigned to Ana since "},
		{`{"team_id": "` + team.String() + `", "by": "Olga"}`, `, team Second\_line.`},
		{`{"agent_id": "` + handoff.NewID().String() + `"}`, "refused because to\\_agent\\_id names no agent of this account."},
		{``, "refused because nobody has the conversation: there is nothing to release."},
		{`{"agent_id": "` + s.Ben.Agent.ID.String() + `", "team_id": ""}`, "Assigned to Ben since "},
		{`{}`, "Waiting for a person since "},
		{`{"agent": "` + s.Ben.Agent.ID.String() + `"}`, "refused because the payload cannot be read: json: unknown field \"agent\"."},
		{`{"agent_id": 7}`, "refused because the payload cannot be read: "},
		{`["Ben"]`, "refused because the payload cannot be read: "},
		{`{"agent_id": "Ben"}`, "refused because agent\\_id is no id: it looks like "},
		{`{"by": "` + strings.Repeat("x", 201) + `"}`, "refused because a field is too long: "},
	} {
		at := time.Duration(i+1) * time.Minute
		s.at(at, func() { s.signals("Reassign", step.payload) })
		s.at(at+30*time.Second, func() { require.Contains(t, s.state().Details, step.details, step.payload) })
	}
	s.at(time.Hour, func() { s.signals("Resolve", `{"by": 7}`) })
	s.at(time.Hour+time.Minute, func() {
		require.Contains(t, s.state().Details, "Resolve at ", "it is not carried out, and says so")
		require.Contains(t, s.state().Details, "refused because the payload cannot be read: ")
		s.signals("Resolve", "null")
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	var actions []string
	for _, a := range s.audited() {
		actions = append(actions, a.Action+" "+a.Name)
	}
	require.Equal(t, []string{
		"reassign-conversation Olga", "reassign-conversation Olga", "reassign-conversation ", "reassign-conversation ", "resolve-conversation ",
	}, actions, "what was refused changed nothing")
	require.Equal(t, 1, s.Count(t, "events", "type = 'conversation.transferred' AND data->>'reason' = 'knows the case'"), "as an agent's own")
}

// They once had the time as their id, and the second was taken for the first.
func TestTwoSignalsInOneTaskAreBothCarriedOut(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	team := s.Team(t, "Second line", "", s.Ben)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() {
		s.signals("Reassign", `{"team_id": "`+team.String()+`"}`)
		s.signals("Reassign", `{"agent_id": "`+s.Ben.Agent.ID.String()+`"}`)
	})
	s.at(2*time.Minute, func() {
		require.Contains(t, s.state().Details, "Assigned to Ben since ")
		s.signals("Resolve", "")
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Len(t, s.audited(), 3)
}

func TestTheDetailsSayWhatAConversationWaitsFor(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.real.ConversationURL = "https://inbox.example.com/c/{conversation_id}?from=temporal"
	evil := s.Agent(t, "[Ana](https://evil.example) *<b>\n# x")
	other := fixture.NewGateway(t)
	s.AddEndpoint(t, other, "conversation_resolved")
	s.says("I need to speak to a human")
	s.at(time.Minute, func() {
		details := s.state().Details
		require.Contains(t, details, "Waiting for a person since "+s.start.Format(time.DateTime)+" UTC.")
		require.Contains(t, details, "The contact waits for an answer since ")
		require.Contains(t, details, "WhatsApp takes free-form replies until ")
		require.Contains(t, details, "Ends by inactivity at ")
		require.Contains(t, details, "[Open the conversation](<https://inbox.example.com/c/"+s.conversation().ID.String()+"?from=temporal>)")
		s.claim(evil)
	})
	s.at(2*time.Minute, func() {
		require.Contains(t, s.state().Details, `Assigned to \[Ana\](https\://evil.example) \*\<b\> \# x since `)
		offer := activities.Offer{AgentID: s.Ben.AgentID(), Seconds: 60}
		s.update(workflows.OfferUpdate, workflows.OfferInput{CommandInput: s.command(evil), Offer: offer})
	})
	s.at(2*time.Minute+time.Second, func() {
		require.Contains(t, s.state().Details, "Offered to Ben until "+s.start.Add(3*time.Minute).Format(time.DateTime)+" UTC.")
		require.Contains(t, s.state().Details, "Next: the offer expires, at ")
	})
	s.at(time.Hour, func() { s.resolveBy(evil) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Contains(t, s.state().Details, "Ended (resolved) since ")
}
