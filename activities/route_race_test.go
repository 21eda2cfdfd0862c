package activities_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/lineup"
	"handoff/internal/protocol/hitlchat"
)

// contention is two teams that share agents, a line of conversations, and several workers that route them at once.
type contention struct {
	*testing.T
	*fixture.World
	workers []*activities.Activities
	log     *safeLog
	teams   []handoff.ID
	agents  []handoff.Actor
	refs    []activities.Ref
	zed     handoff.Actor // claims by hand, and is in no team
}

func newContention(t *testing.T, workers, conversations int, teams [2]string) *contention {
	t.Helper()
	c := &contention{T: t, World: fixture.New(t, dbtest.Pool(t)), log: &safeLog{}}
	for range workers {
		a := c.Activities(t, time.Now)
		a.Log = slog.New(slog.NewTextHandler(c.log, nil))
		c.workers = append(c.workers, a)
	}
	c.zed = c.Agent(t, "Zed")
	for i, capacity := range []int{1, 2, 3, 2, 1, 2} {
		agent := c.Agent(t, fmt.Sprintf("Agent %d", i))
		c.Exec(t, "UPDATE agents SET capacity = $2 WHERE id = $1", agent.Agent.ID, capacity)
		c.agents = append(c.agents, agent)
	}
	c.teams = []handoff.ID{c.Team(t, "Left", teams[0], c.agents[:4]...), c.Team(t, "Right", teams[1], c.agents[2:]...)}
	c.SetInbox(t, "team_id = $1, routing = $2", c.teams[0], fmt.Sprintf(
		`[{"name":"urgent","if":{"text":["fire"]},"then":{"team_id":%q,"priority":"urgent"}},{"name":"right","if":{"text":["right"]},"then":{"team_id":%[1]q}}]`,
		c.teams[1]))
	for n := range conversations {
		body := c.Body(fmt.Sprintf("4477009%05d", n), []string{"left please", "right please", "fire"}[n%3])
		wake := c.Accept(t, body, time.Now()).Wakes[0]
		c.refs = append(c.refs, activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID})
	}
	return c
}

// look is what a signal does.
func (c *contention) look(ctx context.Context, worker *activities.Activities, ref activities.Ref) (*activities.Conversation, error) {
	out, err := worker.ApplyInbound(ctx, activities.ApplyInboundInput{Ref: ref, Now: time.Now()})
	return out.Conversation, err
}

// wakePlanned is a round of the dispatcher: it wakes whom an agent is free for.
func (c *contention) wakePlanned(ctx context.Context, worker *activities.Activities) (woken int, err error) {
	q := dbsqlc.New(c.DB)
	teams, err := q.LineTeams(ctx)
	if err != nil {
		return 0, err
	}
	for _, team := range teams {
		line, err := lineup.Read(ctx, q, team, time.Now(), handoff.ID{})
		if err != nil {
			return woken, err
		}
		for _, row := range line.Planned() {
			woken++
			if _, err := c.look(ctx, worker, activities.Ref{AccountID: team.AccountID, InboxID: row.InboxID, ContactID: row.ContactID}); err != nil {
				return woken, err
			}
		}
	}
	deserted, err := q.LineDeserted(ctx, dbsqlc.LineDesertedParams{Now: time.Now(), RowLimit: 200})
	if err != nil {
		return woken, err
	}
	for _, row := range deserted {
		woken++
		if _, err := c.look(ctx, worker, activities.Ref{AccountID: row.AccountID, InboxID: row.InboxID, ContactID: row.ContactID}); err != nil {
			return woken, err
		}
	}
	return woken, nil
}

// act does one thing at random to one conversation, as somebody would who sees it as it is.
func (c *contention) act(ctx context.Context, worker *activities.Activities, dice *rand.Rand) error {
	ref := c.refs[dice.IntN(len(c.refs))]
	now, err := c.look(ctx, worker, ref)
	if err != nil {
		return err
	}
	if !now.Open() {
		return c.writeAgain(ctx, ref)
	}
	cmd := activities.Command{Ref: ref, ID: handoff.NewID().String(), ConversationID: now.ID, Version: now.Version, Now: time.Now()}
	if now.Assignee != nil {
		cmd.Actor = handoff.Actor{Agent: now.Assignee}
	}
	if now.Offer != nil && now.Offer.Agent != nil {
		cmd.Actor = handoff.Actor{Agent: now.Offer.Agent}
		switch dice.IntN(4) {
		case 0:
			_, err = worker.DeclineOffer(ctx, activities.DeclineCommand{Command: cmd})
		case 1:
			cmd.Actor, cmd.Now = handoff.Actor{Admin: true}, time.Now().Add(time.Hour) // nobody answers
			_, err = worker.TimeUp(ctx, cmd)
		default:
			_, err = worker.AcceptOffer(ctx, cmd)
		}
		return err
	}
	switch dice.IntN(12) {
	case 0:
		cmd.Actor = c.zed
		_, err = worker.Claim(ctx, cmd)
	case 1:
		_, err = worker.End(ctx, activities.EndCommand{Command: cmd, Reason: handoff.EndResolved})
	case 2, 3:
		_, err = worker.Transfer(ctx, activities.TransferCommand{Command: cmd, Transfer: activities.Transfer{TeamID: &c.teams[dice.IntN(2)]}})
	default:
		_, err = worker.Release(ctx, activities.ReleaseCommand{Command: cmd})
	}
	return err
}

