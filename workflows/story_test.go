package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
	"handoff/worker"
	"handoff/workflows"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const john = "447700900123"

// story tells what happens to one contact, in virtual time, with a real database and a real receiver of webhooks.
type story struct {
	*testing.T
	*fixture.World
	env   *testsuite.TestWorkflowEnvironment
	real  *activities.Activities
	start time.Time // of the story
	began time.Time // of the run
	in    workflows.ConversationInput
	ids   int
}

func newStory(t *testing.T, eventTypes ...string) *story {
	t.Helper()
	s := &story{T: t, World: fixture.New(t, dbtest.Pool(t), eventTypes...)}
	s.restart()
	return s
}

// restart gives the story a new run with the same input, as continuing as new does, or a signal after the end.
func (s *story) restart() {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	start := time.Now().UTC().Truncate(time.Second)
	if s.env != nil {
		start = s.env.Now()
	} else {
		s.start = start
	}
	s.env, s.began = suite.NewTestWorkflowEnvironment(), start
	s.env.SetStartTime(start)
	s.env.SetTestTimeout(30 * time.Second)
	worker.RegisterWorkflows(s.env)
	s.real = s.Activities(s.T, s.env.Now)
	worker.RegisterActivities(s.env, s.real)
}

// at lets something happen at a time after the start of the story.
func (s *story) at(after time.Duration, f func()) {
	s.env.RegisterDelayedCallback(f, s.start.Add(after).Sub(s.began))
}

// passed is the time since the start of the story.
func (s *story) passed() time.Duration { return s.env.Now().Sub(s.start) }

// continued tells whether the run has gone on as a new one.
func (s *story) continued() bool {
	var next *workflow.ContinueAsNewError
	return errors.As(s.env.GetWorkflowError(), &next)
}

// says lets John write, now.
func (s *story) says(texts ...string) {
	s.Helper()
	for _, wake := range s.Accept(s.T, s.Body(john, texts...), s.env.Now()).Wakes {
		s.in = workflows.NewConversationInput(wake.AccountID, wake.InboxID, wake.ContactID)
	}
}

// accept takes in a body and sends the signal for it.
func (s *story) accept(body []byte) db.Accepted {
	s.Helper()
	accepted := s.Accept(s.T, body, s.env.Now())
	s.wake()
	return accepted
}

// wake sends the signal that intake sends.
func (s *story) wake() { s.env.SignalWorkflow(workflows.InboundSignal, workflows.InboundInput{}) }

func (s *story) run() { s.env.ExecuteWorkflow(workflows.ConversationName, s.in) }

func (s *story) command(actor handoff.Actor) workflows.CommandInput {
	s.ids++
	return workflows.CommandInput{
		CommandID: handoff.NewID().String(), ConversationID: s.conversation().ID, Actor: actor,
	}
}

// answer is what came back from an update.
type answer struct {
	done bool
	err  error
}

// refusal is what an update was refused with.
func (a *answer) refusal(t *testing.T) activities.Refusal {
	t.Helper()
	var refused *temporal.ApplicationError
	require.ErrorAs(t, a.err, &refused)
	var out activities.Refusal
	require.NoError(t, refused.Details(&out))
	require.EqualValues(t, refused.Type(), out.Code)
	return out
}

func (s *story) update(name string, arg any) *answer {
	s.ids++
	out := &answer{}
	s.env.UpdateWorkflow(name, strconv.Itoa(s.ids), &testsuite.TestUpdateCallback{
		OnAccept:   func() {},
		OnReject:   func(err error) { out.done, out.err = true, err },
		OnComplete: func(_ any, err error) { out.done, out.err = true, err },
	}, arg)
	return out
}

func (s *story) claim(actor handoff.Actor) *answer {
	return s.update(workflows.ClaimUpdate, workflows.ClaimInput{CommandInput: s.command(actor)})
}

func (s *story) release(actor handoff.Actor) *answer {
	return s.update(workflows.ReleaseUpdate, workflows.ReleaseInput{CommandInput: s.command(actor)})
}

func (s *story) resolveBy(actor handoff.Actor) *answer {
	return s.update(workflows.ResolveUpdate, workflows.ResolveInput{CommandInput: s.command(actor)})
}

// reply sends a text.
func (s *story) reply(actor handoff.Actor, text string) (handoff.ID, *answer) {
	s.Helper()
	return s.send(actor, "text", text, `{"body":`+strconv.Quote(text)+`}`)
}

// template sends a template, which leaves outside the service window too.
func (s *story) template(actor handoff.Actor, name string) (handoff.ID, *answer) {
	s.Helper()
	return s.send(actor, "template", name, `{"name":`+strconv.Quote(name)+`,"language":{"code":"en"}}`)
}

