package activities_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
)

// graphScene is a contact who has written to a number whose replies leave through Meta's Graph API.
type graphScene struct {
	*scene
	meta *fakegraph.Graph
	out  dbsqlc.Endpoint
}

func newGraphScene(t *testing.T) *graphScene {
	t.Helper()
	w := fixture.New(t, dbtest.Pool(t))
	s := &graphScene{scene: &scene{T: t, World: w, now: time.Now().UTC().Truncate(time.Second)}}
	s.meta, s.out = w.SpeakKapso(t, handoff.ProtocolKapso)
	s.Activities = w.Activities(t, func() time.Time { return s.now })
	s.ref = activities.Ref{AccountID: w.Account.ID, InboxID: w.Inbox.ID, ContactID: s.accept("I need to speak to a human").Wakes[0].ContactID}
	s.apply()
	return s
}

// lane runs the activity of an endpoint's lane once. It gives the wait until the next attempt, 0 where the lane is through.
func (s *scene) lane(endpoint handoff.ID) time.Duration {
	s.Helper()
	_, err := s.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: s.ref, EndpointID: endpoint, Max: 20, Last: 1})
	return s.waits(err)
}

func (s *scene) waits(err error) time.Duration {
	s.Helper()
	if err == nil {
		return 0
	}
	var undelivered *temporal.ApplicationError
	require.ErrorAs(s, err, &undelivered)
	require.Equal(s, activities.Undelivered, undelivered.Type(), undelivered.Message())
	return undelivered.NextRetryDelay()
}

func (s *graphScene) leave() time.Duration { return s.lane(s.out.ID) }

// sendOf is the delivery that takes a message to its vendor.
func (s *scene) sendOf(message handoff.ID) dbsqlc.Delivery {
	s.Helper()
	rows := s.Deliveries(s.T)
	for _, row := range slices.Backward(rows) {
		if row.MessageID != nil && *row.MessageID == message {
			return row
		}
	}
	require.Fail(s, "the message has no delivery")
	return dbsqlc.Delivery{}
}

func (s *scene) status(message handoff.ID) handoff.MessageStatus {
	s.Helper()
	status := s.message(message).Status
	require.NotNil(s, status)
	return *status
}

// redeliver asks for one more attempt, as the API does.
func (s *scene) redeliver(delivery handoff.ID) {
	s.Helper()
	rows, err := dbsqlc.New(s.World.DB).DeliveryRequest(context.Background(), dbsqlc.DeliveryRequestParams{AccountID: s.Account.ID, ID: delivery})
	require.NoError(s, err)
	require.EqualValues(s, 1, rows)
}

// told is a status of Meta's, which names the message by its wamid, by our id, or by both.
func (s *scene) told(wamid, callback, status string) {
	s.Helper()
	s.Accept(s.T, s.Envelope(map[string]any{"statuses": []any{map[string]any{
		"id": wamid, "status": status, "timestamp": strconv.FormatInt(s.now.Unix(), 10), "recipient_id": john, "biz_opaque_callback_data": callback,
	}}}), s.now)
	s.apply()
}

func TestAReplyLeavesThroughMetaOnceAndItsWamidIsLearned(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	id := s.queued("Hi John")
	require.Zero(t, s.leave())
	require.Zero(t, s.leave(), "there is nothing left to send")

	sent := s.meta.Sent()
	require.Len(t, sent, 1)
	require.Equal(t, s.Inbox.PhoneNumberID, sent[0].PhoneNumberID)
	require.Equal(t, john, sent[0].To)
	require.Equal(t, id.String(), sent[0].CallbackData)
	require.Equal(t, sent[0].ID, *s.message(id).ExternalID)
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(id))
	require.Equal(t, handoff.DeliveryDelivered, s.sendOf(id).State)

	s.told(sent[0].ID, "", "sent")
	require.Equal(t, handoff.MessageSent, s.status(id))
	s.told(sent[0].ID, id.String(), "read")
	require.Equal(t, handoff.MessageRead, s.status(id))
	s.told(sent[0].ID, "", "delivered")
	require.Equal(t, handoff.MessageRead, s.status(id), "a status that comes late changes nothing")
}

