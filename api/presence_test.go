package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
)

type presenceEvent struct {
	ActorType handoff.AuthorType
	ActorID   *handoff.ID
	Data      map[string]any
}

// presenceEvents are the account's events of presence, the oldest first. The API shows them once no older transaction runs, and those
// of other tests do.
func (w *world) presenceEvents(t *testing.T) []presenceEvent {
	t.Helper()
	rows, err := w.DB.Query(t.Context(), `SELECT actor_type, actor_id, data FROM events
		WHERE account_id = $1 AND type = 'agent.presence_changed' ORDER BY position`, w.Account.ID)
	require.NoError(t, err)
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[presenceEvent])
	require.NoError(t, err)
	return events
}

func TestAnAgentSaysThatItIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := w.timed(t)
	ana := "/v1/agents/" + w.Ana.Agent.ID.String()
	before := w.do(t, "GET", ana, w.ana, nil).is(http.StatusOK)
	require.Equal(t, "offline", before.text("presence"))
	require.Nil(t, before.field("presence_since"))

	start := clock.now()
	online := w.do(t, "PUT", "/v1/presence", w.ana, `{"state":"online"}`).is(http.StatusOK)
	require.Equal(t, "online", online.text("presence"))
	require.WithinDuration(t, start, instant(t, online.text("presence_since")), time.Millisecond)
	require.WithinDuration(t, start.Add(2*time.Minute), instant(t, online.text("presence_until")), time.Millisecond)

	clock.forward(time.Minute)
	renewed := w.do(t, "PUT", "/v1/presence", w.ana, `{"state":"online","lease_seconds":30}`).is(http.StatusOK)
	require.WithinDuration(t, start, instant(t, renewed.text("presence_since")), time.Millisecond, "a renewal is no beginning")
	require.WithinDuration(t, clock.now().Add(30*time.Second), instant(t, renewed.text("presence_until")), time.Millisecond)
	require.Len(t, w.presenceEvents(t), 1, "nor does it change anything")

	end := clock.now().Add(30 * time.Second)
	clock.forward(30 * time.Second)
	gone := w.do(t, "GET", ana, w.ana, nil).is(http.StatusOK)
	require.Equal(t, "offline", gone.text("presence"), "the lease has run out")
	require.WithinDuration(t, end, instant(t, gone.text("presence_since")), time.Millisecond)
	require.Nil(t, gone.field("presence_until"))

	w.do(t, "PUT", ana+"/presence", w.ana, `{"state":"online"}`).is(http.StatusOK)
	w.do(t, "PUT", ana+"/presence", w.adm, `{"state":"away","lease_seconds":86400}`).is(http.StatusOK)
	off := w.do(t, "PUT", "/v1/presence", w.ana, `{"state":"offline"}`).is(http.StatusOK)
	require.Nil(t, off.field("presence_until"))
	w.do(t, "PUT", "/v1/presence", w.ana, `{"state":"offline"}`).is(http.StatusOK)

	events := w.presenceEvents(t)
	require.Len(t, events, 4)
	for i, want := range []struct {
		presence string
		actor    handoff.AuthorType
	}{{"online", handoff.AuthorAgent}, {"online", handoff.AuthorAgent}, {"away", handoff.AuthorSystem}, {"offline", handoff.AuthorAgent}} {
		require.Equal(t, w.Ana.Agent.ID.String(), events[i].Data["agent_id"])
		require.Equal(t, want.presence, events[i].Data["presence"])
		require.Equal(t, want.presence != "offline", events[i].Data["until"] != nil)
		require.Equal(t, want.actor, events[i].ActorType)
		require.Equal(t, want.actor == handoff.AuthorAgent, events[i].ActorID != nil)
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at
}

func TestPresenceThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ben := "/v1/agents/" + w.Ben.Agent.ID.String()
	w.do(t, "PUT", ben+"/presence", w.ana, `{"state":"away"}`).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "PUT", "/v1/presence", w.gateway, `{"state":"away"}`).refused(http.StatusForbidden, handoff.CodeForbidden)
	got := w.do(t, "PUT", "/v1/presence", w.adm, `{"state":"away"}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Contains(t, got.text("detail"), "/v1/agents/{id}/presence")
	for _, body := range []string{`{}`, `{"state":"asleep"}`, `{"state":"online","lease_seconds":29}`, `{"state":"online","lease_seconds":86401}`} {
		w.do(t, "PUT", "/v1/presence", w.ana, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	w.do(t, "PUT", "/v1/agents/"+w.strangerWorld.Ana.Agent.ID.String()+"/presence", w.adm, `{"state":"away"}`).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Empty(t, w.presenceEvents(t))
}

func TestADisabledAgentIsOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ben := "/v1/agents/" + w.Ben.Agent.ID.String()
	w.do(t, "PUT", ben+"/presence", w.adm, `{"state":"online","lease_seconds":3600}`).is(http.StatusOK)
	disabled := w.do(t, "PATCH", ben, w.adm, `{"disabled":true}`).is(http.StatusOK)
	require.Equal(t, "offline", disabled.text("presence"))
	events := w.presenceEvents(t)
	require.Len(t, events, 2)
	require.Equal(t, "offline", events[1].Data["presence"])

	w.do(t, "PUT", ben+"/presence", w.adm, `{"state":"online"}`).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "PUT", ben+"/presence", w.adm, `{"state":"offline"}`).is(http.StatusOK)
	require.Equal(t, "offline", w.do(t, "PATCH", ben, w.adm, `{"disabled":false}`).is(http.StatusOK).text("presence"))
	require.Len(t, w.presenceEvents(t), 2)
}

func TestAnAgentsSkillsAndCapacity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo","capacity":3,"skills":[" German ","billing"]}`).is(http.StatusCreated)
	require.EqualValues(t, 3, made.field("capacity"))
	require.Equal(t, []any{"german", "billing"}, made.field("skills"))
	require.Equal(t, []any{}, made.field("teams"))
	path := "/v1/agents/" + made.text("id")
	kept := w.do(t, "PATCH", path, w.adm, `{"name":"Cleopatra"}`).is(http.StatusOK)
	require.EqualValues(t, 3, kept.field("capacity"))
	require.Equal(t, []any{"german", "billing"}, kept.field("skills"))
	none := w.do(t, "PATCH", path, w.adm, `{"capacity":0,"skills":[]}`).is(http.StatusOK)
	require.Nil(t, none.field("capacity"))
	require.Equal(t, []any{}, none.field("skills"))
	for body, mentions := range map[string]string{
		`{"capacity":-1}`:             "capacity",
		`{"capacity":1001}`:           "1000",
		`{"skills":["a","A"]}`:        "twice",
		`{"skills":[" "]}`:            "empty",
		`{"skills":["a\u0000"]}`:      "NUL",
		`{"skills":"german"}`:         "skills",
		`{"skills":["` + long + `"]}`: "200",
	} {
		got := w.do(t, "PATCH", path, w.adm, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, string(got.body), mentions, body)
	}
}
