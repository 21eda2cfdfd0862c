package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
)

// begin starts a transaction by hand, as another worker has it.
func (c *contention) begin() pgx.Tx {
	c.Helper()
	tx, err := c.DB.Begin(c.Context())
	require.NoError(c, err)
	c.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

// blocked waits until so many of the database's transactions wait for a lock.
func (c *contention) blocked(n int) {
	c.Helper()
	require.Eventually(c, func() bool {
		return c.Count(c.T, "pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock'") >= n
	}, time.Minute, 5*time.Millisecond)
}

// seat gives an agent a conversation by hand, in a transaction that has locked the agent as whoever assigns does.
func (c *contention) seat(tx pgx.Tx, ref activities.Ref, agent handoff.Actor) {
	c.Helper()
	_, err := tx.Exec(c.Context(), "SELECT FROM agents WHERE id = $1 FOR NO KEY UPDATE", agent.Agent.ID)
	require.NoError(c, err)
	_, err = tx.Exec(c.Context(), "UPDATE conversations SET status = 'assigned', assignee_id = $1, control_reason = 'assigned' WHERE contact_id = $2",
		agent.Agent.ID, ref.ContactID)
	require.NoError(c, err)
}

// Two teams share two agents, and find one after the other taken, in different order.
func TestTeamsThatShareAgentsDoNotLockEachOtherOut(t *testing.T) {
	t.Parallel()
	c := newContention(t, 2, 4, [2]string{"assignment = 'least_loaded'", "assignment = 'round_robin'"})
	for _, ref := range c.refs {
		_, err := c.look(t.Context(), c.workers[0], ref)
		require.NoError(t, err)
	}
	left, right := c.refs[0], c.refs[1]
	c.Exec(t, "UPDATE conversations SET priority = CASE WHEN contact_id IN ($1, $2) THEN 1 ELSE 0 END", left.ContactID, right.ContactID)
	a, b := c.agents[2], c.agents[3]
	c.Exec(t, "UPDATE agents SET capacity = 1, assigned_at = CASE WHEN id = $1 THEN now() END WHERE id IN ($1, $2)", a.Agent.ID, b.Agent.ID)
	c.Exec(t, "UPDATE agents SET capacity = 2 WHERE id = $1", b.Agent.ID)
	c.seatNow(b)
	c.Present(t, handoff.PresenceOnline, a, b)
	one, two := c.begin(), c.begin()
	c.seat(one, c.refs[2], a)
	c.seat(two, c.refs[3], b)

	answers := make(chan error, 2)
	look := func(n int, ref activities.Ref) {
		_, err := c.look(context.Background(), c.workers[n], ref)
		answers <- err
	}
	go look(0, left) // prefers a, who has nothing
	c.blocked(1)
	go look(1, right) // prefers b, who never had one
	c.blocked(2)
	var pid int
	require.NoError(t, one.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
	require.NoError(t, one.Commit(t.Context()))
	require.Eventually(t, func() bool {
		return c.Count(t, "pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock' AND NOT $1 = ANY(pg_blocking_pids(pid))", pid) == 2
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, two.Commit(t.Context()))
	for range 2 {
		require.NoError(t, <-answers, c.log.String())
	}
	require.Equal(t, 2, c.Count(t, "conversations", "status = 'waiting'"), "neither agent has room")
}

// seatNow gives an agent one conversation of a contact of its own.
func (c *contention) seatNow(agent handoff.Actor) {
	c.Helper()
	wake := c.Accept(c.T, c.Body("447700999999", "left please"), time.Now()).Wakes[0]
	ref := activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	_, err := c.look(c.Context(), c.workers[0], ref)
	require.NoError(c, err)
	tx := c.begin()
	c.seat(tx, ref, agent)
	require.NoError(c, tx.Commit(c.Context()))
}

// Whoever lets an offer run out is away from then on. While that waits for the team's turn, nobody waits for the agent.
func TestAnOfferThatRunsOutLocksNobodyOut(t *testing.T) {
	t.Parallel()
	c := newContention(t, 1, 1, [2]string{"assignment = 'least_loaded', offer_seconds = 60", ""})
	agent := c.agents[0]
	c.Present(t, handoff.PresenceOnline, agent)
	now, err := c.look(t.Context(), c.workers[0], c.refs[0])
	require.NoError(t, err)
	require.NotNil(t, now.Offer)
	other := c.begin()
	q := dbsqlc.New(other)
	_, err = q.TeamLock(t.Context(), dbsqlc.TeamLockParams{AccountID: c.Account.ID, ID: c.teams[0]})
	require.NoError(t, err)
	answer := make(chan error, 1)
	go func() {
		_, err := c.workers[0].TimeUp(context.Background(), activities.Command{
			Ref: c.refs[0], ID: "offer", ConversationID: now.ID, Version: now.Version, Actor: handoff.Actor{Admin: true}, Now: time.Now().Add(time.Hour),
		})
		answer <- err
	}()
	c.blocked(1)
	_, err = other.Exec(t.Context(), "SET LOCAL lock_timeout = '500ms'")
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), "SELECT FROM agents WHERE id = $1 FOR NO KEY UPDATE", agent.Agent.ID)
	require.NoError(t, err, "who has the team may lock its agents")
	require.NoError(t, other.Commit(t.Context()))
	require.NoError(t, <-answer, c.log.String())
	require.Equal(t, 1, c.Count(t, "agents", "id = $1 AND presence = 'away'", agent.Agent.ID))
}

// An agent who says that they are away, and is told so, is given nothing from then on, not even by a plan that was made before.
func TestWhoHasSaidThatTheyAreAwayIsGivenNothing(t *testing.T) {
	t.Parallel()
	c := newContention(t, 1, 1, [2]string{"assignment = 'least_loaded'", ""})
	_, err := c.look(t.Context(), c.workers[0], c.refs[0])
	require.NoError(t, err)
	agent := c.agents[0]
	c.Present(t, handoff.PresenceOnline, agent)
	change := c.begin()
	_, err = change.Exec(t.Context(), "UPDATE agents SET presence = 'away' WHERE id = $1", agent.Agent.ID)
	require.NoError(t, err)
	answer := make(chan error, 1)
	go func() { _, err := c.look(context.Background(), c.workers[0], c.refs[0]); answer <- err }()
	c.blocked(1)
	require.NoError(t, change.Commit(t.Context()))
	require.NoError(t, <-answer)
	require.Equal(t, 1, c.Count(t, "conversations", "status = 'waiting'"))
}

// Conversations that nobody there can take do not keep those behind them from their agents, however many there are.
func TestTheLineGoesOnBehindWhatNobodyCanTake(t *testing.T) {
	t.Parallel()
	c := newContention(t, 1, 1, [2]string{"assignment = 'least_loaded'", ""})
	_, err := c.look(t.Context(), c.workers[0], c.refs[0])
	require.NoError(t, err)
	c.Exec(t, `INSERT INTO contacts (id, account_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 450)`, c.Account.ID)
	c.Exec(t, `INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, opened_at, last_activity_at, team_id, skills, queued_at)
		SELECT gen_random_uuid(), $1, $2, id, 'waiting', now() - interval '1 day', now(), $3, '{finnish}', now() - interval '1 day'
		FROM contacts WHERE id <> $4`, c.Account.ID, c.Inbox.ID, c.teams[0], c.refs[0].ContactID)
	c.Present(t, handoff.PresenceOnline, c.agents[0])
	woken, err := c.wakePlanned(t.Context(), c.workers[0])
	require.NoError(t, err)
	require.Equal(t, 1, woken)
	require.Equal(t, 1, c.Count(t, "conversations", "contact_id = $1 AND assignee_id = $2", c.refs[0].ContactID, c.agents[0].Agent.ID))
}

// Whoever claims without saying that they are online is there all the same; once they have said so, they can leave.
func TestWhoClaimsWithoutBeingOnlineKeepsItUntilTheyLeave(t *testing.T) {
	t.Parallel()
	c := newContention(t, 1, 1, [2]string{"when_away = 'requeue'", ""})
	now, err := c.look(t.Context(), c.workers[0], c.refs[0])
	require.NoError(t, err)
	agent := c.agents[0]
	result, err := c.workers[0].Claim(t.Context(), activities.Command{
		Ref: c.refs[0], ID: "claim", ConversationID: now.ID, Version: now.Version, Actor: agent, Now: time.Now(),
	})
	require.NoError(t, err)
	require.Equal(t, agent.Agent, result.Conversation.Assignee)
	held := func() int {
		_, err := c.wakePlanned(t.Context(), c.workers[0])
		require.NoError(t, err)
		_, err = c.look(t.Context(), c.workers[0], c.refs[0])
		require.NoError(t, err)
		return c.Count(t, "conversations", "status = 'assigned'")
	}
	require.Equal(t, 1, held())
	c.Exec(t, "UPDATE agents SET presence = 'online', presence_since = now(), presence_until = now() + interval '1 hour' WHERE id = $1", agent.Agent.ID)
	require.Equal(t, 1, held())
	c.Exec(t, "UPDATE agents SET presence = 'offline', presence_since = now(), presence_until = NULL WHERE id = $1", agent.Agent.ID)
	woken, err := c.wakePlanned(t.Context(), c.workers[0])
	require.NoError(t, err)
	require.Equal(t, 1, woken)
	require.Zero(t, c.Count(t, "conversations", "status = 'assigned'"))
}
