package activities_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/activities"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// model is what a contact's conversation must look like, in the simplest words.
type model struct {
	accepted int // messages that wait to be applied
	open     bool
	assignee *handoff.AgentRef
	last     time.Time // the last message
	seen     time.Time // when that was taken in, from which inactivity counts

	conversations, applied, claims, replies int
}

// player plays random moves against the real rows and the model.
type player struct {
	*rapid.T
	s        *scene
	m        model
	phone    string
	bodies   [][]byte
	wamids   []string
	statuses map[handoff.ID]handoff.MessageStatus
	n        int

	pendingAt time.Time // of the last message that waits to be applied
}

func TestAnyOrderOfEverythingKeepsThePromises(t *testing.T) {
	t.Parallel()
	base := newSceneWith(t, "outbound_message", "conversation_resolved", "*")
	base.Exec(t, "UPDATE endpoints SET created_at = created_at - interval '1 day', updated_at = updated_at - interval '1 day'")
	base.Gateway.Answer(func(n int) (int, string) {
		if n%5 == 0 {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, fmt.Sprintf(`{"messages":[{"id":"wamid.out.%d"}]}`, n)
	})
	game, shared := 0, base.World.Activities(t, time.Now)
	rapid.Check(t, func(r *rapid.T) {
		game++
		s, real := *base, *shared
		s.Activities, real.Now = &real, func() time.Time { return s.now }
		p := &player{T: r, s: &s, phone: fmt.Sprintf("44770090%05d", game), statuses: map[handoff.ID]handoff.MessageStatus{}}
		p.inbound()
		p.apply()
		r.Repeat(map[string]func(*rapid.T){
			"inbound":   func(*rapid.T) { p.inbound() },
			"duplicate": func(*rapid.T) { p.duplicate() },
			"apply":     func(*rapid.T) { p.apply() },
			"claim":     func(*rapid.T) { p.claim() },
			"release":   func(*rapid.T) { p.release() },
			"reply":     func(*rapid.T) { p.reply() },
			"resolve":   func(*rapid.T) { p.resolve() },
			"timer":     func(*rapid.T) { p.timer() },
			"deliver":   func(*rapid.T) { p.deliver() },
			"status":    func(*rapid.T) { p.status() },
			"":          func(*rapid.T) { p.check() },
		})
	})
	requireNoGap(t, base)
}

// requireNoGap checks that the ledger finds nothing missing in what was played, when it is long over. Timers and deliveries may be overdue:
// nobody plays on.
func requireNoGap(t *testing.T, s *scene) {
	t.Helper()
	later := s.World.Activities(t, func() time.Time { return time.Now().Add(time.Hour) })
	report, err := later.CheckLedger(t.Context(), activities.LedgerInput{})
	require.NoError(t, err)
	require.Equal(t, s.Count(t, "events", "type NOT LIKE 'ledger.%'"), report.Events)
	delete(report.Found, handoff.GapTimerOverdue)
	delete(report.Found, handoff.GapDeliveryOverdue)
	require.Empty(t, report.Found)
}

func newSceneWith(t *testing.T, eventTypes ...string) *scene {
	t.Helper()
	return &scene{T: t, World: fixture.New(t, dbtest.Pool(t), eventTypes...), now: time.Now().UTC().Truncate(time.Second)}
}

func (p *player) take(body []byte) {
	for _, wake := range p.s.Accept(p.s.T, body, p.s.now).Wakes {
		p.s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	}
}

func (p *player) inbound() {
	texts := make([]string, rapid.IntRange(1, 3).Draw(p.T, "messages"))
	for i := range texts {
		texts[i] = "hello"
	}
	body := p.s.Body(p.phone, texts...)
	p.bodies = append(p.bodies, body)
	p.take(body)
	p.m.accepted += len(texts)
	p.pendingAt = p.s.now
}

func (p *player) duplicate() { p.take(rapid.SampledFrom(p.bodies).Draw(p.T, "body")) }

func (p *player) apply() {
	for range rapid.IntRange(1, 2).Draw(p.T, "runs") {
		_, err := p.s.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: p.s.ref, Now: p.s.now})
		require.NoError(p, err)
	}
	if p.m.accepted == 0 {
		return
	}
	if !p.m.open {
		p.m.open, p.m.assignee = true, nil
		p.m.conversations++
		p.m.last = time.Time{}
	}
	p.m.applied += p.m.accepted
	p.m.accepted, p.m.last, p.m.seen = 0, later(p.m.last, p.pendingAt), p.s.now
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// agent is Ana, Ben or a program of an admin's.
func (p *player) agent() handoff.Actor {
	return rapid.SampledFrom([]handoff.Actor{p.s.Ana, p.s.Ben, {Admin: true}}).Draw(p.T, "actor")
}