// writeAgain is a contact with another matter.
func (c *contention) writeAgain(ctx context.Context, ref activities.Ref) error {
	parsed, err := hitlchat.Parse(c.Body(fmt.Sprintf("4477009%05d", slices.Index(c.refs, ref)), "right, and left"))
	if err == nil {
		_, err = db.Accept(ctx, c.DB, db.NewReceipt{
			AccountID: ref.AccountID, Protocol: handoff.ProtocolHitlChat, Body: []byte(handoff.NewID().String()), Items: parsed.Items, At: time.Now(),
		})
	}
	return err
}

// comeAndGo changes somebody's presence, away from online half of the time.
func (c *contention) comeAndGo(ctx context.Context, dice *rand.Rand) error {
	presence := []handoff.Presence{handoff.PresenceOnline, handoff.PresenceOnline, handoff.PresenceAway, handoff.PresenceOffline}[dice.IntN(4)]
	_, err := c.DB.Exec(ctx, "UPDATE agents SET presence = $2, presence_until = now() + interval '1 hour' WHERE id = $1",
		c.agents[dice.IntN(len(c.agents))].Agent.ID, presence)
	return err
}

// overfull counts agents who were given, or offered, more than they may have, in one statement. What they hold by hand does not count.
func (c *contention) overfull(ctx context.Context) (n int, err error) {
	err = c.DB.QueryRow(ctx, `SELECT count(*) FROM agents a WHERE a.capacity < (SELECT count(*) FROM conversations c
		WHERE c.status <> 'ended' AND (c.offered_to = a.id OR (c.assignee_id = a.id AND c.control_reason IN ('assigned', 'accepted'))))`).Scan(&n)
	return n, err
}

// passedOver counts conversations that wait though an agent who has not passed them by has room.
func (c *contention) passedOver() int {
	return c.Count(c.T, "conversations c", `c.status = 'waiting' AND c.offer_expires_at IS NULL AND EXISTS (
		SELECT FROM team_members m JOIN agents a ON a.id = m.agent_id
		WHERE m.team_id = c.team_id AND a.presence = 'online' AND NOT a.id = ANY(c.passed_by) AND a.capacity > (
			SELECT count(*) FROM conversations h WHERE (h.assignee_id = a.id AND h.status = 'assigned') OR (h.offered_to = a.id AND h.status <> 'ended')))`)
}

func (c *contention) requireNoTrouble(errs []error) {
	c.Helper()
	require.NotContains(c, c.log.String(), "40P01", "two transactions locked each other out")
	require.Empty(c, errs, c.log.String())
}

// Agents of two teams with limits, who come and go, release, transfer, decline and let offers run out, while others claim by hand, and
// several workers give what waits to whoever is free.
func TestNobodyIsGivenTooMuchAndNobodyIsForgotten(t *testing.T) {
	t.Parallel()
	for name, teams := range map[string][2]string{
		"assigned at once": {"assignment = 'least_loaded', when_away = 'requeue'", "assignment = 'round_robin'"},
		"offered":          {"assignment = 'least_loaded', offer_seconds = 60", "assignment = 'round_robin', offer_seconds = 60, when_away = 'requeue'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newContention(t, 4, 40, teams)
			c.Present(t, handoff.PresenceOnline, c.agents...)
			c.requireNoTrouble(c.commotion(200))
			c.settle()
			c.requireStories()
		})
	}
}

