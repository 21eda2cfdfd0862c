package recipes_test

import (
	"context"
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
	"handoff/internal/fixture"
	"handoff/internal/signature"
)

// scene is a conversation whose webhooks go to a recipe, with the activities as a worker runs them.
type scene struct {
	*testing.T
	*fixture.World
	*activities.Activities
	ref      activities.Ref
	endpoint dbsqlc.Endpoint
	now      time.Time
}

func newScene(t *testing.T, url string, key signature.Secret) *scene {
	t.Helper()
	s := &scene{T: t, World: fixture.New(t, dbtest.Pool(t)), now: time.Now().UTC().Truncate(time.Second)}
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	s.endpoint = s.AddEndpoint(t, &fixture.Gateway{URL: url, Secret: key}, "outbound_message", "conversation_resolved")
	wake := s.Accept(t, s.Body("447700900123", "I need to speak to a human"), s.now).Wakes[0]
	s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	_, err := s.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.NoError(t, err)
	return s
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

// reply queues an agent's message, as the API and the workflow do.
func (s *scene) reply(text string) {
	s.Helper()
	message, err := dbsqlc.New(s.World.DB).MessageInsertOutbound(context.Background(), dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: s.ref.InboxID, ContactID: s.ref.ContactID,
		AuthorType: handoff.AuthorAgent, AuthorID: s.Ana.AgentID(), AuthorName: &s.Ana.Agent.Name, Type: "text", Text: &text,
		Content: []byte(`{"body":` + strconv.Quote(text) + `}`), CreatedAt: s.now,
	})
	require.NoError(s, err)
	conversation := s.conversation()
	result, err := s.Reply(context.Background(), activities.ReplyCommand{
		Command: activities.Command{
			Ref: s.ref, ID: "reply:" + text, ConversationID: conversation.ID, Version: conversation.Version, Actor: s.Ana, Now: s.now,
		},
		MessageID: message.ID, Type: "text",
	})
	require.NoError(s, err)
	require.Nil(s, result.Refused)
	require.False(s, result.Stale)
}

// deliver runs the lane's activity once, and gives how many webhooks went through.
func (s *scene) deliver() (int, error) {
	out, err := s.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: s.ref, EndpointID: s.endpoint.ID, Max: 20, Last: 1})
	return out.Finished, err
}

// delivery is the newest to the recipe.
func (s *scene) delivery() dbsqlc.Delivery {
	s.Helper()
	rows := slices.DeleteFunc(s.Deliveries(s.T), func(d dbsqlc.Delivery) bool { return d.EndpointID != s.endpoint.ID })
	require.NotEmpty(s, rows)
	return rows[len(rows)-1]
}

// waits is the time after which a failed run of the activity wants to be run again.
func (s *scene) waits(err error) time.Duration {
	s.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(s, err, &failed)
	require.Equal(s, activities.Undelivered, failed.Type())
	return failed.NextRetryDelay()
}
