package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// command is a change that somebody asked for. Handlers and timers queue it; the loop carries it out, so that one thing writes.
type command struct {
	input CommandInput
	// run writes it, at the version that base carries.
	run func(ctx workflow.Context, base activities.Command) (activities.Result, error)
	// anyway tells that there need be no conversation: it opens one, or is for lanes.
	anyway bool
	// operator and signal are set where an operator sent it from the Temporal UI.
	operator *activities.Operator
	signal   string
	// deliveries counts those that it was carried out on.
	deliveries int

	done    bool
	outcome Outcome
	err     error
}

// staleTries is how often a command is tried again at the version that it was told of. Nothing but this run writes, so a
// second time is rare: it takes a run that was reset, or a worker that was taken for dead.
const staleTries = 5

// carryOut carries out what was asked for, in order.
func (c *conversation) carryOut(ctx workflow.Context) error {
	for len(c.commands) > 0 {
		cmd := c.commands[0]
		c.commands = c.commands[1:]
		if err := c.carryOutOne(ctx, cmd); err != nil {
			return err
		}
		cmd.done = true
		if cmd.signal != "" {
			c.tell(ctx, cmd)
		}
	}
	return nil
}

func (c *conversation) carryOutOne(ctx workflow.Context, cmd *command) error {
	if cmd.err != nil {
		return nil // what was sent makes no sense
	}
	for range staleTries {
		if c.now == nil && !cmd.anyway {
			cmd.err = applicationError(handoff.Errorf(handoff.CodeNotFound, "there is no such conversation"))
			return nil
		}
		base := activities.Command{
			Ref: c.in.Ref, ID: cmd.input.CommandID, ConversationID: cmd.input.ConversationID, Actor: cmd.input.Actor,
			Now: workflow.Now(ctx), Expect: cmd.input.Expect, Operator: cmd.operator,
		}
		if c.now != nil {
			base.Version = c.now.Version
		}
		if base.ConversationID == (handoff.ID{}) && !cmd.anyway {
			base.ConversationID = c.now.ID // an operator means the one that is there
		}
		result, err := cmd.run(ctx, base)
		if err != nil {
			return err
		}
		c.adopt(result.Snapshot)
		if result.Stale {
			continue
		}
		if r := result.Refused; r != nil {
			cmd.err = applicationError(&handoff.Error{Code: r.Code, Message: r.Message, Assignee: r.Assignee})
			return nil
		}
		cmd.deliveries = result.Deliveries
		if c.now != nil {
			cmd.outcome = Outcome{Conversation: *c.now}
		}
		return nil
	}
	cmd.err = applicationError(handoff.Errorf(handoff.CodeConflict, "the conversation keeps changing: try again"))
	return nil
}

// applicationError carries a refusal to whoever sent the update: the code is the error's type.
func applicationError(err error) error {
	if err == nil {
		return nil
	}
	refusal := activities.Refusal{Code: handoff.ErrorCode(err), Message: err.Error()}
	var e *handoff.Error
	if errors.As(err, &e) {
		refusal.Message, refusal.Assignee = e.Message, e.Assignee
	}
	return temporal.NewApplicationErrorWithOptions(refusal.Message, string(refusal.Code), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{refusal},
	})
}