// commotion has workers act side by side, and looks all the time whether anybody has too much.
func (c *contention) commotion(acts int) []error {
	ctx, cancel := context.WithTimeout(c.Context(), 3*time.Minute)
	defer cancel()
	var group, watch sync.WaitGroup
	errs := make(chan error, 1000)
	note := func(err error) {
		if err != nil {
			select {
			case errs <- err:
			default:
			}
		}
	}
	done := make(chan struct{})
	watch.Go(func() {
		for {
			n, err := c.overfull(ctx)
			if n > 0 {
				err = fmt.Errorf("%d agents have more than they may", n)
			}
			note(err)
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	for i, worker := range c.workers {
		dice := rand.New(rand.NewPCG(uint64(i), 7))
		group.Go(func() {
			for n := range acts {
				note(c.act(ctx, worker, dice))
				if n%5 == 0 {
					note(c.comeAndGo(ctx, dice))
					_, err := c.wakePlanned(ctx, worker)
					note(err)
				}
			}
		})
	}
	group.Wait()
	close(done)
	watch.Wait()
	close(errs)
	var out []error
	for err := range errs {
		out = append(out, err)
	}
	return out
}

// settle has everybody come back, and the dispatcher go round until there is nothing left for it to do.
func (c *contention) settle() {
	c.Helper()
	c.Present(c.T, handoff.PresenceOnline, c.agents...)
	for range 200 {
		woken, err := c.wakePlanned(c.Context(), c.workers[0])
		require.NoError(c, err, c.log.String())
		if woken == 0 {
			require.Zero(c, c.passedOver(), "somebody waits for an agent who has room")
			return
		}
	}
	c.Fatal("the dispatcher never comes to rest")
}

// requireStories checks what the events of each conversation tell: numbers without a gap, nobody who gets what another has, and the
// place in line that it had from the first.
func (c *contention) requireStories() {
	c.Helper()
	require.Zero(c, c.Count(c.T, "conversations", "status <> 'ended' AND queued_at IS DISTINCT FROM opened_at"), "a place in line was lost")
	rows, err := c.DB.Query(c.Context(), `SELECT e.conversation_id, e.seq, e.type, e.actor_type, e.data->>'reason',
		coalesce(e.data#>>'{assignee,id}', e.data#>>'{agent,id}', '') FROM events e WHERE e.seq IS NOT NULL ORDER BY e.conversation_id, e.seq`)
	require.NoError(c, err)
	var id, current handoff.ID
	var seq, before int64
	var kind handoff.EventType
	var actor, agent string
	var reason *string
	var holder, offered string
	given := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &kind, &actor, &reason, &agent}, func() error {
		if id != current {
			current, before, holder, offered = id, 0, "", ""
		}
		require.Equal(c, before+1, seq)
		before = seq
		switch kind { //nolint:exhaustive // the others change nothing of who has it
		case handoff.EventClaimed:
			if actor == string(handoff.AuthorSystem) || *orEmptyText(reason) == "accepted" {
				given++
				require.Empty(c, holder, "given to somebody while another has it")
				require.True(c, offered == "" || offered == agent, "given to somebody while it is offered to another")
			}
			holder, offered = agent, ""
		case handoff.EventOffered:
			require.Empty(c, holder+offered, "offered while somebody has it, or is offered it")
			offered = agent
		case handoff.EventOfferDeclined, handoff.EventOfferExpired:
			require.Equal(c, offered, agent)
			offered = ""
		case handoff.EventReleased, handoff.EventRequeued, handoff.EventTransferred, handoff.EventEnded:
			holder, offered = "", ""
		}
		return nil
	})
	require.NoError(c, err)
	require.Greater(c, given, 5)
	c.Logf("%d conversations found an agent by themselves", given)
}

func orEmptyText(s *string) *string {
	if s == nil {
		return new(string)
	}
	return s
}

// Whoever is woken first, the head of the line goes first.
func TestTheHeadOfTheLineGoesFirstWhoeverIsWoken(t *testing.T) {
	t.Parallel()
	c := newContention(t, 4, 12, [2]string{"assignment = 'least_loaded'", "assignment = 'least_loaded'"})
	c.SetInbox(t, "team_id = $1, routing = NULL", c.teams[0])
	for _, ref := range c.refs {
		_, err := c.look(t.Context(), c.workers[0], ref)
		require.NoError(t, err)
	}
	// The last who came are the most urgent.
	c.Exec(t, `UPDATE conversations SET priority = p.n % 4, queued_at = '2026-01-01'::timestamptz + p.n * interval '1 minute'
		FROM (SELECT id, row_number() OVER (ORDER BY opened_at, id) AS n FROM conversations) p WHERE p.id = conversations.id`)
	var want []handoff.ID
	rows, err := c.DB.Query(t.Context(), "SELECT id FROM conversations ORDER BY priority DESC, queued_at")
	require.NoError(t, err)
	want, err = pgx.CollectRows(rows, pgx.RowTo[handoff.ID])
	require.NoError(t, err)
	c.Present(t, handoff.PresenceOnline, c.agents[0]) // who takes one at a time

	var got []handoff.ID
	for len(got) < len(want) {
		var group sync.WaitGroup
		for n, ref := range c.refs {
			group.Go(func() { _, _ = c.look(context.Background(), c.workers[n%len(c.workers)], ref) })
		}
		group.Wait()
		rows, err := c.DB.Query(t.Context(), "SELECT id, contact_id FROM conversations WHERE status = 'assigned'")
		require.NoError(t, err)
		held, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[struct{ ID, Contact handoff.ID }])
		require.NoError(t, err, "one at a time")
		got = append(got, held.ID)
		c.Exec(t, "UPDATE conversations SET status = 'ended', end_reason = 'resolved', ended_at = now(), inactive_at = NULL WHERE id = $1", held.ID)
	}
	require.Equal(t, want, got)
	c.requireNoTrouble(nil)
}

type safeLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.SplitAfterN(l.buf.String(), "\n", 11)
	return strings.Join(lines[:min(len(lines), 10)], "")
}
