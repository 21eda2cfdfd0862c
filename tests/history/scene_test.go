package history_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/api"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/admin"
	"handoff/internal/fixture"
	"handoff/internal/health"
	"handoff/internal/outbound"
	"handoff/workflows"
)

// scene is an account with two teams, its activities as a worker runs them, and its API.
type scene struct {
	*testing.T
	*fixture.World
	*activities.Activities
	api   http.Handler
	key   string // an admin's
	teams []handoff.ID
	now   time.Time
}

func newScene(t *testing.T) *scene {
	t.Helper()
	// Times of other machines are finer than those of the rows.
	s := &scene{T: t, World: fixture.New(t, dbtest.Pool(t), "outbound_message", "conversation_resolved", "*"), now: time.Now().UTC().Add(123 * time.Nanosecond)}
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	s.Surveys = func(handoff.ID, handoff.ID, time.Time) (string, error) { return "https://handoff.example/r/token", nil }
	poster := outbound.NewClient(outbound.Config{AllowLoopback: true})
	t.Cleanup(poster.Close)
	_, key, err := admin.Admin{DB: s.World.DB, Box: s.World.Box}.CreateKey(context.Background(), s.Account.ID, admin.NewKey{Name: "desk", Scope: handoff.ScopeAdmin})
	require.NoError(t, err)
	s.key = key
	s.api, err = api.New(api.Deps{
		DB: s.World.DB, Commands: nobody{}, Waker: nobody{}, Box: s.World.Box, CheckURL: poster.CheckURL, CheckHeaders: outbound.CheckHeaders,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Ready: func(context.Context) health.Ready { return health.Of(nil) }, Store: s.Activities.Store,
		Now: func() time.Time { return s.now },
	})
	require.NoError(t, err)
	for _, name := range []string{"Billing", "Sales"} {
		id := handoff.NewID()
		s.Exec(t, "INSERT INTO teams (id, account_id, name) VALUES ($1, $2, $3)", id, s.Account.ID, name)
		for _, agent := range []handoff.Actor{s.Ana, s.Ben} {
			s.Exec(t, "INSERT INTO team_members (account_id, team_id, agent_id) VALUES ($1, $2, $3)", s.Account.ID, id, agent.Agent.ID)
		}
		s.teams = append(s.teams, id)
	}
	return s
}

// do asks the API, and wants to hear that it is done.
func (s *scene) do(t require.TestingT, method, path, body string) {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+s.key)
	recorder := httptest.NewRecorder()
	s.api.ServeHTTP(recorder, request)
	require.Less(t, recorder.Code, 300, recorder.Body.String())
}

// nobody stands for the workflows: what this test asks the API for needs none.
type nobody struct{}

func (nobody) Update(context.Context, workflows.ConversationInput, workflows.Input) error { return nil }

func (nobody) TestWebhook(context.Context, workflows.WebhookTestInput) error { return nil }

func (nobody) Wake(db.Wake) {}

func (nobody) Accepting() func() { return func() {} }

// conversations are those of a contact, the latest first.
func (s *scene) conversations(t require.TestingT, contact handoff.ID) []dbsqlc.Conversation {
	rows, err := dbsqlc.New(s.World.DB).ConversationList(context.Background(), dbsqlc.ConversationListParams{
		AccountID: s.Account.ID, ContactID: &contact, Statuses: []string{}, RowLimit: 100,
	})
	require.NoError(t, err)
	out := make([]dbsqlc.Conversation, 0, len(rows))
	for _, row := range rows {
		out = append(out, row.Conversation)
	}
	return out
}