// command runs one, as it is, stale first, or more than once; and tells whether the rows took it.
func (p *player) command(actor handoff.Actor, run func(activities.Command) (activities.Result, error)) bool {
	p.n++
	c := p.s.command(fmt.Sprintf("%s:%d", p.phone, p.n), actor)
	if p.m.open && rapid.Bool().Draw(p.T, "stale") {
		old := c
		old.Version--
		result, err := run(old)
		require.NoError(p, err)
		require.True(p, result.Stale)
	}
	first, err := run(c)
	require.NoError(p, err)
	require.False(p, first.Stale)
	for range rapid.IntRange(0, 2).Draw(p.T, "again") {
		again, err := run(c)
		require.NoError(p, err)
		require.Equal(p, first.Refused == nil, again.Refused == nil)
	}
	return first.Refused == nil
}

func (p *player) mayAct(a handoff.Actor) bool {
	return p.m.open && (p.m.assignee == nil || (a.Agent != nil && p.m.assignee.ID == a.Agent.ID))
}

func (p *player) claim() {
	actor := p.agent()
	ok := p.command(actor, func(c activities.Command) (activities.Result, error) { return p.s.Claim(context.Background(), c) })
	require.Equal(p, actor.Agent != nil && p.mayAct(actor), ok)
	if ok {
		p.claimed(actor)
	}
}

func (p *player) claimed(actor handoff.Actor) {
	if p.m.assignee == nil {
		p.m.claims++
		p.m.assignee = actor.Agent
	}
}

func (p *player) release() {
	actor := p.agent()
	ok := p.command(actor, func(c activities.Command) (activities.Result, error) {
		return p.s.Release(context.Background(), activities.ReleaseCommand{Command: c})
	})
	require.Equal(p, p.m.open && p.m.assignee != nil && (actor.Admin || p.mayAct(actor)), ok)
	if ok {
		p.m.assignee = nil
	}
}

func (p *player) reply() {
	actor := p.agent()
	if actor.Agent == nil {
		return
	}
	id := p.s.draft(actor, "Hi")
	ok := p.command(actor, func(c activities.Command) (activities.Result, error) {
		return p.s.Reply(context.Background(), activities.ReplyCommand{Command: c, MessageID: id, Type: "text"})
	})
	inWindow := p.s.conversation().WindowExpiresAt.After(p.s.now)
	require.Equal(p, p.mayAct(actor) && inWindow, ok)
	if ok {
		p.claimed(actor)
		p.m.replies++
		p.m.last, p.m.seen = later(p.m.last, p.s.now), p.s.now
	}
}

func (p *player) resolve() {
	actor := p.agent()
	ok := p.command(actor, func(c activities.Command) (activities.Result, error) {
		return p.s.End(context.Background(), activities.EndCommand{Command: c, Reason: handoff.EndResolved})
	})
	require.Equal(p, p.m.open && (actor.Admin || p.mayAct(actor)), ok)
	p.m.open = p.m.open && !ok
}

// timer lets time pass and the timer fire.
func (p *player) timer() {
	p.s.now = p.s.now.Add(time.Duration(rapid.IntRange(0, 30*3600).Draw(p.T, "seconds")) * time.Second)
	if !p.m.open {
		return
	}
	p.apply()
	p.command(handoff.Actor{Admin: true}, func(c activities.Command) (activities.Result, error) {
		return p.s.End(context.Background(), activities.EndCommand{Command: c, Reason: handoff.EndInactivity})
	})
	if !p.s.now.Before(p.m.seen.Add(24 * time.Hour)) {
		p.m.open = false
	}
}