// send writes the row and sends the update, as the API does.
func (s *story) send(actor handoff.Actor, kind, text, content string) (handoff.ID, *answer) {
	s.Helper()
	conv := s.conversation()
	row, err := dbsqlc.New(s.DB).MessageInsertOutbound(context.Background(), dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: conv.InboxID, ContactID: conv.ContactID,
		AuthorType: handoff.AuthorAgent, AuthorID: actor.AgentID(), AuthorName: &actor.Agent.Name, Type: kind, Text: &text,
		Content: []byte(content), CreatedAt: s.env.Now(),
	})
	require.NoError(s, err)
	return row.ID, s.update(workflows.ReplyUpdate, workflows.ReplyInput{CommandInput: s.command(actor), MessageID: row.ID, Type: kind})
}

// conversations are all of the account, the newest first.
func (s *story) conversations() []dbsqlc.Conversation {
	s.Helper()
	rows, err := dbsqlc.New(s.DB).ConversationList(context.Background(), dbsqlc.ConversationListParams{
		AccountID: s.Account.ID, Statuses: []string{}, RowLimit: 100,
	})
	require.NoError(s, err)
	var out []dbsqlc.Conversation
	for _, row := range rows {
		out = append(out, row.Conversation)
	}
	return out
}

// conversation is the contact's latest.
func (s *story) conversation() dbsqlc.Conversation {
	s.Helper()
	all := s.conversations()
	i := slices.IndexFunc(all, func(c dbsqlc.Conversation) bool { return c.ContactID == s.in.ContactID })
	require.GreaterOrEqual(s, i, 0)
	return all[i]
}

func (s *story) message(id handoff.ID) dbsqlc.Message {
	s.Helper()
	row, err := dbsqlc.New(s.DB).MessageGet(context.Background(), dbsqlc.MessageGetParams{AccountID: s.Account.ID, ID: id})
	require.NoError(s, err)
	return row
}

// events are the types of the numbered events of a conversation, in order.
func (s *story) events(conversation handoff.ID) []handoff.EventType {
	s.Helper()
	var out []handoff.EventType
	for _, e := range s.Events(s.T, conversation) {
		if e.Seq == nil {
			continue
		}
		out = append(out, e.Type)
		require.EqualValues(s, len(out), *e.Seq, "events are numbered without a gap")
	}
	return out
}

// state asks the workflow.
func (s *story) state() workflows.State {
	s.Helper()
	value, err := s.env.QueryWorkflow(workflows.StateQuery)
	require.NoError(s, err)
	var out workflows.State
	require.NoError(s, value.Get(&out))
	return out
}

// deliveries are all of the account, the oldest first.
func (s *story) deliveries() []dbsqlc.Delivery {
	s.Helper()
	return s.Deliveries(s.T)
}

// attempts are those of a delivery, each as the time since the start of the story.
func (s *story) attempts(delivery handoff.ID) (rows []dbsqlc.DeliveryAttempt, after []time.Duration) {
	s.Helper()
	rows, err := dbsqlc.New(s.DB).AttemptList(context.Background(), []handoff.ID{delivery})
	require.NoError(s, err)
	for _, row := range rows {
		after = append(after, row.StartedAt.Sub(s.start))
	}
	return rows, after
}

// set changes the inbox.
func (s *story) set(change func(*dbsqlc.InboxUpdateParams)) {
	s.Helper()
	params := dbsqlc.InboxUpdateParams{
		AccountID: s.Account.ID, ID: s.Inbox.ID, Name: s.Inbox.Name, WABAID: s.Inbox.WABAID, PhoneNumberID: s.Inbox.PhoneNumberID,
		Inactivity: s.Inbox.Inactivity, ResolvedStatus: s.Inbox.ResolvedStatus, InactivityStatus: s.Inbox.InactivityStatus,
		NotifyInactivity: s.Inbox.NotifyInactivity, CallbackData: s.Inbox.CallbackData, Protocol: s.Inbox.Protocol,
		BotVersion: s.Inbox.BotVersion, TimeZone: s.Inbox.TimeZone, Accepting: s.Inbox.Accepting,
	}
	change(&params)
	var err error
	s.Inbox, err = dbsqlc.New(s.DB).InboxUpdate(context.Background(), params)
	require.NoError(s, err)
}

// redeliver asks for one more attempt, as the API does.
func (s *story) redeliver(delivery handoff.ID) {
	s.Helper()
	q := dbsqlc.New(s.DB)
	rows, err := q.DeliveryRequest(context.Background(), dbsqlc.DeliveryRequestParams{AccountID: s.Account.ID, ID: delivery})
	require.NoError(s, err)
	require.EqualValues(s, 1, rows)
	_, err = q.WakeRaiseByConversation(context.Background(), dbsqlc.WakeRaiseByConversationParams{
		InboxID: s.in.InboxID, ContactID: s.in.ContactID,
	})
	require.NoError(s, err)
	s.wake()
}

// afterWrite calls f once, after the first local activity that leaves the conversation in the given status.
func (s *story) afterWrite(status handoff.Status, f func()) {
	s.env.SetOnLocalActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) {
		if f != nil && s.conversation().Status == status {
			f()
			f = nil
		}
	})
}
