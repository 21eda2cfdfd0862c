package activities_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const john = "447700900123"

// scene is a contact who has written, with the activities as a worker runs them.
type scene struct {
	*testing.T
	*fixture.World
	*activities.Activities
	ref activities.Ref
	now time.Time
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneIn(t, dbtest.Pool(t))
}

func newSceneIn(t *testing.T, database db.DB) *scene {
	t.Helper()
	s := &scene{T: t, World: fixture.New(t, database), now: time.Now().UTC().Truncate(time.Second)}
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	wake := s.accept("I need to speak to a human").Wakes[0]
	s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	return s
}

func (s *scene) accept(texts ...string) db.Accepted {
	s.Helper()
	return s.Accept(s.T, s.Body(john, texts...), s.now)
}

func (s *scene) apply() activities.Snapshot {
	s.Helper()
	out, err := s.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.NoError(s, err)
	return out
}

// unapplied counts what is accepted and not applied.
func (s *scene) unapplied() int {
	s.Helper()
	return s.Count(s.T, "receipt_items", "outcome = 'accepted'")
}

// command is one for the conversation as it is now.
func (s *scene) command(id string, actor handoff.Actor) activities.Command {
	s.Helper()
	conv := s.conversation()
	return activities.Command{Ref: s.ref, ID: id, ConversationID: conv.ID, Version: conv.Version, Actor: actor, Now: s.now}
}

func (s *scene) conversation() dbsqlc.Conversation {
	s.Helper()
	rows, err := dbsqlc.New(s.World.DB).ConversationList(context.Background(), dbsqlc.ConversationListParams{
		AccountID: s.Account.ID, ContactID: &s.ref.ContactID, Statuses: []string{}, RowLimit: 1,
	})
	require.NoError(s, err)
	require.Len(s, rows, 1)
	return rows[0].Conversation
}

// draft writes the row of a reply, as the API does before its command.
func (s *scene) draft(actor handoff.Actor, text string) handoff.ID {
	s.Helper()
	row, err := dbsqlc.New(s.World.DB).MessageInsertOutbound(context.Background(), dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: s.ref.InboxID, ContactID: s.ref.ContactID,
		AuthorType: handoff.AuthorAgent, AuthorID: actor.AgentID(), AuthorName: &actor.Agent.Name, Type: "text", Text: &text,
		Content: []byte(`{"body":` + strconv.Quote(text) + `}`), CreatedAt: s.now,
	})
	require.NoError(s, err)
	return row.ID
}

// queued sends a reply as far as its delivery.
func (s *scene) queued(text string) handoff.ID {
	s.Helper()
	id := s.draft(s.Ana, text)
	result, err := s.Reply(context.Background(), activities.ReplyCommand{
		Command: s.command("reply:"+text, s.Ana), MessageID: id, Type: "text",
	})
	require.NoError(s, err)
	require.Nil(s, result.Refused)
	require.False(s, result.Stale)
	return id
}

// deliver runs a lane's activity once.
func (s *scene) deliver() (activities.DeliverResult, error) {
	return s.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: s.ref, EndpointID: s.Endpoint.ID, Max: 20, Last: 1})
}

func (s *scene) delivery() dbsqlc.Delivery {
	s.Helper()
	rows := s.Deliveries(s.T)
	require.NotEmpty(s, rows)
	return rows[len(rows)-1]
}

func (s *scene) message(id handoff.ID) dbsqlc.Message {
	s.Helper()
	row, err := dbsqlc.New(s.World.DB).MessageGet(context.Background(), dbsqlc.MessageGetParams{AccountID: s.Account.ID, ID: id})
	require.NoError(s, err)
	return row
}

// changedAt is when the endpoint of a delivery was last changed, which an attempt has to know.
func (s *scene) changedAt(d dbsqlc.Delivery) time.Time {
	s.Helper()
	row, err := dbsqlc.New(s.World.DB).DeliveryEndpoint(context.Background(), dbsqlc.DeliveryEndpointParams{ID: d.EndpointID, Now: s.now})
	require.NoError(s, err)
	return row.Endpoint.UpdatedAt
}