func (p *player) deliver() {
	_, err := p.s.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: p.s.ref, EndpointID: p.s.Endpoint.ID, Max: 5})
	if err != nil {
		require.ErrorContains(p, err, activities.Undelivered)
	}
	rows, err := p.s.World.DB.Query(context.Background(),
		"SELECT external_id FROM messages WHERE contact_id = $1 AND direction = 'outbound' AND external_id IS NOT NULL", p.s.ref.ContactID)
	require.NoError(p, err)
	defer rows.Close()
	p.wamids = nil
	for rows.Next() {
		var wamid string
		require.NoError(p, rows.Scan(&wamid))
		p.wamids = append(p.wamids, wamid)
	}
}

func (p *player) status() {
	if len(p.wamids) == 0 {
		return
	}
	wamid := rapid.SampledFrom(p.wamids).Draw(p.T, "message")
	status := rapid.SampledFrom([]string{"sent", "delivered", "read", "played", "failed"}).Draw(p.T, "status")
	p.take(p.s.StatusBody(wamid, status))
	p.apply()
}

// check looks at the promises.
func (p *player) check() {
	contact := p.s.ref.ContactID
	count := func(table, condition string) int {
		return p.s.Count(p.s.T, table, condition, contact)
	}
	open := 0
	if p.m.open {
		open = 1
	}
	require.Equal(p, open, count("conversations", "contact_id = $1 AND status <> 'ended'"), "one conversation is open, or none")
	require.Equal(p, p.m.conversations, count("conversations", "contact_id = $1"))
	conv := p.s.conversation()
	require.Equal(p, p.m.open, conv.Status != handoff.StatusEnded)
	if p.m.open {
		require.Equal(p, p.m.assignee == nil, conv.AssigneeID == nil)
		require.True(p, p.m.last.Equal(conv.LastActivityAt), "%s %s", p.m.last, conv.LastActivityAt)
	}
	mine := "conversation_id IN (SELECT id FROM conversations WHERE contact_id = $1)"
	require.Zero(p, count("conversations c", `contact_id = $1 AND ROW(last_seq, last_seq, 1::bigint) IS DISTINCT FROM
		(SELECT ROW(count(*), max(seq), min(seq)) FROM events e WHERE e.conversation_id = c.id AND seq IS NOT NULL)`), "numbers have no gap")
	require.Zero(p, count("conversations c", `contact_id = $1 AND status = 'ended' AND (SELECT array_agg(seq) FROM events e
		WHERE e.conversation_id = c.id AND type = 'conversation.ended') IS DISTINCT FROM ARRAY[last_seq]`), "it ends once, and last")
	require.Equal(p, p.m.claims, count("events", "type = 'conversation.claimed' AND "+mine), "one event for each new assignee")
	require.Equal(p, p.m.applied, count("messages", "contact_id = $1 AND direction = 'inbound' AND conversation_id IS NOT NULL"))
	require.Equal(p, p.m.accepted, count("messages", "contact_id = $1 AND direction = 'inbound' AND conversation_id IS NULL"))
	require.Equal(p, p.m.replies, count("messages", "contact_id = $1 AND direction = 'outbound' AND conversation_id IS NOT NULL"))
	require.Equal(p, p.m.applied+p.m.replies, count("events", "type IN ('message.received', 'message.queued') AND "+mine))
	p.checkDeliveries(mine)
	p.checkStatuses()
}

// checkDeliveries: each event once for the wildcard, and two of them once more in the vendor's words.
func (p *player) checkDeliveries(mine string) {
	contact := p.s.ref.ContactID
	events := p.s.Count(p.s.T, "events", mine, contact)
	vendors := p.s.Count(p.s.T, "events", "type IN ('message.queued', 'conversation.ended') AND "+mine, contact)
	require.Equal(p, events+vendors, p.s.Count(p.s.T, "deliveries", "contact_id = $1", contact))
	require.Equal(p, events+vendors, p.s.Count(p.s.T, "(SELECT DISTINCT event_id, event_type FROM deliveries WHERE contact_id = $1) d", "true", contact))
}

func (p *player) checkStatuses() {
	rows, err := p.s.World.DB.Query(context.Background(),
		"SELECT id, status FROM messages WHERE contact_id = $1 AND status IS NOT NULL", p.s.ref.ContactID)
	require.NoError(p, err)
	defer rows.Close()
	for rows.Next() {
		var id handoff.ID
		var status handoff.MessageStatus
		require.NoError(p, rows.Scan(&id, &status))
		was, known := p.statuses[id]
		require.True(p, !known || was == status || was.CanBecome(status), "%s → %s", was, status)
		p.statuses[id] = status
	}
}