func TestAStatusThatOvertakesTheAnswerIsFoundByOurOwnId(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	id := s.queued("Hi John")
	s.told("wamid.early", id.String(), "delivered")
	require.Equal(t, handoff.MessageDelivered, s.status(id))
	require.Equal(t, "wamid.early", *s.message(id).ExternalID)
	require.Zero(t, s.leave())
	require.Equal(t, handoff.MessageDelivered, s.status(id))
}

// Meta acted and the answer was lost: there is no idempotency key, so it is not sent again.
func TestASendWhoseAnswerIsLostIsUncertainAndNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakegraph.Fault{
		"the connection closes": {Path: "/messages", Hang: true},
		"a proxy answers":       {Path: "/messages", Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newGraphScene(t)
			s.meta.Fail(fault)
			first, second := s.queued("first"), s.queued("second")
			require.Zero(t, s.leave(), "the lane goes on")
			require.Equal(t, handoff.MessageUncertain, s.status(first))
			require.Equal(t, handoff.DeliveryFailed, s.sendOf(first).State)
			require.Contains(t, *s.sendOf(first).Failure, "it may have been sent")
			require.Equal(t, handoff.MessageDeliveredToGateway, s.status(second))
			s.now = s.now.Add(100 * time.Hour)
			require.Zero(t, s.leave())
			require.EqualValues(t, 1, s.sendOf(first).Attempts)

			s.told("wamid.first", first.String(), "sent")
			require.Equal(t, handoff.MessageSent, s.status(first), "its status tells that it was sent")
			s.told("wamid.first", "", "delivered")
			require.Equal(t, handoff.MessageDelivered, s.status(first))
		})
	}
}

// The worker died between the row of its attempt and the row of its outcome. What an extra attempt left behind counts as well.
func TestASendWhoseWorkerDiedIsUncertainAndNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, trigger := range []string{"schedule", "manual"} {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			s := newGraphScene(t)
			id := s.queued("Hi John")
			d := s.sendOf(id)
			if trigger == "manual" {
				s.redeliver(d.ID)
			}
			rows, err := dbsqlc.New(s.World.DB).AttemptStart(context.Background(), dbsqlc.AttemptStartParams{
				ID: d.ID, N: 1, Trigger: trigger, StartedAt: &s.now, EndpointID: d.EndpointID, EndpointUpdatedAt: s.changedAt(d),
			})
			require.NoError(t, err)
			require.EqualValues(t, 1, rows)
			require.Zero(t, s.leave())
			require.Zero(t, s.leave())
			require.Empty(t, s.meta.Sent())
			require.Equal(t, handoff.MessageUncertain, s.status(id))
			require.Equal(t, handoff.DeliveryFailed, s.sendOf(id).State)
			require.Nil(t, s.sendOf(id).ManualAt)

			s.redeliver(d.ID)
			require.Zero(t, s.leave())
			require.Len(t, s.meta.Sent(), 1, "somebody asked for it, knowing that")
			require.Equal(t, handoff.MessageDeliveredToGateway, s.status(id))
		})
	}
}

func TestAnExtraAttemptWhoseWorkerDiedTakesNothingBack(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	id := s.queued("Hi John")
	require.Zero(t, s.leave())
	d := s.sendOf(id)
	s.redeliver(d.ID)
	_, err := dbsqlc.New(s.World.DB).AttemptStart(context.Background(), dbsqlc.AttemptStartParams{
		ID: d.ID, N: 2, Trigger: "manual", StartedAt: &s.now, EndpointID: d.EndpointID, EndpointUpdatedAt: s.changedAt(d),
	})
	require.NoError(t, err)
	require.Zero(t, s.leave())
	require.Zero(t, s.leave())
	require.Len(t, s.meta.Sent(), 1)
	require.Equal(t, handoff.DeliveryDelivered, s.sendOf(id).State)
	require.Nil(t, s.sendOf(id).ManualAt)
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(id))
}

