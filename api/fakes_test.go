package api_test

import (
	"context"
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

func (c *commands) Claim(ctx context.Context, conv workflows.ConversationInput, in workflows.ClaimInput) error {
	return c.run("claim", conv, in.CommandInput, func(cmd activities.Command) (activities.Result, error) {
		return c.world.activities.Claim(ctx, cmd)
	})
}

func (c *commands) Release(ctx context.Context, conv workflows.ConversationInput, in workflows.ReleaseInput) error {
	return c.run("release", conv, in.CommandInput, func(cmd activities.Command) (activities.Result, error) {
		return c.world.activities.Release(ctx, cmd)
	})
}

func (c *commands) Reply(ctx context.Context, conv workflows.ConversationInput, in workflows.ReplyInput) error {
	return c.run("reply", conv, in.CommandInput, func(cmd activities.Command) (activities.Result, error) {
		return c.world.activities.Reply(ctx, activities.ReplyCommand{Command: cmd, MessageID: in.MessageID, Type: in.Type})
	})
}

func (c *commands) Resolve(ctx context.Context, conv workflows.ConversationInput, in workflows.ResolveInput) error {
	return c.run("resolve", conv, in.CommandInput, func(cmd activities.Command) (activities.Result, error) {
		return c.world.activities.End(ctx, activities.EndCommand{Command: cmd, Reason: handoff.EndResolved, Disposition: in.Disposition})
	})
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
