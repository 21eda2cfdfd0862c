package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakechatlayer"
)

// matter is what two agents and a bot have to do with one customer, through one gateway.
type matter struct {
	*stack
	inbox string
	rule  map[string]any // that knows what is for the billing team
	// offload asks for a person, and writes is the customer, whom the bot does not keep to itself.
	offload func()
	writes  func(words string)
	// arrived is everything that was told to the gateway, as one text; resumed waits until the bot knows that it may go on.
	arrived func() string
	resumed func()
	// failing makes what tells the bot fail at first; nil where nothing does.
	failing func()
}

// TestAWholeMatter is one customer's matter from the bot to a person, to another, back to the bot, and to its end, told by three gateways.
func TestAWholeMatter(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]func(*testing.T) *matter{"hitlchat": hitlchatMatter, "chatlayer": chatlayerMatter, "native": nativeMatter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := by(t)
			team := m.desk()
			m.offload()
			conv := m.isAccepted(team)
			m.isAnswered(conv)
			m.isPutAside(conv)
			m.goesBackToTheBot(conv)
			m.offload()
			require.Equal(t, conv, m.isAccepted(team), "it is the same matter")
			m.isResolved(conv)
			m.isRated(conv)
			m.isReopened(conv)
		})
	}
}

// desk is how the people work: a team that a rule chooses, whose conversations are offered.
func (m *matter) desk() (team string) {
	m.Helper()
	team = into[named](m.T, m.admin(http.MethodPost, "/v1/teams", map[string]any{
		"name": "Billing", "assignment": "round_robin", "offer_seconds": 600,
	}), http.StatusCreated).ID
	require.Equal(m, http.StatusNoContent, m.admin(http.MethodPut, "/v1/teams/"+team+"/members/"+m.ana, nil).status)
	a := call(m.T, http.MethodPut, m.url+"/v1/presence", m.anaKey, map[string]any{"state": "online", "lease_seconds": 3600})
	require.Equal(m, http.StatusOK, a.status, "%s", a.body)
	a = m.admin(http.MethodPatch, "/v1/inboxes/"+m.inbox, map[string]any{
		"csat_text": "How did we do? {{link}}", "undo_seconds": 60,
		"routing": []any{map[string]any{"name": "billing", "if": m.rule, "then": map[string]any{"team_id": team, "priority": "high", "tags": []string{"refund"}}}},
	})
	require.Equal(m, http.StatusOK, a.status, "%s", a.body)
	return team
}

func (m *matter) admin(method, path string, body any) answer {
	m.Helper()
	return call(m.T, method, m.url+path, m.adminKey, body)
}

// does carries out a command that has to succeed.
func (m *matter) does(key, conv, verb string, body any) conversation {
	m.Helper()
	return into[conversation](m.T, m.command(key, conv, verb, body), http.StatusOK)
}

func (m *matter) becomes(conv, status string) {
	m.Helper()
	until(m.T, readyWithin, "it is "+status, func() bool { return m.conversation(conv).Status == status })
}

func (m *matter) isTold(words string) {
	m.Helper()
	until(m.T, readyWithin, "the gateway is told "+words, func() bool { return strings.Contains(m.arrived(), words) })
}

// isAccepted is Ana, who is offered it because the rule has put it into her team's line.
func (m *matter) isAccepted(team string) string {
	m.Helper()
	var found struct {
		ID       string
		Status   string
		Priority string
		Tags     []string
		Team     *named
		Offer    *struct{ Agent *named }
	}
	until(m.T, readyWithin, "it is offered", func() bool {
		a := m.get("/v1/conversations?status=waiting&inbox_id=" + m.inbox)
		rows := into[list[json.RawMessage]](m.T, a, http.StatusOK).Items
		if len(rows) != 1 {
			return false
		}
		require.NoError(m, json.Unmarshal(rows[0], &found))
		return found.Offer != nil
	})
	require.Equal(m, []string{"Ana", team, "high", "refund"}, []string{found.Offer.Agent.Name, found.Team.ID, found.Priority, found.Tags[0]})
	require.Equal(m, "Ana", requireProblem(m.T, m.command(m.benKey, found.ID, "claim", nil), http.StatusConflict, "conflict").Assignee.Name)
	require.Equal(m, "Ana", m.does(m.anaKey, found.ID, "accept", nil).Assignee.Name)
	return found.ID
}

