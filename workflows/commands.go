package workflows

import (
	"errors"
	"time"

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

	done    bool
	outcome Outcome
	err     error
}

// handleUpdates registers what agents do. A validator refuses what the state does not allow: such an update costs no event.
func (c *conversation) handleUpdates(ctx workflow.Context) error {
	if err := handleUpdate(c, ctx, ClaimUpdate, "Make an agent the assignee",
		func(in ClaimInput) CommandInput { return in.CommandInput },
		func(_ workflow.Context, control handoff.Control, in ClaimInput) error {
			return control.CheckClaim(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, _ ClaimInput) (activities.Result, error) {
			return local(ctx, "claim", a.Claim, base)
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, ReleaseUpdate, "Give the conversation back to the queue",
		func(in ReleaseInput) CommandInput { return in.CommandInput },
		func(_ workflow.Context, control handoff.Control, in ReleaseInput) error {
			return control.CheckRelease(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, _ ReleaseInput) (activities.Result, error) {
			return local(ctx, "release", a.Release, base)
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, ReplyUpdate, "Send an agent's message",
		func(in ReplyInput) CommandInput { return in.CommandInput },
		func(ctx workflow.Context, control handoff.Control, in ReplyInput) error {
			return control.CheckReply(in.Actor, in.Type, workflow.Now(ctx))
		},
		func(ctx workflow.Context, base activities.Command, in ReplyInput) (activities.Result, error) {
			return local(ctx, "reply", a.Reply, activities.ReplyCommand{Command: base, MessageID: in.MessageID, Type: in.Type})
		}); err != nil {
		return err
	}
	return handleUpdate(c, ctx, ResolveUpdate, "End the conversation",
		func(in ResolveInput) CommandInput { return in.CommandInput },
		func(_ workflow.Context, control handoff.Control, in ResolveInput) error {
			return control.CheckResolve(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in ResolveInput) (activities.Result, error) {
			return local(ctx, "resolve", a.End, activities.EndCommand{
				Command: base, Reason: handoff.EndResolved, Disposition: in.Disposition,
			})
		})
}

// handleUpdate registers one update: check is asked by the validator, run writes.
func handleUpdate[In any](c *conversation, ctx workflow.Context, name, description string, common func(In) CommandInput,
	check func(workflow.Context, handoff.Control, In) error,
	run func(workflow.Context, activities.Command, In) (activities.Result, error),
) error {
	handler := func(ctx workflow.Context, in In) (Outcome, error) {
		cmd := &command{input: common(in), run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
			return run(ctx, base, in)
		}}
		c.commands = append(c.commands, cmd)
		if err := workflow.Await(ctx, func() bool { return cmd.done }); err != nil {
			return Outcome{}, err
		}
		return cmd.outcome, cmd.err
	}
	validator := func(ctx workflow.Context, in In) error {
		if c.now == nil {
			return nil // the run has not read its rows yet; the row decides
		}
		if !c.now.Open() || c.now.ID != common(in).ConversationID {
			return nil // it may be a repeat of a command that ended the conversation; the row decides
		}
		return applicationError(check(ctx, c.now.Control(), in))
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, handler, workflow.UpdateHandlerOptions{
		Validator: validator, Description: description,
	})
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
	}
	return nil
}

func (c *conversation) carryOutOne(ctx workflow.Context, cmd *command) error {
	for range staleTries {
		if c.now == nil {
			cmd.err = applicationError(handoff.Errorf(handoff.CodeNotFound, "there is no such conversation"))
			return nil
		}
		if cmd.input.ConversationID == (handoff.ID{}) {
			cmd.input.ConversationID = c.now.ID // an operator means the one that is there
		}
		result, err := cmd.run(ctx, activities.Command{
			Ref: c.in.Ref, ID: cmd.input.CommandID, ConversationID: cmd.input.ConversationID, Version: c.now.Version,
			Actor: cmd.input.Actor, Now: workflow.Now(ctx),
		})
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
		cmd.outcome = Outcome{Conversation: *c.now}
		return nil
	}
	cmd.err = applicationError(handoff.Errorf(handoff.CodeConflict, "the conversation keeps changing: try again"))
	return nil
}

// timeUp is the command of the timer: endpoints are told of a silence, and a longer one ends the conversation.
func (c *conversation) timeUp() *command {
	if notice := c.now.NoticeAt; notice != nil && c.now.InactiveAt != nil && notice.Before(*c.now.InactiveAt) {
		return c.silence()
	}
	return c.inactivityEnd()
}

func (c *conversation) silence() *command {
	input := CommandInput{
		CommandID: "silence:" + c.now.ID.String() + ":" + c.timerAt.UTC().Format(time.RFC3339Nano), ConversationID: c.now.ID,
		Actor: handoff.Actor{Admin: true},
	}
	return &command{input: input, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		return local(ctx, "silence", a.Silence, base)
	}}
}

func (c *conversation) inactivityEnd() *command {
	input := CommandInput{
		CommandID: "inactivity:" + c.now.ID.String() + ":" + c.timerAt.UTC().Format(time.RFC3339Nano), ConversationID: c.now.ID,
		Actor: handoff.Actor{Admin: true},
	}
	return &command{input: input, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		return local(ctx, "inactivity", a.End, activities.EndCommand{Command: base, Reason: handoff.EndInactivity})
	}}
}

// operatorResolve is the command of the signal that an operator sends from the Temporal UI.
func (c *conversation) operatorResolve(ctx workflow.Context, in ResolveInput) *command {
	input := in.CommandInput
	input.Actor = handoff.Actor{Admin: true}
	if input.CommandID == "" {
		run := workflow.GetInfo(ctx).WorkflowExecution.RunID
		input.CommandID = "signal:" + run + ":" + workflow.Now(ctx).UTC().Format(time.RFC3339Nano)
	}
	return &command{input: input, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		return local(ctx, "resolve", a.End, activities.EndCommand{
			Command: base, Reason: handoff.EndAdmin, Disposition: in.Disposition,
		})
	}}
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
