package workflows

import (
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// handleUpdates registers what agents do. A validator refuses what the state does not allow: such an update costs no event.
func (c *conversation) handleUpdates(ctx workflow.Context) error {
	for _, register := range []func(workflow.Context) error{c.handleControl, c.handleOffers, c.handleWriting, c.handleTime, c.handleEnd, c.handleSkip} {
		if err := register(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversation) handleControl(ctx workflow.Context) error {
	if err := handleUpdate(c, ctx, "Make an agent the assignee",
		func(_ workflow.Context, control handoff.Control, in ClaimInput) error {
			return control.CheckClaim(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, _ ClaimInput) (activities.Result, error) {
			return local(ctx, "claim", a.Claim, base)
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, "Make an agent the assignee, whoever it was before",
		func(_ workflow.Context, control handoff.Control, in TakeOverInput) error {
			return control.CheckTakeOver(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in TakeOverInput) (activities.Result, error) {
			return local(ctx, "take over", a.TakeOver, activities.TakeOverCommand{Command: base, Why: in.Why})
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, "Give the conversation back to the queue",
		func(_ workflow.Context, control handoff.Control, in ReleaseInput) error {
			return control.CheckRelease(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in ReleaseInput) (activities.Result, error) {
			return local(ctx, "release", a.Release, activities.ReleaseCommand{Command: base, Why: in.Why})
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, "Give the conversation to another agent or team",
		func(_ workflow.Context, control handoff.Control, in TransferInput) error {
			return control.CheckTransfer(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in TransferInput) (activities.Result, error) {
			return local(ctx, "transfer", a.Transfer, activities.TransferCommand{Command: base, Transfer: in.Transfer})
		}); err != nil {
		return err
	}
	return handleUpdate(c, ctx, "Give control to the bot",
		func(_ workflow.Context, control handoff.Control, in PassInput) error {
			return control.CheckPass(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in PassInput) (activities.Result, error) {
			return local(ctx, "pass", a.Pass, activities.PassCommand{Command: base, Why: in.Why})
		})
}

func (c *conversation) handleOffers(ctx workflow.Context) error {
	if err := handleUpdate(c, ctx, "Offer control to an agent or to the bot",
		func(_ workflow.Context, control handoff.Control, in OfferInput) error {
			return control.CheckOffer(in.Actor, in.AgentID)
		},
		func(ctx workflow.Context, base activities.Command, in OfferInput) (activities.Result, error) {
			return local(ctx, "offer", a.Offer, activities.OfferCommand{Command: base, Offer: in.Offer})
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, "Take what is offered",
		func(_ workflow.Context, control handoff.Control, in AcceptInput) error {
			return control.CheckAccept(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, _ AcceptInput) (activities.Result, error) {
			return local(ctx, "accept", a.AcceptOffer, base)
		}); err != nil {
		return err
	}
	return handleUpdate(c, ctx, "Do not take what is offered",
		func(_ workflow.Context, control handoff.Control, in DeclineInput) error {
			return control.CheckAccept(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in DeclineInput) (activities.Result, error) {
			return local(ctx, "decline", a.DeclineOffer, activities.DeclineCommand{Command: base, Why: in.Why})
		})
}

func (c *conversation) handleWriting(ctx workflow.Context) error {
	if err := handleUpdate(c, ctx, "Send an agent's message",
		func(ctx workflow.Context, control handoff.Control, in ReplyInput) error {
			return control.CheckReply(in.Actor, in.Type, workflow.Now(ctx))
		},
		func(ctx workflow.Context, base activities.Command, in ReplyInput) (activities.Result, error) {
			return local(ctx, "reply", a.Reply, activities.ReplyCommand{Command: base, MessageID: in.MessageID, Type: in.Type})
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, "Promise a message for later",
		func(_ workflow.Context, control handoff.Control, in ScheduleInput) error {
			return control.CheckWrite(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in ScheduleInput) (activities.Result, error) {
			return local(ctx, "schedule", a.Schedule, activities.ScheduleCommand{Command: base, Schedule: in.Schedule})
		}); err != nil {
		return err
	}
	return handleUpdate(c, ctx, "Take such a promise back",
		func(_ workflow.Context, control handoff.Control, in UnscheduleInput) error {
			return control.CheckWrite(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in UnscheduleInput) (activities.Result, error) {
			return local(ctx, "unschedule", a.Unschedule, activities.UnscheduleCommand{Command: base, ScheduledID: in.ScheduledID})
		})
}

func (c *conversation) handleTime(ctx workflow.Context) error {
	if err := handleUpdate(c, ctx, "Put the conversation aside",
		func(_ workflow.Context, control handoff.Control, in SnoozeInput) error {
			return control.CheckSnooze(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in SnoozeInput) (activities.Result, error) {
			return local(ctx, "snooze", a.Snooze, activities.SnoozeCommand{Command: base, Snooze: in.Snooze})
		}); err != nil {
		return err
	}
	if err := handleUpdate(c, ctx, "End a snooze",
		func(_ workflow.Context, control handoff.Control, in WakeInput) error {
			return control.CheckWake(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, _ WakeInput) (activities.Result, error) {
			return local(ctx, "wake", a.Wake, base)
		}); err != nil {
		return err
	}
	return handleUpdate(c, ctx, "Move or cancel a timer",
		func(_ workflow.Context, control handoff.Control, in MoveTimerInput) error {
			return control.CheckMoveTimer(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in MoveTimerInput) (activities.Result, error) {
			return local(ctx, "move timer", a.MoveTimer, activities.MoveTimerCommand{Command: base, MoveTimer: in.MoveTimer})
		})
}

func (c *conversation) handleEnd(ctx workflow.Context) error {
	if err := handleUpdate(c, ctx, "End the conversation",
		func(_ workflow.Context, control handoff.Control, in ResolveInput) error {
			return control.CheckResolve(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, in ResolveInput) (activities.Result, error) {
			return local(ctx, "resolve", a.End, activities.EndCommand{
				Command: base, Reason: handoff.EndResolved, Disposition: in.Disposition, UndoSeconds: in.UndoSeconds,
			})
		}); err != nil {
		return err
	}
	if err := c.handleStart(ctx); err != nil {
		return err
	}
	return handleUpdate(c, ctx, "Keep a conversation open that is about to end",
		func(_ workflow.Context, control handoff.Control, in UndoResolveInput) error {
			return control.CheckUndo(in.Actor)
		},
		func(ctx workflow.Context, base activities.Command, _ UndoResolveInput) (activities.Result, error) {
			return local(ctx, "undo resolve", a.UndoResolve, base)
		})
}

// handleStart registers the one update that needs no conversation: whether there is one the row decides.
func (c *conversation) handleStart(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, StartUpdate, func(ctx workflow.Context, in StartInput) (Outcome, error) {
		return c.queueCommand(ctx, &command{input: in.CommandInput, anyway: true, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
			return local(ctx, "start", a.Start, activities.StartCommand{
				Command: base, MessageID: in.MessageID, Type: in.Type, PreviousID: in.PreviousID,
			})
		}})
	}, workflow.UpdateHandlerOptions{Description: "Open a conversation by an agent"})
}

// handleUpdate registers one update: check is asked by the validator, run writes.
func handleUpdate[In Input](c *conversation, ctx workflow.Context, description string,
	check func(workflow.Context, handoff.Control, In) error,
	run func(workflow.Context, activities.Command, In) (activities.Result, error),
) error {
	handler := func(ctx workflow.Context, in In) (Outcome, error) {
		return c.queueCommand(ctx, &command{input: in.Common(), run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
			return run(ctx, base, in)
		}})
	}
	validator := func(ctx workflow.Context, in In) error {
		if c.now == nil {
			return nil // the run has not read its rows yet; the row decides
		}
		if !c.now.Open() || c.now.ID != in.Common().ConversationID {
			return nil // it may be a repeat of a command that ended the conversation; the row decides
		}
		return applicationError(check(ctx, c.now.Control(), in))
	}
	var in In
	return workflow.SetUpdateHandlerWithOptions(ctx, in.UpdateName(), handler, workflow.UpdateHandlerOptions{
		Validator: validator, Description: description,
	})
}

// queueCommand leaves a command to the loop and waits for what becomes of it.
func (c *conversation) queueCommand(ctx workflow.Context, cmd *command) (Outcome, error) {
	c.commands = append(c.commands, cmd)
	if err := workflow.Await(ctx, func() bool { return cmd.done }); err != nil {
		return Outcome{}, err
	}
	return cmd.outcome, cmd.err
}
