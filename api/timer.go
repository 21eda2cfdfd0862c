package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// Timer is something that is due at a time.
type Timer struct {
	Kind    handoff.TimerKind `json:"kind" enum:"inactivity,silence,window,snooze,response,offer,silent,resolve,scheduled"`
	DueAt   time.Time         `json:"due_at"`
	Reason  string            `json:"reason" doc:"What happens then, in words."`
	Movable bool              `json:"movable" doc:"It can be moved and cancelled."`
}

type timerInput struct {
	Commanded
	Kind string `path:"kind" enum:"inactivity,snooze,response,offer,silent,resolve"`
	Body timerBody
}

type timerBody struct {
	Acting
	Because
	DueAt  *time.Time `json:"due_at,omitempty" format:"date-time" doc:"When it is to be due."`
	Extend int        `json:"extend_seconds,omitempty" minimum:"1" maximum:"2592000" doc:"In place of due_at: by how much later."`
	Cancel bool       `json:"cancel,omitempty" doc:"In place of both: it is not to be due at all. A cancelled snooze or resolve is over, a cancelled offer withdrawn; inactivity starts anew with the next message."`
}

func (s *server) timerRoutes() {
	handle(s, operation{
		id: "list-timers", method: http.MethodGet, path: "/v1/conversations/{id}/timers", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List a conversation's timers", description: "What will happen by itself, the earliest first.", errors: []int{http.StatusNotFound},
	}, s.listTimers)
	handle(s, operation{
		id: "move-timer", method: http.MethodPost, path: "/v1/conversations/{id}/timers/{kind}", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Move or cancel a timer", description: "Give one of `due_at`, `extend_seconds` and `cancel`. WhatsApp's window cannot be moved.",
		errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, s.moveTimer)
}

func (s *server) listTimers(ctx context.Context, in *ByID) (*listOutput[Timer], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &listOutput[Timer]{list[Timer]{Items: timerViews(row.Conversation)}}, nil
}

func timerViews(c dbsqlc.Conversation) []Timer {
	out := []Timer{}
	if c.Status == handoff.StatusEnded {
		return out
	}
	late := "the contact should have an answer by then"
	if c.FirstRespondedAt == nil {
		late = "the contact should have a first answer by then"
	}
	for _, t := range []struct {
		kind   handoff.TimerKind
		at     *time.Time
		reason string
	}{
		{handoff.TimerInactivity, c.InactiveAt, "inactivity ends the conversation"},
		{handoff.TimerSilence, c.NoticeAt, "endpoints that asked for it are told that nobody writes"},
		{handoff.TimerWindow, c.WindowExpiresAt, "WhatsApp's service window closes: templates only from then on"},
		{handoff.TimerSnooze, c.SnoozedUntil, "the snooze is over"},
		{handoff.TimerResponse, c.ResponseDueAt, late},
		{handoff.TimerOffer, c.OfferExpiresAt, "the offer is over"},
		{handoff.TimerSilent, c.SilentAt, "the assignee has left the contact unanswered: it goes back to the queue"},
		{handoff.TimerResolve, c.ResolveAt, "it is resolved, unless somebody undoes it"},
		{handoff.TimerScheduled, c.ScheduledAt, "a scheduled message leaves"},
	} {
		if t.at != nil {
			out = append(out, Timer{Kind: t.kind, DueAt: t.at.UTC(), Reason: t.reason, Movable: slices.Contains(handoff.MovableTimers, t.kind)})
		}
	}
	slices.SortStableFunc(out, func(a, b Timer) int { return a.DueAt.Compare(b.DueAt) })
	return out
}

func (s *server) moveTimer(ctx context.Context, in *timerInput) (*output[Conversation], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	kind, body := handoff.TimerKind(in.Kind), in.Body
	done, err := s.doneBefore(ctx, row.Conversation)
	if err != nil {
		return nil, err
	}
	if done {
		return s.conversationOutput(ctx, row)
	}
	at, err := movedTo(row.Conversation, kind, body)
	if err != nil {
		return nil, err
	}
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckMoveTimer,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.MoveTimerInput{CommandInput: cmd, MoveTimer: activities.MoveTimer{Kind: kind, At: at, Why: body.why()}}
		},
	})
}

// movedTo is when a timer is to be due; nil where it is cancelled.
func movedTo(c dbsqlc.Conversation, kind handoff.TimerKind, body timerBody) (*time.Time, error) {
	given := 0
	for _, is := range []bool{body.DueAt != nil, body.Extend > 0, body.Cancel} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, handoff.Errorf(handoff.CodeInvalid, "give one of due_at, extend_seconds and cancel")
	}
	if body.Extend == 0 {
		return body.DueAt, nil
	}
	timers := timerViews(c)
	i := slices.IndexFunc(timers, func(t Timer) bool { return t.Kind == kind })
	if i < 0 {
		return nil, handoff.Errorf(handoff.CodeConflict, "no timer of the kind %s is running", kind)
	}
	at := timers[i].DueAt.Add(time.Duration(body.Extend) * time.Second)
	return &at, nil
}
