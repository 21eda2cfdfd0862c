package history_test

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/activities"
)

func (p *player) claim() { p.command(p.actor(), p.s.Claim) }

func (p *player) release() {
	why := p.why()
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Release(ctx, activities.ReleaseCommand{Command: c, Why: why})
	})
}

func (p *player) transfer() {
	to := activities.Transfer{Why: p.why()}
	if rapid.Bool().Draw(p.T, "to a team") {
		to.TeamID = ptr(rapid.SampledFrom(p.s.teams).Draw(p.T, "team"))
	}
	if to.TeamID == nil || rapid.Bool().Draw(p.T, "to an agent") {
		to.AgentID = p.agent().AgentID()
	}
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Transfer(ctx, activities.TransferCommand{Command: c, Transfer: to})
	})
}

func (p *player) takeOver() {
	why := p.why()
	p.command(handoff.Actor{Admin: true, Agent: p.agent().Agent}, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.TakeOver(ctx, activities.TakeOverCommand{Command: c, Why: why})
	})
}

func (p *player) offer() {
	offer := activities.Offer{Seconds: rapid.IntRange(5, 90).Draw(p.T, "seconds")}
	if rapid.Bool().Draw(p.T, "to an agent") {
		offer.AgentID = p.agent().AgentID()
	}
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Offer(ctx, activities.OfferCommand{Command: c, Offer: offer})
	})
}

// offerAndWait lets an offer expire: chance alone rarely leaves one alone for so long.
func (p *player) offerAndWait() {
	p.offer()
	p.s.now = p.s.now.Add(time.Hour)
	p.ring()
}

func (p *player) answerOffer() {
	actor, why := p.actor(), p.why()
	if to := p.latest().OfferedTo; to != nil {
		actor = p.s.Ana
		if *to == p.s.Ben.Agent.ID {
			actor = p.s.Ben
		}
	}
	if rapid.Bool().Draw(p.T, "accept") {
		p.command(actor, p.s.AcceptOffer)
		return
	}
	p.command(actor, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.DeclineOffer(ctx, activities.DeclineCommand{Command: c, Why: why})
	})
}

func (p *player) pass() {
	why := p.why()
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Pass(ctx, activities.PassCommand{Command: c, Why: why})
	})
}

func (p *player) reply() {
	actor := p.agent()
	id := p.draft(actor)
	p.command(actor, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Reply(ctx, activities.ReplyCommand{Command: c, MessageID: id, Type: "text"})
	})
}

func (p *player) schedule() {
	actor := p.agent()
	schedule := activities.Schedule{ScheduledID: handoff.NewID(), MessageID: ptr(p.draft(actor))}
	if at := p.later(3600); at != nil {
		schedule.DueAt, schedule.OtherwiseID = at, ptr(p.draft(actor))
	}
	p.command(actor, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Schedule(ctx, activities.ScheduleCommand{Command: c, Schedule: schedule})
	})
}

func (p *player) unschedule() {
	var id handoff.ID
	err := p.s.World.DB.QueryRow(context.Background(),
		"SELECT id FROM scheduled_messages WHERE contact_id = $1 AND state = 'pending' LIMIT 1", p.ref.ContactID).Scan(&id)
	if err != nil {
		return
	}
	p.command(p.agent(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Unschedule(ctx, activities.UnscheduleCommand{Command: c, ScheduledID: id})
	})
}

func (p *player) snooze() {
	snooze := activities.Snooze{Until: p.later(7200), Why: p.why()}
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Snooze(ctx, activities.SnoozeCommand{Command: c, Snooze: snooze})
	})
}

func (p *player) wakeUp() { p.command(p.actor(), p.s.Wake) }

func (p *player) moveTimer() {
	move := activities.MoveTimer{Kind: rapid.SampledFrom(handoff.MovableTimers).Draw(p.T, "timer"), At: p.later(3600), Why: p.why()}
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.MoveTimer(ctx, activities.MoveTimerCommand{Command: c, MoveTimer: move})
	})
}

