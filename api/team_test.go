package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// team makes a team with members and gives its path.
func (w *world) team(t *testing.T, body map[string]any, members ...handoff.Actor) string {
	t.Helper()
	path := "/v1/teams/" + w.do(t, "POST", "/v1/teams", w.adm, body).is(http.StatusCreated).text("id")
	for _, member := range members {
		w.do(t, "PUT", path+"/members/"+member.Agent.ID.String(), w.adm, nil).is(http.StatusNoContent)
	}
	return path
}

func teamID(path string) string { return path[len("/v1/teams/"):] }

func TestATeamIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do(t, "POST", "/v1/teams", w.adm, `{"name":" Billing "}`).is(http.StatusCreated)
	require.Equal(t, "Billing", made.text("name"))
	require.Equal(t, "manual", made.text("assignment"))
	require.Equal(t, "keep", made.text("when_away"))
	require.Nil(t, made.field("offer_seconds"))
	path := "/v1/teams/" + made.text("id")

	changed := w.do(t, "PATCH", path, w.adm, `{"assignment":"round_robin","offer_seconds":30,"silent_seconds":600,"when_away":"requeue"}`).is(http.StatusOK)
	require.Equal(t, "Billing", changed.text("name"))
	require.Equal(t, "round_robin", changed.text("assignment"))
	require.EqualValues(t, 30, changed.field("offer_seconds"))
	require.EqualValues(t, 600, changed.field("silent_seconds"))
	require.Equal(t, "requeue", changed.text("when_away"))
	changed = w.do(t, "PATCH", path, w.adm, `{"offer_seconds":0,"silent_seconds":0}`).is(http.StatusOK)
	require.Nil(t, changed.field("offer_seconds"))
	require.Nil(t, changed.field("silent_seconds"))
	require.Equal(t, "round_robin", changed.text("assignment"))

	w.do(t, "POST", "/v1/teams", w.adm, `{"name":"BILLING"}`).refused(http.StatusConflict, handoff.CodeConflict)
	other := w.team(t, map[string]any{"name": "Sales"})
	w.do(t, "PATCH", other, w.adm, `{"name":"billing"}`).refused(http.StatusConflict, handoff.CodeConflict)
	require.Len(t, w.do(t, "GET", "/v1/teams", w.ana, nil).is(http.StatusOK).field("items"), 2)
	w.do(t, "POST", "/v1/teams", w.ana, `{"name":"Own"}`).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "DELETE", path, w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)

	w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	w.do(t, "GET", path, w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "DELETE", path, w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", "/v1/teams", w.adm, `{"name":"billing"}`).is(http.StatusCreated)
}

func TestTeamsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.team(t, map[string]any{"name": "Billing"})
	for body, mentions := range map[string]string{
		`{"name":" "}`:               "name",
		`{"assignment":"random"}`:    "round_robin",
		`{"offer_seconds":4}`:        "5 to 3600, or 0 for none",
		`{"offer_seconds":3601}`:     "3600",
		`{"silent_seconds":9}`:       "10 to 604800, or 0 for none",
		`{"when_away":"drop"}`:       "requeue",
		`{"colour":"red"}`:           "colour",
		`{"name":"a\u0000b"}`:        "NUL",
		`{"silent_seconds":9999999}`: "604800",
	} {
		got := w.do(t, "PATCH", path, w.adm, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, string(got.body), mentions, body)
	}
}

func TestMembersOfATeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.team(t, map[string]any{"name": "Billing"}, w.Ana, w.Ben, w.Ana)
	second := w.team(t, map[string]any{"name": "another"}, w.Ana)
	members := w.do(t, "GET", path+"/members?limit=1", w.ana, nil).is(http.StatusOK)
	require.Equal(t, w.Ana.Agent.ID.String(), members.text("items.0.id"))
	require.Equal(t, []any{
		map[string]any{"id": teamID(second), "name": "another"}, map[string]any{"id": teamID(path), "name": "Billing"},
	}, members.field("items.0.teams"))
	rest := w.do(t, "GET", path+"/members?cursor="+members.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	require.Equal(t, w.Ben.Agent.ID.String(), rest.text("items.0.id"))
	require.Len(t, rest.field("items"), 1)

	w.do(t, "DELETE", path+"/members/"+w.Ana.Agent.ID.String(), w.adm, nil).is(http.StatusNoContent)
	w.do(t, "DELETE", path+"/members/"+w.Ana.Agent.ID.String(), w.adm, nil).is(http.StatusNoContent)
	require.Len(t, w.do(t, "GET", path+"/members", w.ana, nil).is(http.StatusOK).field("items"), 1)
	require.Len(t, w.do(t, "GET", "/v1/agents/"+w.Ana.Agent.ID.String(), w.ana, nil).is(http.StatusOK).field("teams"), 1)
	require.Len(t, w.do(t, "GET", "/v1/agents", w.ana, nil).is(http.StatusOK).field("items.1.teams"), 1)

	foreign := w.strangerWorld.Ana.Agent.ID.String()
	w.do(t, "PUT", path+"/members/"+foreign, w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "PUT", path+"/members/"+foreign, w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "PUT", path+"/members/"+w.Ana.Agent.ID.String(), w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)

	w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	require.Empty(t, w.do(t, "GET", "/v1/agents/"+w.Ben.Agent.ID.String(), w.ana, nil).is(http.StatusOK).field("teams"))
}

func TestATeamThatIsNeededStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	team := w.team(t, map[string]any{"name": "Billing"})
	inbox := "/v1/inboxes/" + w.Inbox.ID.String()
	gone := func(mentions string) {
		t.Helper()
		got := w.do(t, "DELETE", team, w.adm, nil).refused(http.StatusConflict, handoff.CodeConflict)
		require.Contains(t, got.text("detail"), mentions)
	}
	w.do(t, "PATCH", inbox, w.adm, map[string]any{"team_id": teamID(team)}).is(http.StatusOK)
	gone(`change team_id of the inbox "Support"`)
	w.do(t, "PATCH", inbox, w.adm, map[string]any{"team_id": "", "routing": []any{
		map[string]any{"if": map[string]any{}, "then": map[string]any{"team_id": teamID(team)}},
	}}).is(http.StatusOK)
	gone(`change routing of the inbox "Support"`)
	w.do(t, "PATCH", inbox, w.adm, `{"routing":[]}`).is(http.StatusOK)

	c := w.conversation(t, "447700900123")
	w.putInLine(t, c.ID, team, handoff.PriorityNormal, time.Now())
	gone("transfer or resolve")
	w.exec(t, "UPDATE conversations SET status = 'ended', ended_at = now(), end_reason = 'resolved' WHERE id = $1", c.ID)
	w.do(t, "DELETE", team, w.adm, nil).is(http.StatusNoContent)
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	tag, err := w.DB.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	require.Positive(t, tag.RowsAffected())
}

// putInLine puts a conversation into a team's line.
func (w *world) putInLine(t *testing.T, conversation handoff.ID, team string, priority handoff.Priority, at time.Time) {
	t.Helper()
	w.exec(t, "UPDATE conversations SET status = 'waiting', team_id = $2, priority = $3, queued_at = $4 WHERE id = $1",
		conversation, uuidOf(t, teamID(team)), priority, at)
}

func TestTheQueueOfATeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := w.timed(t)
	team := w.team(t, map[string]any{"name": "Billing"}, w.Ana, w.Ben)
	empty := w.do(t, "GET", team+"/queue", w.ana, nil).is(http.StatusOK)
	require.JSONEq(t, `{"waiting":0,"longest_wait_seconds":0,"agents_online":0,"agents_away":0,"free_capacity":0}`, string(empty.body))

	first, urgent, last := w.conversation(t, "447700900001"), w.conversation(t, "447700900002"), w.conversation(t, "447700900003")
	now := clock.now()
	w.putInLine(t, first.ID, team, handoff.PriorityNormal, now.Add(-5*time.Minute))
	w.putInLine(t, urgent.ID, team, handoff.PriorityUrgent, now.Add(-time.Minute))
	w.putInLine(t, last.ID, team, handoff.PriorityNormal, now.Add(-2*time.Minute))
	w.do(t, "PATCH", "/v1/agents/"+w.Ana.Agent.ID.String(), w.adm, `{"capacity":3}`).is(http.StatusOK)
	w.do(t, "PUT", "/v1/presence", w.ana, `{"state":"online"}`).is(http.StatusOK)
	w.do(t, "PUT", "/v1/presence", w.ben, `{"state":"away"}`).is(http.StatusOK)

	got := w.do(t, "GET", team+"/queue", w.ana, nil).is(http.StatusOK)
	require.JSONEq(t, `{"waiting":3,"longest_wait_seconds":300,"agents_online":1,"agents_away":1,"free_capacity":3}`, string(got.body))
	for place, id := range []handoff.ID{urgent.ID, first.ID, last.ID} {
		got := w.do(t, "GET", "/v1/conversations/"+id.String()+"/queue", w.ana, nil).is(http.StatusOK)
		require.EqualValues(t, place, got.field("ahead"))
		require.EqualValues(t, place+1, got.field("position"))
		require.Equal(t, teamID(team), got.text("team_id"))
		require.Nil(t, got.field("estimated_wait_seconds"))
	}

	// Three find an agent, two minutes apart, and one is still Ana's.
	for i, phone := range []string{"447700900011", "447700900012", "447700900013"} {
		c := w.conversation(t, phone)
		w.putInLine(t, c.ID, team, handoff.PriorityNormal, now)
		w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/claim", w.ana, nil).is(http.StatusOK)
		w.exec(t, "UPDATE events SET at = $2 WHERE conversation_id = $1 AND type = 'conversation.claimed'", c.ID, now.Add(-time.Duration(i)*2*time.Minute))
		if i > 0 {
			w.exec(t, "UPDATE conversations SET status = 'ended', ended_at = now(), end_reason = 'resolved' WHERE id = $1", c.ID)
		}
	}
	got = w.do(t, "GET", team+"/queue", w.ana, nil).is(http.StatusOK)
	require.EqualValues(t, 2, got.field("free_capacity"))
	require.EqualValues(t, 4*120, got.field("estimated_wait_seconds"), "three are ahead of a newcomer")
	require.EqualValues(t, 2*120, w.do(t, "GET", "/v1/conversations/"+first.ID.String()+"/queue", w.ana, nil).is(http.StatusOK).field("estimated_wait_seconds"))

	w.do(t, "PUT", "/v1/presence", w.ben, `{"state":"online"}`).is(http.StatusOK)
	require.Nil(t, w.do(t, "GET", team+"/queue", w.ana, nil).is(http.StatusOK).field("free_capacity"), "Ben has no limit")
	clock.forward(2 * time.Minute)
	require.EqualValues(t, 0, w.do(t, "GET", team+"/queue", w.ana, nil).is(http.StatusOK).field("agents_online"), "their leases have run out")
}

func TestOnlyWhatWaitsHasAPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.conversation(t, "447700900123"), w.conversation(t, "447700900124")
	place := w.do(t, "GET", "/v1/conversations/"+second.ID.String()+"/queue", w.ana, nil).is(http.StatusOK)
	require.EqualValues(t, 2, place.field("position"), "without a team there is a line too")
	require.Nil(t, place.field("team_id"))
	path := "/v1/conversations/" + first.ID.String()
	w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)
	got := w.do(t, "GET", path+"/queue", w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, got.text("detail"), "assigned")
	require.EqualValues(t, 1, w.do(t, "GET", "/v1/conversations/"+second.ID.String()+"/queue", w.ana, nil).is(http.StatusOK).field("position"))
}