// It waits for its next attempt, somebody asks for one now, and the answer to that is lost: the schedule must not send it once more.
func TestAnExtraAttemptWhoseAnswerIsLostEndsTheSchedule(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.Fail(fakegraph.Fault{Path: "/messages", Code: 131000})
	s.meta.Fail(fakegraph.Fault{Path: "/messages", Hang: true})
	id := s.queued("Hi John")
	require.Equal(t, 5*time.Second, s.leave())
	s.redeliver(s.sendOf(id).ID)
	require.Zero(t, s.leave())
	s.now = s.now.Add(100 * time.Hour)
	require.Zero(t, s.leave())
	require.Len(t, s.meta.Sent(), 1)
	require.Equal(t, handoff.MessageUncertain, s.status(id))
	require.Equal(t, handoff.DeliveryFailed, s.sendOf(id).State)
}

func TestARefusedConnectionIsRetried(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	good := s.GraphURL
	s.GraphURL = "http://127.0.0.1:1"
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	id := s.queued("Hi John")
	require.Equal(t, 5*time.Second, s.leave())
	require.Equal(t, handoff.MessageQueued, s.status(id))
	s.GraphURL = good
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	s.now = s.now.Add(5 * time.Second)
	require.Zero(t, s.leave())
	require.Len(t, s.meta.Sent(), 1)
}

func TestTheCodeOfMetasErrorDecides(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault   fakegraph.Fault
		wait    time.Duration
		message handoff.MessageStatus
		state   handoff.DeliveryState
		step    int32
	}{
		"131047, outside the window": {fakegraph.Fault{Code: 131047}, 0, handoff.MessageFailed, handoff.DeliveryFailed, 1},
		"131000, Meta's own":         {fakegraph.Fault{Code: 131000}, 5 * time.Second, handoff.MessageQueued, handoff.DeliveryPending, 1},
		"131056, this customer":      {fakegraph.Fault{Code: 131056}, time.Second, handoff.MessageQueued, handoff.DeliveryPending, 0},
		"130429, this number":        {fakegraph.Fault{Code: 130429}, 5 * time.Second, handoff.MessageQueued, handoff.DeliveryPending, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newGraphScene(t)
			tt.fault.Path = "/messages"
			s.meta.Fail(tt.fault)
			id := s.queued("Hi John")
			require.Equal(t, tt.wait, s.leave())
			d := s.sendOf(id)
			require.Equal(t, tt.message, s.status(id))
			require.Equal(t, tt.state, d.State)
			require.Equal(t, tt.step, d.Step, "a throttled attempt does not count")
			require.Greater(t, len(*d.Failure), 20, "the reason is a sentence")
			require.NotContains(t, *d.Failure, fixture.VendorToken)
			if tt.message == handoff.MessageFailed {
				require.Equal(t, strconv.Itoa(tt.fault.Code), *s.message(id).FailureCode)
				require.Equal(t, *d.Failure, *s.message(id).FailureReason)
			}
			require.Empty(t, s.meta.Sent())
			s.now = s.now.Add(tt.wait)
			if tt.wait == 0 {
				s.redeliver(d.ID)
			}
			require.Zero(t, s.leave())
			require.Len(t, s.meta.Sent(), 1)
			require.Equal(t, handoff.MessageDeliveredToGateway, s.status(id), "one more send lifts it")
		})
	}
}

func TestOneCustomersLimitWaitsLongerEachTimeAndStopsNobodyElse(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.Fail(fakegraph.Fault{Path: "/messages", Code: 131056, Times: 4})
	s.queued("Hi John")
	for _, want := range []time.Duration{1, 4, 16, 64} {
		require.Equal(t, want*time.Second, s.leave())
		s.now = s.now.Add(want * time.Second)
	}
	require.Nil(t, s.EndpointState(t, s.out.ID).PausedUntil)
	require.Zero(t, s.leave())
	require.Len(t, s.meta.Sent(), 1)
}

func TestTheNumbersLimitPausesEverybody(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.Fail(fakegraph.Fault{Path: "/messages", Code: 130429, RetryAfter: 42 * time.Second})
	s.queued("Hi John")
	require.Equal(t, 42*time.Second, s.leave())
	require.Equal(t, s.now.Add(42*time.Second), s.EndpointState(t, s.out.ID).PausedUntil.UTC())

	ref := s.ref
	s.ref.ContactID = s.Accept(t, s.Body("447700900456", "me too"), s.now).Wakes[0].ContactID
	s.apply()
	s.queued("Hi Jane")
	require.Equal(t, 42*time.Second, s.leave(), "another contact's lane waits as well")
	require.Empty(t, s.meta.Sent())
	s.now = s.now.Add(42 * time.Second)
	require.Zero(t, s.leave())
	s.ref = ref
	require.Zero(t, s.leave())
	require.Len(t, s.meta.Sent(), 2)
}