func (p *player) resolve() {
	disposition := rapid.SampledFrom([]string{"", "solved"}).Draw(p.T, "disposition")
	undo := rapid.SampledFrom([]int{0, 20, 20, 20}).Draw(p.T, "undo")
	p.command(p.actor(), func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.End(ctx, activities.EndCommand{Command: c, Reason: handoff.EndResolved, Disposition: disposition, UndoSeconds: undo})
	})
}

func (p *player) undo() { p.command(p.actor(), p.s.UndoResolve) }

// start opens the next conversation, or goes on from the latest.
func (p *player) start() {
	actor, conv := p.agent(), p.latest()
	start := activities.StartCommand{}
	if rapid.Bool().Draw(p.T, "go on") {
		start.PreviousID = &conv.ID
	} else {
		start.MessageID, start.Type = ptr(p.draft(actor)), "template"
	}
	p.command(actor, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		start.Command = c
		return p.s.Start(ctx, start)
	})
}

// time lets it pass, and rings what is due.
func (p *player) time() {
	most := rapid.SampledFrom([]int{30, 600, 30 * 3600}).Draw(p.T, "how long")
	p.s.now = p.s.now.Add(time.Duration(rapid.IntRange(0, most).Draw(p.T, "seconds")) * time.Second)
	p.ring()
}

// timer lets just as much time pass as the next timer takes.
func (p *player) timer() {
	c := p.latest()
	var next *time.Time
	for _, at := range []*time.Time{c.OfferExpiresAt, c.SilentAt, c.SnoozedUntil, c.ResolveAt, c.ScheduledAt, c.ResponseNoticeAt, c.WindowNoticeAt} {
		if at != nil && (next == nil || at.Before(*next)) {
			next = at
		}
	}
	if next != nil && next.After(p.s.now) {
		p.s.now = next.Add(time.Microsecond)
	}
	p.ring()
}

func (p *player) ring() {
	p.command(handoff.Actor{Admin: true}, p.s.TimeUp)
	p.command(handoff.Actor{Admin: true}, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.End(ctx, activities.EndCommand{Command: c, Reason: handoff.EndInactivity})
	})
}

func (p *player) path() string { return "/v1/conversations/" + p.latest().ID.String() }

func (p *player) describe() {
	switch rapid.IntRange(0, 2).Draw(p.T, "what") {
	case 0:
		p.s.do(p, "PUT", p.path()+"/tags", rapid.SampledFrom([]string{`{"tags":[]}`, `{"tags":["a","b"]}`}).Draw(p.T, "tags"))
	case 1:
		p.s.do(p, "PATCH", p.path(), rapid.SampledFrom([]string{`{"attributes":{"plan":"gold"}}`, `{"attributes":{"plan":null,"until":"3"}}`}).Draw(p.T, "attributes"))
	default:
		p.s.do(p, "PATCH", p.path(), `{"priority":"`+rapid.SampledFrom([]string{"low", "normal", "urgent"}).Draw(p.T, "priority")+`"}`)
	}
}

func (p *player) read() {
	p.s.do(p, "POST", p.path()+rapid.SampledFrom([]string{"/read", "/unread"}).Draw(p.T, "mark"), "")
}

func (p *player) note() { p.s.do(p, "POST", p.path()+"/notes", `{"text":"secret"}`) }

// presence lets an agent come or go, which the conversation hears of when it looks.
func (p *player) presence() {
	_, err := p.s.World.DB.Exec(context.Background(), "UPDATE agents SET presence = $2, presence_until = $3 WHERE id = $1", p.agent().Agent.ID,
		rapid.SampledFrom([]string{"online", "online", "away"}).Draw(p.T, "presence"), p.s.now.Add(24*time.Hour))
	require.NoError(p, err)
	p.apply()
}
