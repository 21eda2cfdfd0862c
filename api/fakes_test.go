package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/workflows"
)

// commands carries commands out as the workflow would, without Temporal.
type commands struct {
	world *world

	mu    sync.Mutex
	calls []string
	// fail gives the error of a call in place of doing it.
	fail   func(name string) error
	before func()
	// lose carries the command out and gives an error all the same, as a connection that breaks does.
	lose error
}

func (c *commands) called(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, name)
	if c.fail != nil {
		return c.fail(name)
	}
	return nil
}

func (c *commands) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}

func (c *commands) run(name string, conv workflows.ConversationInput, in workflows.CommandInput, do func(activities.Command) (activities.Result, error)) error {
	if err := c.called(name); err != nil {
		return err
	}
	if c.before != nil {
		c.before()
	}
	version := int64(0)
	for {
		result, err := do(activities.Command{
			Ref: conv.Ref, ID: in.CommandID, ConversationID: in.ConversationID, Version: version, Actor: in.Actor, Now: time.Now(),
		})
		if err != nil {
			return err
		}
		if result.Refused != nil {
			return &handoff.Error{Code: result.Refused.Code, Message: result.Refused.Message, Assignee: result.Refused.Assignee}
		}
		if !result.Stale {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.lose
		}
		version = result.Conversation.Version
	}
}

func (c *commands) Update(ctx context.Context, conv workflows.ConversationInput, in workflows.Input) error {
	return c.run(strings.ToLower(in.UpdateName()), conv, in.Common(), func(base activities.Command) (activities.Result, error) {
		base.Expect = in.Common().Expect
		return carryOut(ctx, c.world.activities, base, in)
	})
}

// carryOut calls the activity that the workflow would.
func carryOut(ctx context.Context, a *activities.Activities, base activities.Command, in workflows.Input) (activities.Result, error) {
	switch in := in.(type) {
	case workflows.ClaimInput:
		return a.Claim(ctx, base)
	case workflows.TakeOverInput:
		return a.TakeOver(ctx, activities.TakeOverCommand{Command: base, Why: in.Why})
	case workflows.ReleaseInput:
		return a.Release(ctx, activities.ReleaseCommand{Command: base, Why: in.Why})
	case workflows.TransferInput:
		return a.Transfer(ctx, activities.TransferCommand{Command: base, Transfer: in.Transfer})
	case workflows.OfferInput:
		return a.Offer(ctx, activities.OfferCommand{Command: base, Offer: in.Offer})
	case workflows.AcceptInput:
		return a.AcceptOffer(ctx, base)
	case workflows.DeclineInput:
		return a.DeclineOffer(ctx, activities.DeclineCommand{Command: base, Why: in.Why})
	case workflows.PassInput:
		return a.Pass(ctx, activities.PassCommand{Command: base, Why: in.Why})
	case workflows.ReplyInput:
		return a.Reply(ctx, activities.ReplyCommand{Command: base, MessageID: in.MessageID, Type: in.Type})
	case workflows.ScheduleInput:
		return a.Schedule(ctx, activities.ScheduleCommand{Command: base, Schedule: in.Schedule})
	case workflows.UnscheduleInput:
		return a.Unschedule(ctx, activities.UnscheduleCommand{Command: base, ScheduledID: in.ScheduledID})
	case workflows.SnoozeInput:
		return a.Snooze(ctx, activities.SnoozeCommand{Command: base, Snooze: in.Snooze})
	case workflows.WakeInput:
		return a.Wake(ctx, base)
	case workflows.MoveTimerInput:
		return a.MoveTimer(ctx, activities.MoveTimerCommand{Command: base, MoveTimer: in.MoveTimer})
	case workflows.ResolveInput:
		return a.End(ctx, activities.EndCommand{
			Command: base, Reason: handoff.EndResolved, Disposition: in.Disposition, UndoSeconds: in.UndoSeconds,
		})
	case workflows.UndoResolveInput:
		return a.UndoResolve(ctx, base)
	case workflows.StartInput:
		return a.Start(ctx, activities.StartCommand{Command: base, MessageID: in.MessageID, Type: in.Type, PreviousID: in.PreviousID})
	case workflows.SkipInput:
		return a.SkipDelivery(ctx, activities.LaneCommand{Command: base, DeliveryID: &in.DeliveryID})
	default:
		return activities.Result{}, fmt.Errorf("no activity for %s", in.UpdateName())
	}
}

func (c *commands) TestWebhook(_ context.Context, in workflows.WebhookTestInput) error {
	return c.called("test " + in.DeliveryID.String())
}

type waker struct {
	mu    sync.Mutex
	wakes []db.Wake
}

func (*waker) Accepting() func() { return func() {} }

func (w *waker) Wake(wake db.Wake) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakes = append(w.wakes, wake)
}

func (w *waker) all() []db.Wake {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]db.Wake(nil), w.wakes...)
}
