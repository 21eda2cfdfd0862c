package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// command sends a command to a conversation.
func (w *world) command(t *testing.T, conversation handoff.ID, verb, key string, body any, headers ...string) answer {
	t.Helper()
	return w.do(t, "POST", "/v1/conversations/"+conversation.String()+"/"+verb, key, body, headers...)
}

// says checks the sentence of a refusal.
func (a answer) says(status int, code handoff.Code, words string) answer {
	a.t.Helper()
	a.refused(status, code)
	require.Contains(a.t, a.text("detail"), words)
	return a
}

func (w *world) events(t *testing.T, kind handoff.EventType) int {
	t.Helper()
	return w.Count(t, "events", "type = $1 AND account_id = $2", kind, w.Account.ID)
}

// invalid and conflict are what most refusals are.
const (
	invalid  = http.StatusUnprocessableEntity
	conflict = http.StatusConflict
)

func TestControlMovesAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddEndpoint(t, w.Gateway, string(handoff.EventPassed))
	team, ana, ben := w.Team(t, "Billing", "", w.Ben), w.Ana.Agent.ID, w.Ben.Agent.ID
	c := w.conversation(t, "447700900123").ID

	require.Equal(t, "Ana", w.command(t, c, "claim", w.ana, nil).is(http.StatusOK).text("assignee.name"))
	w.command(t, c, "claim", w.ana, nil).is(http.StatusOK)
	require.Equal(t, 1, w.events(t, handoff.EventClaimed), "who has it may claim it again, and nothing happens")
	require.Equal(t, "waiting", w.command(t, c, "release", w.ana, map[string]any{"reason": "lunch"}).is(http.StatusOK).text("status"))
	moved := w.command(t, c, "transfer", w.ana, map[string]any{"to_agent_id": ben, "to_team_id": team, "note": "He knows it"}).is(http.StatusOK)
	require.Equal(t, "Ben", moved.text("assignee.name"))
	require.Equal(t, team.String(), moved.text("team.id"))
	require.Equal(t, 1, w.events(t, handoff.EventNoteAdded))
	require.Equal(t, "waiting", w.command(t, c, "transfer", w.ben, map[string]any{"to_team_id": team}).is(http.StatusOK).text("status"))
	require.Equal(t, "Ana", w.command(t, c, "takeover", w.adm, map[string]any{"agent_id": ana, "reason": "escalated"}).is(http.StatusOK).text("assignee.name"))
	offered := w.command(t, c, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": ben}).is(http.StatusOK)
	require.Equal(t, "Ana", offered.text("assignee.name"), "whoever has it keeps it")
	require.Equal(t, "Ana", w.command(t, c, "decline", w.ben, map[string]any{"reason": "busy"}).is(http.StatusOK).text("assignee.name"))
	w.command(t, c, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": ben, "expires_in_seconds": 5}).is(http.StatusOK)
	require.Equal(t, "Ben", w.command(t, c, "accept", w.ben, nil).is(http.StatusOK).text("assignee.name"))
	require.Equal(t, "bot", w.command(t, c, "pass", w.ben, nil).is(http.StatusOK).text("status"))
	require.Equal(t, "Ben", w.command(t, c, "claim", w.ben, nil).is(http.StatusOK).text("assignee.name"), "from the bot anybody may")
	w.command(t, c, "offer", w.ben, map[string]any{"to": "bot"}).is(http.StatusOK)
	require.Equal(t, "assigned", w.command(t, c, "decline", w.gateway, nil).is(http.StatusOK).text("status"))
	w.command(t, c, "offer", w.ben, map[string]any{"to": "bot"}).is(http.StatusOK)
	require.Equal(t, "bot", w.command(t, c, "accept", w.gateway, nil).is(http.StatusOK).text("status"))
	require.Equal(t, "waiting", w.command(t, c, "release", w.ana, nil).is(http.StatusOK).text("status"), "anybody calls it back")
}

func TestControlThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	team, ana, ben := w.Team(t, "Billing", ""), w.Ana.Agent.ID, w.Ben.Agent.ID
	gone := w.Agent(t, "Cleo").Agent.ID
	w.Exec(t, "UPDATE agents SET disabled_at = now() WHERE id = $1", gone)
	c := w.conversation(t, "447700900123").ID
	w.command(t, c, "release", w.ana, nil).says(conflict, handoff.CodeConflict, "nothing to release")
	w.command(t, c, "accept", w.ana, nil).says(conflict, handoff.CodeConflict, "nothing is offered")
	w.command(t, c, "pass", w.ana, nil).says(conflict, handoff.CodeConflict, "nothing would tell the bot")
	w.command(t, c, "offer", w.ana, map[string]any{"to": "bot"}).says(conflict, handoff.CodeConflict, "nothing would tell the bot")
	w.command(t, c, "claim", w.adm, nil).says(invalid, handoff.CodeInvalid, "agent_id")
	w.command(t, c, "claim", w.adm, map[string]any{"agent_id": gone}).says(invalid, handoff.CodeInvalid, "Cleo is disabled")
	w.command(t, c, "transfer", w.ana, map[string]any{}).says(invalid, handoff.CodeInvalid, "say where to")
	w.command(t, c, "transfer", w.ana, map[string]any{"to_agent_id": gone}).says(invalid, handoff.CodeInvalid, "Cleo is disabled")
	w.command(t, c, "transfer", w.ana, map[string]any{"to_agent_id": w.strangerWorld.Ana.Agent.ID}).refused(invalid, handoff.CodeInvalid)
	w.command(t, c, "transfer", w.ana, map[string]any{"to_team_id": handoff.NewID()}).says(invalid, handoff.CodeInvalid, "no team")
	w.command(t, c, "offer", w.ana, map[string]any{"to": "agent"}).says(invalid, handoff.CodeInvalid, "to_agent_id")
	w.command(t, c, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": handoff.NewID()}).refused(invalid, handoff.CodeInvalid)
	w.command(t, c, "takeover", w.ana, map[string]any{"agent_id": ana}).refused(http.StatusForbidden, handoff.CodeForbidden)

	w.command(t, c, "claim", w.ana, nil).is(http.StatusOK)
	w.command(t, c, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": ana}).says(conflict, handoff.CodeConflict, "Ana has the conversation already")
	for verb, body := range map[string]any{
		"claim": nil, "release": nil, "pass": nil, "snooze": nil, "resolve": nil,
		"transfer": map[string]any{"to_team_id": team}, "offer": map[string]any{"to": "agent", "to_agent_id": ben},
		"timers/inactivity": map[string]any{"extend_seconds": 60},
	} {
		got := w.command(t, c, verb, w.ben, body).says(conflict, handoff.CodeConflict, "Ana has the conversation")
		require.Equal(t, "Ana", got.text("assignee.name"), verb)
	}
	w.command(t, c, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": ben}).is(http.StatusOK)
	require.Equal(t, "Ben", w.command(t, c, "accept", w.ana, nil).says(conflict, handoff.CodeConflict, "offered to Ben").text("assignee.name"))
	w.command(t, c, "accept", w.gateway, nil).refused(conflict, handoff.CodeConflict)
	w.command(t, c, "accept", w.gateway, map[string]any{"agent_id": ben}).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.command(t, c, "resolve", w.ana, nil).is(http.StatusOK)
	for verb, body := range map[string]any{
		"claim": nil, "release": nil, "accept": nil, "decline": nil, "pass": nil, "snooze": nil, "wake": nil, "resolve": nil, "undo-resolve": nil,
		"transfer": map[string]any{"to_team_id": team}, "offer": map[string]any{"to": "bot"},
	} {
		w.command(t, c, verb, w.ana, body).says(conflict, handoff.CodeConflict, "has ended")
	}
}

func TestWhatIsOfferedToOneIsNotClaimedByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123").ID
	w.command(t, c, "offer", w.adm, map[string]any{"to": "agent", "to_agent_id": w.Ben.Agent.ID}).is(http.StatusOK)
	w.command(t, c, "claim", w.ana, nil).says(conflict, handoff.CodeConflict, "offered to Ben")
	w.command(t, c, "messages", w.ana, map[string]any{"type": "text", "text": "Hi"}).says(conflict, handoff.CodeConflict, "offered to Ben")
	require.Equal(t, "Ben", w.command(t, c, "claim", w.ben, nil).is(http.StatusOK).text("assignee.name"))
	w.command(t, c, "accept", w.ben, nil).says(conflict, handoff.CodeConflict, "nothing is offered")
}

// Every command that another account gives finds nothing, and changes nothing.
func TestCommandsOfAnotherAccountFindNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row := w.conversation(t, "447700900123")
	c := row.ID
	before := w.Dump(t)
	stranger := w.strangerWorld.Ana.Agent.ID
	for verb, body := range map[string]any{
		"claim": nil, "release": nil, "accept": nil, "decline": nil, "pass": nil, "snooze": nil, "wake": nil, "resolve": nil, "undo-resolve": nil,
		"reopen": nil, "transfer": map[string]any{"to_agent_id": stranger}, "offer": map[string]any{"to": "bot"},
		"timers/inactivity": map[string]any{"cancel": true}, "messages": map[string]any{"type": "text", "text": "Hi"},
		"scheduled-messages": map[string]any{"message": map[string]any{"type": "text", "text": "Hi"}},
	} {
		w.command(t, c, verb, w.strangerAgent, body).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
	w.command(t, c, "takeover", w.stranger, map[string]any{"agent_id": stranger}).refused(http.StatusNotFound, handoff.CodeNotFound)
	for _, path := range []string{"/owner", "/timers", "/scheduled-messages", "/queue"} {
		w.do(t, "GET", "/v1/conversations/"+c.String()+path, w.strangerAgent, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
	for _, verb := range []string{"accept", "decline"} {
		w.command(t, c, verb, w.strangerGateway, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
	w.RequireUnchanged(t, before)
}

// A transfer that only the workflow refused had left its note behind, one more with each try.
func TestATransferThatIsRefusedLeavesNoNote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := w.Agent(t, "Cleo").Agent.ID
	w.Exec(t, "UPDATE agents SET disabled_at = now() WHERE id = $1", gone)
	c := w.conversation(t, "447700900123").ID
	for words, body := range map[string]map[string]any{
		"Cleo is disabled": {"to_agent_id": gone}, "names no agent": {"to_agent_id": w.strangerWorld.Ana.Agent.ID},
		"names no team": {"to_agent_id": w.Ben.Agent.ID, "to_team_id": handoff.NewID()},
	} {
		body["note"] = "yours"
		w.command(t, c, "transfer", w.ana, body).says(invalid, handoff.CodeInvalid, words)
	}
	require.Zero(t, w.Count(t, "notes", "conversation_id = $1", c))
	require.Zero(t, w.events(t, handoff.EventNoteAdded))
}

func TestAVersionThatHasPassedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123").ID
	version := func() string {
		return fmt.Sprint(w.do(t, "GET", "/v1/conversations/"+c.String(), w.ana, nil).is(http.StatusOK).field("version"))
	}
	seen := version()
	for _, malformed := range []string{"abc", "0", "-1", `W/"1"`, "*", "1.5"} {
		w.command(t, c, "claim", w.ana, nil, "If-Match", malformed).says(invalid, handoff.CodeInvalid, "If-Match")
	}
	w.command(t, c, "claim", w.ana, nil, "If-Match", `"`+seen+`"`).is(http.StatusOK)
	require.NotEqual(t, seen, version())
	for verb, body := range map[string]any{
		"claim": nil, "release": nil, "snooze": nil, "resolve": nil, "transfer": map[string]any{"to_agent_id": w.Ben.Agent.ID},
		"timers/inactivity": map[string]any{"extend_seconds": 60}, "scheduled-messages": map[string]any{"message": map[string]any{"type": "text", "text": "Hi"}},
	} {
		w.command(t, c, verb, w.ana, body, "If-Match", seen).says(conflict, handoff.CodeConflict, "at version "+version())
	}
	w.command(t, c, "release", w.ana, nil, "If-Match", version()).is(http.StatusOK)
}

// repeated sends a request twice under one key. The second answer is the first, and nothing happens twice.
func (w *world) repeated(t *testing.T, status int, path, key string, body any) answer {
	t.Helper()
	id := handoff.NewID().String()
	first := w.do(t, "POST", path, key, body, "Idempotency-Key", id).is(status)
	before := w.Dump(t)
	second := w.do(t, "POST", path, key, body, "Idempotency-Key", id).is(status)
	require.JSONEq(t, string(first.body), string(second.body), path)
	w.RequireUnchanged(t, before)
	return first
}

func TestCommandsAreCarriedOutOncePerKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddEndpoint(t, w.Gateway, string(handoff.EventPassed))
	row := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + row.ID.String() + "/"
	team := w.Team(t, "Billing", "")
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, step := range []struct {
		verb, key, body string
		status          int
	}{
		{"claim", w.ana, ``, 200},
		{"offer", w.ana, fmt.Sprintf(`{"to":"agent","to_agent_id":%q}`, w.Ben.Agent.ID), 200},
		{"decline", w.ben, ``, 200},
		{"offer", w.ana, `{"to":"bot"}`, 200},
		{"accept", w.gateway, ``, 200},
		{"claim", w.ana, ``, 200},
		{"transfer", w.ana, fmt.Sprintf(`{"to_agent_id":%q,"note":"yours"}`, w.Ben.Agent.ID), 200},
		{"takeover", w.adm, fmt.Sprintf(`{"agent_id":%q,"note":"mine"}`, w.Ana.Agent.ID), 200},
		{"snooze", w.ana, fmt.Sprintf(`{"until":%q}`, until), 200},
		{"timers/snooze", w.ana, `{"extend_seconds":60}`, 200},
		{"wake", w.ana, ``, 200},
		{"scheduled-messages", w.ana, `{"message":{"type":"text","text":"later"}}`, 201},
		{"release", w.ana, `{"reason":"lunch"}`, 200},
		{"transfer", w.ana, fmt.Sprintf(`{"to_team_id":%q}`, team), 200},
		{"pass", w.ana, ``, 200},
		{"claim", w.ana, ``, 200},
		{"resolve", w.ana, `{"undo_seconds":60,"note":"done"}`, 200},
		{"undo-resolve", w.ana, ``, 200},
		{"resolve", w.ana, `{"disposition":"solved"}`, 200},
		{"reopen", w.ana, ``, 201},
	} {
		w.repeated(t, step.status, path+step.verb, step.key, step.body)
	}
	require.Equal(t, 3, w.events(t, handoff.EventNoteAdded))
	other := w.conversation(t, "447700900124").ID.String()
	w.do(t, "POST", "/v1/conversations/"+other+"/claim", w.ana, nil, "Idempotency-Key", "k").is(http.StatusOK)
	w.do(t, "POST", "/v1/conversations/"+other+"/claim", w.ana, map[string]any{"agent_id": w.Ana.Agent.ID}, "Idempotency-Key", "k").
		says(conflict, handoff.CodeConflict, "another request")
}

// An answer that was lost on its way does not make a command be carried out again.
func TestACommandWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row := w.conversation(t, "447700900123")
	body, err := json.Marshal(map[string]any{"to_agent_id": w.Ben.Agent.ID, "note": "yours"})
	require.NoError(t, err)
	w.command(t, row.ID, "claim", w.ana, nil).is(http.StatusOK)
	w.commands.lose = &handoff.Error{Code: handoff.CodeUnavailable, Message: "the connection broke", RetryAfter: time.Second}
	w.command(t, row.ID, "transfer", w.ana, body, "Idempotency-Key", "t").refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	w.commands.lose = nil
	got := w.command(t, row.ID, "transfer", w.ana, body, "Idempotency-Key", "t").is(http.StatusOK)
	require.Equal(t, "Ben", got.text("assignee.name"), "though Ana may not transfer it any more")
	require.Equal(t, 1, w.events(t, handoff.EventTransferred))
	require.Equal(t, 1, w.events(t, handoff.EventNoteAdded))
}

// What was asked for may be over once the request comes again: then it was refused as if it had never been done, and agents asked anew.
func TestARepeatedRequestIsAnsweredThoughItsTimeHasPassed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := w.timed(t)
	c := w.conversation(t, "447700900123").ID
	w.command(t, c, "claim", w.ana, nil).is(http.StatusOK)
	w.command(t, c, "snooze", w.ana, map[string]any{"until": clock.now().Add(time.Minute)}).is(http.StatusOK)
	lost := &handoff.Error{Code: handoff.CodeUnavailable, Message: "the connection broke", RetryAfter: time.Second}
	promise, err := json.Marshal(map[string]any{
		"otherwise": map[string]any{"type": "text", "text": "Are you there?"}, "due_at": clock.now().Add(time.Minute),
	})
	require.NoError(t, err)
	w.commands.lose = lost
	w.command(t, c, "scheduled-messages", w.ana, promise, "Idempotency-Key", "p").refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	w.command(t, c, "timers/snooze", w.ana, `{"extend_seconds":60}`, "Idempotency-Key", "t").refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	w.commands.lose = nil
	w.command(t, c, "wake", w.ana, nil).is(http.StatusOK)
	clock.forward(2 * time.Minute)

	again := w.command(t, c, "scheduled-messages", w.ana, promise, "Idempotency-Key", "p").is(http.StatusCreated)
	require.Equal(t, "pending", again.text("state"))
	w.command(t, c, "timers/snooze", w.ana, `{"extend_seconds":60}`, "Idempotency-Key", "t").is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "scheduled_messages", "conversation_id = $1", c))
	require.Equal(t, 1, w.events(t, handoff.EventTimerMoved))
}

func TestAnAdminActsForAnAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddEndpoint(t, w.Gateway, string(handoff.EventPassed))
	c, ana, ben := w.conversation(t, "447700900123").ID, w.Ana.Agent.ID, w.Ben.Agent.ID
	as := func(agent handoff.ID, more ...any) map[string]any {
		out := map[string]any{"agent_id": agent}
		for i := 0; i < len(more); i += 2 {
			out[fmt.Sprint(more[i])] = more[i+1]
		}
		return out
	}
	require.Equal(t, "Ana", w.command(t, c, "claim", w.adm, as(ana)).is(http.StatusOK).text("assignee.name"))
	w.command(t, c, "claim", w.adm, as(ben)).says(conflict, handoff.CodeConflict, "Ana has the conversation")
	w.command(t, c, "offer", w.adm, as(ana, "to", "agent", "to_agent_id", ben)).is(http.StatusOK)
	require.Equal(t, "Ben", w.command(t, c, "accept", w.adm, as(ben)).is(http.StatusOK).text("assignee.name"))
	require.Equal(t, "waiting", w.command(t, c, "release", w.adm, nil).is(http.StatusOK).text("status"), "an admin's key releases in nobody's name")
	require.Equal(t, "bot", w.command(t, c, "pass", w.adm, nil).is(http.StatusOK).text("status"))
	w.command(t, c, "claim", w.ana, as(ben)).refused(http.StatusForbidden, handoff.CodeForbidden)
	require.Equal(t, 2, w.Count(t, "events", "type = 'conversation.claimed' AND actor_id IN ($1, $2)", ana, ben))
}