func (m *matter) isAnswered(conv string) {
	m.Helper()
	into[message](m.T, m.command(m.anaKey, conv, "messages", map[string]any{"type": "text", "text": "Ana here, I am looking into it"}), http.StatusCreated)
	m.isTold("Ana here, I am looking into it")
}

// isPutAside until the customer writes; then Ana gives it to Ben.
func (m *matter) isPutAside(conv string) {
	m.Helper()
	require.Equal(m, "snoozed", m.does(m.anaKey, conv, "snooze", map[string]any{"until": time.Now().Add(time.Hour)}).Status)
	m.writes("any news?")
	m.becomes(conv, "assigned")
	ben := m.does(m.anaKey, conv, "transfer", map[string]any{"to_agent_id": m.agentID("Ben"), "note": "he is kind, but impatient", "reason": "holiday"})
	require.Equal(m, "Ben", ben.Assignee.Name)
	requireProblem(m.T, m.command(m.anaKey, conv, "messages", map[string]any{"type": "text", "text": "Hi"}), http.StatusConflict, "conflict")
}

func (m *matter) agentID(name string) string {
	m.Helper()
	for _, agent := range into[list[named]](m.T, m.get("/v1/agents"), http.StatusOK).Items {
		if agent.Name == name {
			return agent.ID
		}
	}
	m.Fatalf("there is no agent %s", name)
	return ""
}

func (m *matter) goesBackToTheBot(conv string) {
	m.Helper()
	if m.failing != nil {
		m.failing()
	}
	require.Equal(m, "bot", m.does(m.benKey, conv, "pass", map[string]any{"reason": "the bot knows that"}).Status)
	owner := into[ownerAnswer](m.T, call(m.T, http.MethodGet, m.url+"/v1/conversations/"+conv+"/owner", m.gatewayKey, nil), http.StatusOK)
	require.Equal(m, []string{"bot", "passed"}, []string{owner.Owner, owner.Reason})
	m.resumed()
	require.Equal(m, "bot", m.conversation(conv).Status)
}

// isResolved by Ana, who thinks better of it, and then does.
func (m *matter) isResolved(conv string) {
	m.Helper()
	require.Equal(m, "assigned", m.does(m.anaKey, conv, "resolve", nil).Status)
	require.Equal(m, "assigned", m.does(m.anaKey, conv, "undo-resolve", nil).Status)
	require.NotContains(m, m.arrived(), "How did we do?")
	require.Equal(m, "ended", m.does(m.anaKey, conv, "resolve", map[string]any{"undo_seconds": 0, "disposition": "refunded"}).Status)
	var kinds []string
	for _, e := range m.told(conv) {
		if strings.HasPrefix(e.Type, "conversation.") && e.Type != "conversation.updated" {
			kinds = append(kinds, strings.TrimPrefix(e.Type, "conversation."))
		}
	}
	story := strings.Join(kinds, " ")
	require.Regexp(m, `^opened (offloaded )?queued offered claimed snoozed woken transferred passed (offloaded )?queued offered claimed resolving resolve_undone ended$`, story)
}

var surveyLink = regexp.MustCompile(`How did we do\? (http://[^"\\\s]+)`)

// isRated by the customer, who follows the link.
func (m *matter) isRated(conv string) {
	m.Helper()
	m.isTold("How did we do?")
	link := surveyLink.FindStringSubmatch(m.arrived())[1]
	page := call(m.T, http.MethodGet, link, "", nil)
	require.Equal(m, http.StatusOK, page.status)
	rated := call(m.T, http.MethodPost, link, "", []byte(url.Values{"score": {"5"}, "comment": {"quick"}}.Encode()),
		"Content-Type", "application/x-www-form-urlencoded")
	require.Equal(m, http.StatusOK, rated.status, "%s", rated.body)
	rating := into[struct {
		Score   int
		Comment string
		Agent   *named
	}](m.T, m.get("/v1/conversations/"+conv+"/rating"), http.StatusOK)
	require.Equal(m, 5, rating.Score)
	require.Equal(m, "Ana", rating.Agent.Name)
}

func (m *matter) isReopened(conv string) {
	m.Helper()
	opened := into[struct {
		PreviousID string `json:"previous_id"`
		Status     string
		Assignee   *named
		Tags       []string
	}](m.T, m.command(m.benKey, conv, "reopen", nil), http.StatusCreated)
	require.Equal(m, []string{conv, "assigned", "Ben", "refund"}, []string{opened.PreviousID, opened.Status, opened.Assignee.Name, opened.Tags[0]})
	require.NotContains(m, m.arrived(), "impatient", "notes stay among agents")
}

