package api_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// filed is what a test knows of a conversation.
type filed struct {
	id, inbox, contact            handoff.ID
	status                        handoff.Status
	agent, team                   string
	priority                      handoff.Priority
	tags                          []string
	plan                          string
	unread                        int
	opened, active, queued, ended time.Time
}

// file writes conversations of all sorts.
func (w *world) file(t *testing.T, random *rand.Rand, n int) []filed {
	t.Helper()
	inboxes, teams, agents := []handoff.ID{w.Inbox.ID}, []string{""}, []string{"", w.Ana.Agent.ID.String(), w.Ben.Agent.ID.String()}
	for i := range 2 {
		inbox, team := handoff.NewID(), handoff.NewID()
		w.Exec(t, "INSERT INTO inboxes (id, account_id, name, protocol) VALUES ($1, $2, 'Other', 'native')", inbox, w.Account.ID)
		w.Exec(t, "INSERT INTO teams (id, account_id, name) VALUES ($1, $2, $3)", team, w.Account.ID, "Team "+strconv.Itoa(i))
		inboxes, teams = append(inboxes, inbox), append(teams, team.String())
	}
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	all := make([]filed, 0, n)
	for range n {
		c := filed{
			id: handoff.NewID(), inbox: inboxes[random.IntN(3)], contact: handoff.NewID(), status: handoff.Statuses[random.IntN(len(handoff.Statuses))],
			agent: agents[random.IntN(3)], team: teams[random.IntN(3)], priority: handoff.Priority(random.IntN(4)), tags: []string{},
			plan: []string{"", "gold", "free"}[random.IntN(3)], unread: random.IntN(2), opened: start.Add(time.Duration(random.IntN(20)) * time.Hour),
		}
		if c.status == handoff.StatusAssigned && c.agent == "" {
			c.agent = agents[1]
		}
		for _, tag := range []string{"vip", "refund", "tag, with a comma"} {
			if random.IntN(2) == 0 {
				c.tags = append(c.tags, tag)
			}
		}
		c.active, c.queued = c.opened.Add(time.Duration(random.IntN(5))*time.Hour), c.opened.Add(time.Duration(random.IntN(3))*time.Hour)
		attributes, reason, ended := map[string]string{}, any(nil), any(nil)
		if c.plan != "" {
			attributes["plan"] = c.plan
		}
		if c.status == handoff.StatusEnded {
			c.ended = c.active.Add(time.Hour)
			reason, ended = "resolved", c.ended
		}
		text, err := json.Marshal(attributes)
		require.NoError(t, err)
		w.Exec(t, "INSERT INTO contacts (id, account_id, name) VALUES ($1, $2, 'Somebody')", c.contact, w.Account.ID)
		w.Exec(t, `INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, end_reason, ended_at, assignee_id, team_id, priority, tags,
			attributes, unread_count, opened_at, last_activity_at, queued_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			c.id, w.Account.ID, c.inbox, c.contact, string(c.status), reason, ended, orNull(c.agent), orNull(c.team), int16(c.priority), c.tags, text, c.unread,
			c.opened, c.active, c.queued)
		all = append(all, c)
	}
	return all
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// filter is one parameter, and what it leaves.
type filter struct {
	query string
	fits  func(filed) bool
}

func (w *world) filters(all []filed) []filter {
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	text := url.QueryEscape(at.Format(time.RFC3339))
	one := all[0]
	return []filter{
		{"status=waiting,assigned", func(c filed) bool { return c.status == "waiting" || c.status == "assigned" }},
		{"status=ended&status=bot", func(c filed) bool { return c.status == "ended" || c.status == "bot" }},
		{"inbox_id=" + one.inbox.String(), func(c filed) bool { return c.inbox == one.inbox }},
		{"assignee_id=me", func(c filed) bool { return c.agent == w.Ana.Agent.ID.String() }},
		{"assignee_id=" + w.Ben.Agent.ID.String(), func(c filed) bool { return c.agent == w.Ben.Agent.ID.String() }},
		{"assignee_id=none", func(c filed) bool { return c.agent == "" }},
		{"team_id=none", func(c filed) bool { return c.team == "" }},
		{"tag=vip", func(c filed) bool { return slices.Contains(c.tags, "vip") }},
		{"tag=vip&tag=" + url.QueryEscape("tag, with a comma"), func(c filed) bool {
			return slices.Contains(c.tags, "vip") && slices.Contains(c.tags, "tag, with a comma")
		}},
		{"priority=high,urgent", func(c filed) bool { return c.priority >= handoff.PriorityHigh }},
		{"attribute=plan:gold", func(c filed) bool { return c.plan == "gold" }},
		{"unread=true", func(c filed) bool { return c.unread > 0 }},
		{"unread=false", func(filed) bool { return true }},
		{"contact_id=" + one.contact.String(), func(c filed) bool { return c.contact == one.contact }},
		{"opened_after=" + text, func(c filed) bool { return !c.opened.Before(at) }},
		{"opened_before=" + text, func(c filed) bool { return c.opened.Before(at) }},
		{"active_after=" + text, func(c filed) bool { return !c.active.Before(at) }},
		{"active_before=" + text, func(c filed) bool { return c.active.Before(at) }},
		{"ended_after=" + text, func(c filed) bool { return !c.ended.IsZero() && !c.ended.Before(at) }},
		{"ended_before=" + text, func(c filed) bool { return !c.ended.IsZero() && c.ended.Before(at) }},
	}
}

func TestFiltersAreCombined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	random := rand.New(rand.NewPCG(3, 4))
	all := w.file(t, random, 120)
	filters := w.filters(all)
	queries := []([]filter){{}}
	for _, f := range filters {
		queries = append(queries, []filter{f})
	}
	for range 60 {
		var chosen []filter
		for _, i := range random.Perm(len(filters))[:2+random.IntN(2)] {
			name, _, _ := strings.Cut(filters[i].query, "=")
			if !slices.ContainsFunc(chosen, func(f filter) bool { return strings.HasPrefix(f.query, name+"=") }) {
				chosen = append(chosen, filters[i])
			}
		}
		queries = append(queries, chosen)
	}
	for _, chosen := range queries {
		want, query := slices.Clone(all), "limit=25"
		for _, f := range chosen {
			want = slices.DeleteFunc(want, func(c filed) bool { return !f.fits(c) })
			query += "&" + f.query
		}
		require.Equal(t, inOrder(want, func(x, y filed) int { return -byActivity(x, y) }), w.listed(t, w.ana, query), query)
		require.Equal(t, inOrder(want, byActivity), w.listed(t, w.ana, "sort=oldest&"+query), query)
		if !strings.Contains(query, "status=") {
			line := slices.DeleteFunc(slices.Clone(want), func(c filed) bool { return c.status != handoff.StatusWaiting })
			require.Equal(t, inOrder(line, byPlace), w.listed(t, w.ana, "sort=queue&"+query), query)
		}
		w.counted(t, query, want)
	}
	require.Empty(t, w.listed(t, w.strangerAgent, ""))
}

func byID(x, y filed) int { return slices.Compare(x.id[:], y.id[:]) }

func byActivity(x, y filed) int {
	if d := x.active.Compare(y.active); d != 0 {
		return d
	}
	return byID(x, y)
}

func byPlace(x, y filed) int {
	if x.priority != y.priority {
		return int(y.priority) - int(x.priority)
	}
	if d := x.queued.Compare(y.queued); d != 0 {
		return d
	}
	return byID(x, y)
}

func inOrder(conversations []filed, order func(x, y filed) int) []string {
	ids := []string{}
	for _, c := range slices.SortedFunc(slices.Values(conversations), order) {
		ids = append(ids, c.id.String())
	}
	return ids
}

func (w *world) counted(t *testing.T, query string, want []filed) {
	t.Helper()
	counts := w.do(t, "GET", "/v1/conversations/counts?"+strings.TrimPrefix(strings.TrimPrefix(query, "limit=25"), "&"), w.ana, nil).is(http.StatusOK)
	byStatus, teams := map[string]any{}, map[string]float64{}
	for _, status := range handoff.Statuses {
		byStatus[string(status)] = 0.
	}
	unread, mine, unassigned := 0., 0., 0.
	for _, c := range want {
		byStatus[string(c.status)] = byStatus[string(c.status)].(float64) + 1
		if c.status == handoff.StatusEnded {
			continue
		}
		teams[c.team]++
		unread += float64(c.unread)
		if c.agent == w.Ana.Agent.ID.String() {
			mine++
		}
		if c.agent == "" {
			unassigned++
		}
	}
	require.EqualValues(t, len(want), counts.field("total"), query)
	require.Equal(t, byStatus, counts.field("by_status"), query)
	require.Equal(t, []any{unread, mine, unassigned}, []any{counts.field("unread"), counts.field("mine"), counts.field("unassigned")}, query)
	require.Len(t, counts.field("by_team"), len(teams), query)
	for i := range counts.field("by_team").([]any) {
		at := "by_team." + strconv.Itoa(i)
		require.Equal(t, int(teams[counts.text(at+".team_id")]), int(counts.field(at+".open").(float64)), query)
	}
}

func TestPagesOfAListGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.file(t, rand.New(rand.NewPCG(5, 6)), 30)
	want := inOrder(all, func(x, y filed) int { return -byActivity(x, y) })
	first := w.do(t, "GET", "/v1/conversations?limit=10", w.ana, nil).is(http.StatusOK)
	// One of the first page and one of those to come become active.
	w.Exec(t, "UPDATE conversations SET last_activity_at = now() WHERE id IN ($1, $2)", want[3], want[20])
	rest := w.do(t, "GET", "/v1/conversations?limit=100&sort=newest&cursor="+first.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	second := []string{}
	for i := range rest.field("items").([]any) {
		second = append(second, rest.text("items."+strconv.Itoa(i)+".id"))
	}
	require.Equal(t, slices.Delete(slices.Clone(want[10:]), 10, 11), second, "those that did not move show once, and none that moved twice")
	for _, sort := range []string{"oldest", "queue"} {
		w.do(t, "GET", "/v1/conversations?sort="+sort+"&cursor="+first.text("next_cursor"), w.ana, nil).
			refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
}

func TestFiltersThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, query := range []string{
		"team_id=x", "priority=huge", "priority=high,", "attribute=plan", "attribute=:x", "attribute=a:1&attribute=a:2", "sort=best", "q=ab",
		"sort=queue&status=ended", "active_after=yesterday", "unread=perhaps",
	} {
		w.do(t, "GET", "/v1/conversations?"+query, w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
}

func TestAConversationShowsItsQueueAndItsOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, previous, team := w.conversation(t, "447700900123"), w.conversation(t, "447700900124"), handoff.NewID()
	w.Exec(t, "INSERT INTO teams (id, account_id, name) VALUES ($1, $2, 'Billing')", team, w.Account.ID)
	w.Exec(t, `UPDATE conversations SET team_id = $1, priority = 3, skills = '{spanish}', queued_at = '2026-05-01', control_since = '2026-05-02',
		control_reason = 'asked for', offered_to = $2, offer_expires_at = '2026-05-03', snoozed_until = '2026-05-04', resolve_at = '2026-05-05',
		response_due_at = '2026-05-06', awaiting_since = '2026-05-07', tags = '{vip,new}', attributes = '{"plan": "gold"}', previous_id = $3 WHERE id = $4`,
		team, w.Ben.Agent.ID, previous.ID, c.ID)
	shown := w.do(t, "GET", "/v1/conversations/"+c.ID.String(), w.ana, nil).is(http.StatusOK)
	for path, want := range map[string]any{
		"team": map[string]any{"id": team.String(), "name": "Billing"}, "priority": "urgent", "skills": []any{"spanish"},
		"queued_at": "2026-05-01T00:00:00Z", "control": map[string]any{"since": "2026-05-02T00:00:00Z", "reason": "asked for"},
		"offer":         map[string]any{"agent": map[string]any{"id": w.Ben.Agent.ID.String(), "name": "Ben"}, "to_bot": false, "expires_at": "2026-05-03T00:00:00Z"},
		"snoozed_until": "2026-05-04T00:00:00Z", "resolve_at": "2026-05-05T00:00:00Z", "response_due_at": "2026-05-06T00:00:00Z",
		"awaiting_since": "2026-05-07T00:00:00Z", "tags": []any{"vip", "new"}, "attributes": map[string]any{"plan": "gold"}, "previous_id": previous.ID.String(),
	} {
		require.Equal(t, want, shown.field(path), path)
	}
	require.Nil(t, w.do(t, "GET", "/v1/conversations/"+previous.ID.String(), w.ana, nil).is(http.StatusOK).field("offer"))
}