func TestATokenThatMetaRefusesDisablesTheEndpointAndHoldsWhatIsToLeave(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.Token(fixture.VendorToken, false)
	first, second := s.queued("first"), s.queued("second")
	require.Zero(t, s.leave())
	state := s.EndpointState(t, s.out.ID)
	require.Equal(t, handoff.EndpointDisabled, state.State)
	require.Greater(t, len(state.Reason), 20, "the reason is a sentence")
	require.NotContains(t, state.Reason, fixture.VendorToken)
	require.Equal(t, 1, s.Count(t, "events", "type = $1", handoff.EventEndpointDisabled))
	for _, id := range []handoff.ID{first, second} {
		require.Equal(t, handoff.DeliveryHeld, s.sendOf(id).State)
		require.Equal(t, handoff.MessageQueued, s.status(id))
	}
	require.Equal(t, handoff.DeliveryHeld, s.sendOf(s.queued("third")).State, "what comes meanwhile is held too")

	s.meta.Token(fixture.VendorToken, true)
	s.Exec(t, "UPDATE endpoints SET state = 'enabled' WHERE id = $1", s.out.ID)
	_, err := dbsqlc.New(s.World.DB).DeliveryRelease(context.Background(), s.out.ID)
	require.NoError(t, err)
	s.now = s.now.Add(time.Minute)
	require.Zero(t, s.leave())
	require.Len(t, s.meta.Sent(), 3)
	require.Contains(t, string(s.meta.Sent()[0].Body), "first")
	require.Contains(t, string(s.meta.Sent()[2].Body), "third")
}

// The reply waited behind an endpoint that was away until its window had closed. What stands behind it leaves in the same run of the lane.
func TestAReplyWhoseWindowClosedDoesNotLeaveAndTheLaneGoesOn(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.Fail(fakegraph.Fault{Path: "/messages", Code: 131000})
	id := s.queued("Hi John")
	s.leave()
	template := s.draft(s.Ana, "template")
	s.Exec(t, `UPDATE messages SET type = 'template', content = '{"name":"hello","language":{"code":"en"}}' WHERE id = $1`, template)
	_, err := s.Reply(context.Background(), activities.ReplyCommand{Command: s.command("template", s.Ana), MessageID: template, Type: "template"})
	require.NoError(t, err)
	s.now = s.now.Add(25 * time.Hour)
	require.Zero(t, s.leave())
	require.Equal(t, handoff.FailureWindowClosed, *s.message(id).FailureCode)
	require.Len(t, s.meta.Sent(), 1)
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(template))
}

// A worker that was taken for dead was only slow: its success counts, whatever was written meanwhile.
func TestALateSuccessLiftsUncertain(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	taken, answer := make(chan struct{}), make(chan struct{})
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.meta.ServeHTTP(rec, r)
		close(taken) // a second request would be one too many
		<-answer
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}))
	t.Cleanup(meta.Close)
	s.GraphURL = meta.URL
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	id := s.queued("Hi John")
	slow := make(chan error, 1)
	go func() {
		_, err := s.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: s.ref, EndpointID: s.out.ID, Max: 20, Last: 1})
		slow <- err
	}()
	<-taken
	require.Zero(t, s.leave())
	require.Equal(t, handoff.MessageUncertain, s.status(id))
	close(answer)
	require.NoError(t, <-slow)
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(id))
	require.Len(t, s.meta.Sent(), 1)
	require.Equal(t, s.meta.Sent()[0].ID, *s.message(id).ExternalID)
}

func TestAnInboxWithoutAWayOutRefusesAReply(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.Exec(t, "UPDATE endpoints SET deleted_at = now() WHERE id = $1", s.out.ID)
	result, err := s.Reply(context.Background(), activities.ReplyCommand{
		Command: s.command("reply:1", s.Ana), MessageID: s.draft(s.Ana, "Hi"), Type: "text",
	})
	require.NoError(t, err)
	require.NotNil(t, result.Refused)
	require.Equal(t, handoff.CodeConflict, result.Refused.Code)
}