// told to the stack's gateway, whatever the protocol.
func (s *stack) webhooks() string {
	var all strings.Builder
	for _, r := range s.gateway.Requests() {
		all.WriteString(r.Body + "\n")
	}
	return all.String()
}

// hitlchatMatter is a gateway that posts what is for people. It is told of the bot's turn because it asks for that event.
func hitlchatMatter(t *testing.T) *matter {
	t.Helper()
	s := newStack(t, "outbound_message", "conversation_resolved", "conversation.passed")
	n := 0
	writes := func(words string) {
		n++
		into[receipt](t, s.post(text("447700900123", fmt.Sprintf("wamid.matter.%d", n), words)), http.StatusOK)
	}
	m := &matter{stack: s, inbox: s.inbox, rule: map[string]any{"text": []string{"refund"}}, writes: writes, arrived: s.webhooks}
	m.offload = func() { writes("I want a refund") }
	m.resumed = func() { m.isTold(`"conversation.passed"`) }
	return m
}

func nativeMatter(t *testing.T) *matter {
	t.Helper()
	s := newStack(t)
	m := &matter{stack: s, rule: map[string]any{"payload": map[string]any{"order.queue": "billing"}}, arrived: s.webhooks}
	m.inbox = s.make("inbox", "create", "--account="+s.account, "--name=Web", "--protocol=native")["id"]
	s.make("endpoint", "create", "--account="+s.account, "--inbox="+m.inbox, "--url="+s.gateway.URL, "--event-types=message.queued,conversation.passed,conversation.ended")
	n, contact := 0, map[string]any{"id": "visitor-17", "name": "Ann"}
	post := func(path string, body map[string]any) {
		t.Helper()
		a := call(t, http.MethodPost, s.url+"/v1/inboxes/"+m.inbox+path, s.gatewayKey, body)
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	}
	m.offload = func() {
		n++
		post("/offloads", map[string]any{"contact": contact, "id": fmt.Sprint("o", n), "reason": "wants a refund", "payload": map[string]any{"order": map[string]any{"queue": "billing"}}})
	}
	m.writes = func(words string) {
		n++
		post("/messages", map[string]any{"messages": []any{map[string]any{"contact": contact, "id": fmt.Sprint("m", n), "text": words}}})
	}
	m.resumed = func() { m.isTold(`"conversation.passed"`) }
	return m
}

// chatlayerMatter is a bot of Chatlayer's, whose API fails just when the bot is to be resumed.
func chatlayerMatter(t *testing.T) *matter {
	t.Helper()
	b := newChatlayerBot(t, newStack(t), `--resume-call={"path":"/api/webview","body":{"botId":"{{botId}}","senderId":"{{sessionId}}",`+
		`"action":{"nextDialogstate":"after-the-person"}}}`)
	m := &matter{stack: b.stack, inbox: b.inboxID, rule: map[string]any{"payload": map[string]any{"queue": []string{"billing", "invoices"}}}}
	m.offload = func() {
		b.offload(fakechatlayer.Offload{
			BotID: chatlayerBotID, Version: "LIVE", SessionID: chatlayerSession, Channel: "web", Timestamp: b.next(),
			Payload: json.RawMessage(`{"reason":"wants a refund","queue":"billing"}`), Transcript: []fakechatlayer.Entry{},
		}, pageOffloaded)
	}
	m.writes = func(words string) {
		b.tell(b.userIn(b.entries([]turn{{"user", fmt.Sprintf(`{"messageType":"text","text":%q}`, words), ""}})[0]))
	}
	m.arrived = func() string {
		var all strings.Builder
		for _, r := range b.api.seen() {
			all.WriteString(r.body + "\n")
		}
		return all.String()
	}
	m.resumed = func() {
		until(t, readyWithin, "the bot is resumed", func() bool {
			for _, r := range b.api.seen() {
				if strings.Contains(r.body, "after-the-person") && r.status == http.StatusOK {
					return true
				}
			}
			return false
		})
		tried := strings.Count(m.arrived(), "after-the-person")
		require.GreaterOrEqual(t, tried, 2, "it failed at first")
	}
	m.failing = func() { b.api.Fail(1, http.StatusServiceUnavailable) }
	return m
}
