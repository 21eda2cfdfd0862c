package activities_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// newSilenceScene has two endpoints that want to be told of a silence: after 30 minutes, and after 60.
func newSilenceScene(t *testing.T) (s *graphScene, half, whole *fixture.Gateway, other dbsqlc.Endpoint) {
	t.Helper()
	s = newGraphScene(t)
	s.lane(s.Endpoint.ID)
	half, whole = s.Gateway, fixture.NewGateway(t)
	other = s.AddEndpoint(t, whole, "whatsapp.conversation.inactive", "whatsapp.conversation.ended")
	s.Exec(t, "UPDATE endpoints SET inactivity_minutes = 30 WHERE id = $1", s.Endpoint.ID)
	s.Exec(t, "UPDATE endpoints SET inactivity_minutes = 60 WHERE id = $1", other.ID)
	return s, half, whole, other
}

func (s *scene) silence(id string) activities.Result {
	s.Helper()
	result, err := s.Silence(context.Background(), s.command(id, handoff.Actor{Admin: true}))
	require.NoError(s, err)
	return result
}

// inactive are the minutes of the notices that a gateway got.
func inactive(t *testing.T, g *fixture.Gateway) (minutes []int) {
	t.Helper()
	for _, r := range g.Requests() {
		if r.Header.Get("X-Webhook-Event") != "whatsapp.conversation.inactive" {
			continue
		}
		var body struct {
			Inactivity   struct{ Minutes int }
			Conversation struct {
				Kapso struct {
					MessagesCount int `json:"messages_count"`
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(r.Body), &body), r.Body)
		minutes = append(minutes, body.Inactivity.Minutes)
		require.NotZero(t, body.Conversation.Kapso.MessagesCount, r.Body)
	}
	return minutes
}

func TestEachEndpointIsToldOfASilenceAfterItsOwnTime(t *testing.T) {
	t.Parallel()
	s, half, whole, other := newSilenceScene(t)
	start := s.now
	s.says("hello?")
	require.Equal(t, start.Add(30*time.Minute), s.conversation().NoticeAt.UTC())
	s.silence("silence:early")
	require.Zero(t, s.Count(t, "events", "type = $1", handoff.EventInactive), "its time has not come")

	s.now = start.Add(30 * time.Minute)
	rerun := s.command("silence:30", handoff.Actor{Admin: true})
	_, err := s.Silence(context.Background(), rerun)
	require.NoError(t, err)
	rows := s.Dump(t)
	_, err = s.Silence(context.Background(), rerun)
	require.NoError(t, err)
	s.RequireUnchanged(t, rows)
	require.Equal(t, start.Add(60*time.Minute), s.conversation().NoticeAt.UTC())
	require.Zero(t, s.lane(s.Endpoint.ID))
	require.Zero(t, s.lane(other.ID))
	require.Equal(t, []int{30}, inactive(t, half))
	require.Empty(t, inactive(t, whole))

	s.now = start.Add(60 * time.Minute)
	s.silence("silence:60")
	require.Zero(t, s.lane(s.Endpoint.ID))
	require.Zero(t, s.lane(other.ID))
	require.Equal(t, []int{30}, inactive(t, half))
	require.Equal(t, []int{60}, inactive(t, whole))
	require.Nil(t, s.conversation().NoticeAt, "until somebody writes")

	s.says("hello again")
	require.Equal(t, s.now.Add(30*time.Minute), s.conversation().NoticeAt.UTC())
	_, err = s.End(context.Background(), activities.EndCommand{Command: s.command("resolve:1", s.Ana), Reason: handoff.EndResolved})
	require.NoError(t, err)
	require.Nil(t, s.conversation().NoticeAt)
	s.now = s.now.Add(time.Hour)
	require.NotNil(t, s.silence("silence:after").Refused, "there is none after the end")
}

// The worker was away for an hour and a half: both are told, once each.
func TestASilenceThatWasMissedIsToldLate(t *testing.T) {
	t.Parallel()
	s, half, whole, other := newSilenceScene(t)
	s.says("hello?")
	s.now = s.now.Add(90 * time.Minute)
	s.silence("silence:90")
	require.Zero(t, s.lane(s.Endpoint.ID))
	require.Zero(t, s.lane(other.ID))
	require.Equal(t, []int{30}, inactive(t, half))
	require.Equal(t, []int{60}, inactive(t, whole))
	require.Nil(t, s.conversation().NoticeAt)
}
