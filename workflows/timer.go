package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// armTimer keeps one timer. It is armed when it fires or when the deadline came nearer; a deadline that moved away is found when
// it fires. One timer a message would be two events and a row in the timer queue for each message.
func (c *conversation) armTimer(ctx workflow.Context) {
	at, kind, summary := c.nextDue()
	if at == nil {
		c.dropTimer()
		return
	}
	if c.timer != nil && !at.Before(c.timerAt) {
		return
	}
	c.dropTimer()
	wait := max(at.Sub(workflow.Now(ctx)), shortestWait)
	timerCtx, cancel := workflow.WithCancel(ctx)
	c.timer = workflow.NewTimerWithOptions(timerCtx, wait, workflow.TimerOptions{Summary: summary})
	c.timerAt, c.timerKind, c.cancelTimer = *at, kind, cancel
}

// shortestWait keeps a clock that is behind from making the loop spin.
const shortestWait = time.Second

// nextDue is what is due first; nil for nothing.
func (c *conversation) nextDue() (at *time.Time, kind handoff.TimerKind, summary string) {
	if !c.now.Open() {
		return nil, "", ""
	}
	if c.now.InactiveAt != nil {
		at, summary = c.now.InactiveAt, "inactivity ends the conversation"
		if notice := c.now.NoticeAt; notice != nil && notice.Before(*at) {
			at, summary = notice, "endpoints are told of the silence"
		}
	}
	if next := c.now.Next; next != nil && (at == nil || next.At.Before(*at)) {
		return &next.At, next.Kind, timerSummaries[next.Kind]
	}
	return at, "", summary
}

// timerSummaries are what an operator reads at a timer in the Temporal UI.
var timerSummaries = map[handoff.TimerKind]string{
	handoff.TimerWindow:    "WhatsApp's service window closes",
	handoff.TimerSnooze:    "the snooze is over",
	handoff.TimerResponse:  "the contact should have an answer",
	handoff.TimerOffer:     "the offer expires",
	handoff.TimerSilent:    "the assignee has been silent for too long",
	handoff.TimerResolve:   "the conversation is resolved unless somebody undoes it",
	handoff.TimerScheduled: "a scheduled message leaves",
}

func (c *conversation) dropTimer() {
	if c.timer != nil {
		c.cancelTimer()
		c.timer = nil
	}
}

// timeUp is the command of the timer: endpoints are told of a silence, a longer one ends the conversation, and what else is due is done.
func (c *conversation) timeUp() *command {
	notice := c.now.NoticeAt
	switch {
	case c.timerKind != "":
		return c.alarm(string(c.timerKind), func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
			return local(ctx, "time is up", a.TimeUp, base)
		})
	case notice != nil && c.now.InactiveAt != nil && notice.Before(*c.now.InactiveAt):
		return c.alarm("silence", func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
			return local(ctx, "silence", a.Silence, base)
		})
	default:
		return c.alarm("inactivity", func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
			return local(ctx, "inactivity", a.End, activities.EndCommand{Command: base, Reason: handoff.EndInactivity})
		})
	}
}

// alarm is a command that nobody gave. Its id says what it was for and when it was due, so that it has its effect once.
func (c *conversation) alarm(what string, run func(workflow.Context, activities.Command) (activities.Result, error)) *command {
	return &command{
		input: CommandInput{
			CommandID: what + ":" + c.now.ID.String() + ":" + c.timerAt.UTC().Format(time.RFC3339Nano), ConversationID: c.now.ID,
			Actor: handoff.Actor{Admin: true},
		},
		run: run,
	}
}
