package history_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/history"
)

// told are the events that every run of this test has to meet: what nobody plays, nobody checks.
var told = []handoff.EventType{
	handoff.EventOpened, handoff.EventOffloaded, handoff.EventQueued, handoff.EventClaimed, handoff.EventReleased, handoff.EventTransferred,
	handoff.EventRequeued, handoff.EventOffered, handoff.EventOfferDeclined, handoff.EventOfferExpired, handoff.EventPassed,
	handoff.EventSnoozed, handoff.EventWoken, handoff.EventResolving, handoff.EventResolveUndone, handoff.EventTimerMoved, handoff.EventUpdated,
	handoff.EventRead, handoff.EventMessageHistory, handoff.EventMessageReceived, handoff.EventMessageQueued, handoff.EventMessageSent,
	handoff.EventMessageScheduled, handoff.EventNoteAdded, handoff.EventEnded,
}

// reasoned are the events that say why.
var reasoned = map[handoff.EventType]bool{
	handoff.EventOpened: true, handoff.EventQueued: true, handoff.EventTransferred: true, handoff.EventRequeued: true,
	handoff.EventPassed: true, handoff.EventWoken: true, handoff.EventResolveUndone: true, handoff.EventEnded: true,
}

// player plays random moves of everybody with one contact.
type player struct {
	*rapid.T
	s     *scene
	ref   activities.Ref
	phone string
	n     int
	seen  map[handoff.EventType]int
}

func TestFoldingTheEventsGivesTheRow(t *testing.T) {
	t.Parallel()
	base := newScene(t)
	game, shared, seen := 0, base.Activities, map[handoff.EventType]int{}
	rapid.Check(t, func(r *rapid.T) {
		game++
		s, real := *base, *shared
		s.Activities, real.Now = &real, func() time.Time { return base.now }
		p := &player{T: r, s: &s, phone: phone(game), seen: seen}
		p.configure()
		p.inbound()
		p.apply()
		r.Repeat(p.moves())
		base.now = s.now
	})
	t.Log(seen)
	for _, kind := range told {
		require.NotZero(t, seen[kind], "no game had a %s", kind)
	}
}

// check folds what the contact's conversations tell, and compares it with their rows.
func (p *player) check() {
	for _, row := range p.s.conversations(p, p.ref.ContactID) {
		require.Equal(p, ofRow(p, row), p.ofEvents(row))
	}
}

// facts are what a row and a fold of events both say, in a form in which they can be compared.
type facts struct {
	Status        handoff.Status
	EndReason     handoff.EndReason
	Disposition   string
	Assignee      handoff.ID
	Offered       string
	Team          handoff.ID
	Priority      handoff.Priority
	Skills, Tags  string
	Attributes    map[string]string
	Queued        string
	Control       string
	Snoozed       string
	Resolves      string
	Opened, Ended string
	Previous      handoff.ID
	Unread        int32
	Last          handoff.ID
	Seq           int64
}

func ofRow(t require.TestingT, c dbsqlc.Conversation) facts {
	f := facts{
		Status: c.Status, EndReason: orZero(c.EndReason), Disposition: orZero(c.Disposition), Assignee: orZero(c.AssigneeID), Team: orZero(c.TeamID),
		Priority: c.Priority, Skills: text(c.Skills), Tags: text(c.Tags), Attributes: map[string]string{}, Queued: moment(c.QueuedAt),
		Control: moment(c.ControlSince) + " " + orZero(c.ControlReason), Snoozed: moment(c.SnoozedUntil), Resolves: moment(c.ResolveAt),
		Opened: moment(&c.OpenedAt), Ended: moment(c.EndedAt), Previous: orZero(c.PreviousID), Unread: c.UnreadCount, Last: orZero(c.LastMessageID),
		Seq: c.LastSeq,
	}
	require.NoError(t, json.Unmarshal(c.Attributes, &f.Attributes))
	switch {
	case c.OfferedBot:
		f.Offered = "the bot until " + moment(c.OfferExpiresAt)
	case c.OfferedTo != nil:
		f.Offered = c.OfferedTo.String() + " until " + moment(c.OfferExpiresAt)
	}
	return f
}

func (p *player) ofEvents(c dbsqlc.Conversation) facts {
	// The time at which it was opened is in the log too.
	state := history.Begin(time.Time{})
	for _, e := range p.events(c.ID) {
		p.seen[e.Type]++
		require.NotEmpty(p, e.ActorType)
		require.Equal(p, reasoned[e.Type], reasoned[e.Type] && reason(p, e) != "", "%s says no reason", e.Type)
		require.NoError(p, state.Apply(e))
	}
	f := facts{
		Status: state.Status, EndReason: state.EndReason, Disposition: state.Disposition, Team: orZero(state.TeamID), Priority: state.Priority,
		Skills: text(state.Skills), Tags: text(state.Tags), Attributes: state.Attributes, Queued: moment(state.QueuedAt),
		Control: moment(&state.ControlSince) + " " + state.ControlReason, Snoozed: moment(state.SnoozedUntil), Resolves: moment(state.ResolveAt),
		Opened: moment(&state.OpenedAt), Ended: moment(state.EndedAt), Previous: orZero(state.PreviousID), Unread: state.UnreadCount,
		Last: orZero(state.LastMessageID), Seq: state.Seq,
	}
	if state.Assignee != nil {
		f.Assignee = state.Assignee.ID
	}
	if o := state.Offer; o != nil {
		f.Offered = "the bot until " + moment(&o.ExpiresAt)
		if o.Agent != nil {
			f.Offered = o.Agent.ID.String() + " until " + moment(&o.ExpiresAt)
		}
	}
	return f
}

// events are those of a conversation in the order of a fold.
func (p *player) events(conversation handoff.ID) []history.Event {
	rows, err := p.s.World.DB.Query(context.Background(),
		"SELECT seq, type, actor_type, message_id, data, at FROM events WHERE conversation_id = $1 ORDER BY seq NULLS LAST, position", conversation)
	require.NoError(p, err)
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[history.Event])
	require.NoError(p, err)
	return events
}

func reason(t require.TestingT, e history.Event) string {
	var data struct {
		Reason string `json:"reason"`
	}
	require.NoError(t, json.Unmarshal(e.Data, &data))
	return data.Reason
}

func text(list []string) string {
	out, _ := json.Marshal(append([]string{}, list...))
	return string(out)
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}
