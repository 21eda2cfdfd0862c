package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// desk is a dispatcher at work whose signals do what workflows do with them.
type desk struct {
	*testing.T
	*fixture.World
	*activities.Activities
	dispatcher *Dispatcher
	down       atomic.Bool // Temporal is away
}

func newDesk(t *testing.T, settings string, members ...string) *desk {
	t.Helper()
	w := fixture.New(t, dbtest.Pool(t))
	d := &desk{T: t, World: w, Activities: w.Activities(t, time.Now)}
	agents := []handoff.Actor{w.Ana, w.Ben}
	team := w.Team(t, "Support", settings, agents[:len(members)]...)
	for i, presence := range members {
		w.Exec(t, "UPDATE agents SET capacity = 1 WHERE id = $1", agents[i].Agent.ID)
		w.Present(t, handoff.Presence(presence), agents[i])
	}
	w.SetInbox(t, "team_id = $1", team)
	d.dispatcher = New(w.DB, func(ctx context.Context, wake db.Wake) error {
		if d.down.Load() {
			return errors.New("temporal is away")
		}
		_, err := d.ApplyInbound(ctx, activities.ApplyInboundInput{Now: time.Now(), Ref: activities.Ref{
			AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID,
		}})
		return err
	}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.dispatcher.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	return d
}

// writes has a contact write, and waits until that is applied.
func (d *desk) writes(n int) handoff.ID {
	d.Helper()
	wake := accepted(d.T, d.World, fmt.Sprintf("4477009%05d", n))
	d.dispatcher.Wake(wake)
	d.eventually("it is applied", "contact_id = $1", wake.ContactID)
	return wake.ContactID
}

func (d *desk) eventually(what, condition string, args ...any) {
	d.Helper()
	require.Eventually(d.T, func() bool { return d.Count(d.T, "conversations", condition, args...) == 1 }, time.Minute, 20*time.Millisecond, what)
}

func (d *desk) resolve(contact handoff.ID, by handoff.Actor) {
	d.Helper()
	var c activities.Command
	require.NoError(d, d.World.DB.QueryRow(d.Context(), "SELECT id, version, inbox_id FROM conversations WHERE contact_id = $1", contact).
		Scan(&c.ConversationID, &c.Version, &c.InboxID))
	c.AccountID, c.ContactID, c.ID, c.Actor, c.Now = d.Account.ID, contact, handoff.NewID().String(), by, time.Now()
	result, err := d.End(d.Context(), activities.EndCommand{Command: c, Reason: handoff.EndResolved})
	require.NoError(d, err)
	require.Nil(d, result.Refused)
	require.False(d, result.Stale)
}

const heldBy = "contact_id = $1 AND status = 'assigned' AND assignee_id = $2"

func TestWhoResolvesIsGivenTheNextInLine(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "assignment = 'least_loaded'", "online")
	first, second, third := d.writes(1), d.writes(2), d.writes(3)
	d.eventually("who comes first", heldBy, first, d.Ana.Agent.ID)
	d.Exec(t, "UPDATE conversations SET priority = 3 WHERE contact_id = $1", third)
	d.resolve(first, d.Ana)
	d.eventually("the urgent one is next", heldBy, third, d.Ana.Agent.ID)
	require.Equal(t, 1, d.Count(t, "conversations", "contact_id = $1 AND status = 'waiting'", second), "one at a time")
	d.resolve(third, d.Ana)
	d.eventually("then the other", heldBy, second, d.Ana.Agent.ID)
	require.Zero(t, d.Count(t, "wakes", "raised AND signals > 3"))
}

func TestWhoComesOnlineIsGivenWhatWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "assignment = 'round_robin'", "offline", "away")
	contact := d.writes(1)
	d.Present(t, handoff.PresenceOnline, d.Ben)
	d.eventually("Ben is there", heldBy, contact, d.Ben.Agent.ID)
}

func TestALeaseThatRunsOutLosesConversationsWhereTheTeamSaysSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "assignment = 'least_loaded', when_away = 'requeue'", "online", "offline")
	contact := d.writes(1)
	d.eventually("Ana has it", heldBy, contact, d.Ana.Agent.ID)
	d.Exec(t, "UPDATE agents SET presence_until = now() + interval '1 second' WHERE id = $1", d.Ana.Agent.ID)
	d.eventually("it is back in line", "contact_id = $1 AND status = 'waiting' AND queued_at = opened_at", contact)
	require.Equal(t, 1, d.Count(t, "events", "type = 'conversation.requeued' AND data->>'reason' = 'agent_away' AND data#>>'{from,name}' = 'Ana'"))
	d.Present(t, handoff.PresenceOnline, d.Ana, d.Ben)
	d.eventually("others first", heldBy, contact, d.Ben.Agent.ID)
}

func TestALeaseThatRunsOutKeepsConversationsElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "assignment = 'least_loaded'", "online", "offline")
	contact := d.writes(1)
	d.eventually("Ana has it", heldBy, contact, d.Ana.Agent.ID)
	d.Exec(t, "UPDATE agents SET presence_until = now() - interval '1 second' WHERE id = $1", d.Ana.Agent.ID)
	d.Present(t, handoff.PresenceOnline, d.Ben)
	other := d.writes(2)
	d.eventually("the next goes to Ben", heldBy, other, d.Ben.Agent.ID)
	d.eventually("and the first stays", heldBy, contact, d.Ana.Agent.ID)
}

func TestTheLineMovesOnceTemporalIsBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "assignment = 'least_loaded'", "online")
	first, second := d.writes(1), d.writes(2)
	d.eventually("who comes first", heldBy, first, d.Ana.Agent.ID)
	d.down.Store(true)
	d.resolve(first, d.Ana)
	require.Eventually(t, func() bool { return d.Count(t, "wakes", "contact_id = $1 AND raised", second) == 1 }, time.Minute, 20*time.Millisecond,
		"the flag is up")
	d.down.Store(false)
	d.eventually("and is found", heldBy, second, d.Ana.Agent.ID)
}
