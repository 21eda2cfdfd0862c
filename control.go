package handoff

import "time"

// Control is who holds a conversation. The rules of who may do what are its methods, so that the API, the workflow's
// validators and the transaction that writes all ask the same code.
type Control struct {
	Status   Status
	Assignee *AgentRef
	// Offer is to whom control is offered; nil for nobody.
	Offer *Offer
	// AnyoneReplies lifts the rule that only the assignee may answer.
	AnyoneReplies bool
	// Resolving tells that the conversation is about to end.
	Resolving bool
	// WindowExpiresAt is the end of the 24-hour service window; nil where the contact has never written.
	WindowExpiresAt *time.Time
	// Windowless says that the protocol has no service window.
	Windowless bool
}

// Offer is control that somebody may accept until it expires.
type Offer struct {
	Agent     *AgentRef `json:"agent,omitempty"` // nil for the bot
	ExpiresAt time.Time `json:"expires_at"`
}

// CheckClaim tells whether a may take the conversation. Whoever has it already may claim it again; from the bot anybody may.
func (c Control) CheckClaim(a Actor) error {
	if a.Agent == nil {
		return Errorf(CodeInvalid, "say which agent claims: use an agent's key, or give agent_id")
	}
	if err := c.checkHolder(a, "claimed"); err != nil {
		return err
	}
	return c.checkOffer(a)
}

// CheckTakeOver tells whether a may take the conversation from whoever has it.
func (c Control) CheckTakeOver(a Actor) error {
	if a.Agent == nil || !a.Admin {
		return Errorf(CodeInvalid, "say which agent takes over: give agent_id, with an admin's key")
	}
	return c.checkOpen()
}

// CheckRelease tells whether a may give the conversation back to the queue.
func (c Control) CheckRelease(a Actor) error {
	if err := c.checkOpen(); err != nil {
		return err
	}
	if c.Assignee == nil && c.Status != StatusBot {
		return Errorf(CodeConflict, "nobody has the conversation: there is nothing to release")
	}
	return c.checkActs(a, "released")
}

// CheckTransfer tells whether a may give the conversation to another agent or team: its assignee may, and anybody while it has none.
func (c Control) CheckTransfer(a Actor) error { return c.checkActs(a, "transferred") }

// CheckPass tells whether a may give control to the bot.
func (c Control) CheckPass(a Actor) error {
	if c.Status == StatusBot {
		return Errorf(CodeConflict, "the bot has the conversation already")
	}
	return c.checkActs(a, "passed to the bot")
}

// CheckOffer tells whether a may offer control to an agent, or to the bot where agent is nil.
func (c Control) CheckOffer(a Actor, agent *ID) error {
	if agent != nil && c.Assignee != nil && c.Assignee.ID == *agent {
		return Errorf(CodeConflict, "%s has the conversation already", c.Assignee.Name)
	}
	if agent == nil && c.Status == StatusBot {
		return Errorf(CodeConflict, "the bot has the conversation already")
	}
	if c.Offer != nil && !a.Admin {
		return c.offered()
	}
	return c.checkActs(a, "offered")
}

// CheckAccept tells whether a may accept, or decline, what is offered.
func (c Control) CheckAccept(a Actor) error {
	if err := c.checkOpen(); err != nil {
		return err
	}
	if c.Offer == nil {
		return Errorf(CodeConflict, "nothing is offered: the offer has expired, or was answered or withdrawn")
	}
	if c.Offer.Agent == nil {
		if a.Bot || (a.Admin && a.Agent == nil) {
			return nil
		}
		return c.offered()
	}
	if a.Agent == nil || a.Agent.ID != c.Offer.Agent.ID {
		return c.offered()
	}
	return nil
}

// CheckReply tells whether a may send a message of the given type at the given time. A reply to a waiting conversation claims it.
//
// Outside the 24-hour service window WhatsApp takes templates only (Meta's error 131047), so nothing else is let through.
func (c Control) CheckReply(a Actor, messageType string, now time.Time) error {
	if err := c.CheckWrite(a); err != nil {
		return err
	}
	return c.CheckWindow(messageType, now)
}

// CheckWrite tells whether a may write to the contact, now or later.
func (c Control) CheckWrite(a Actor) error {
	if a.Agent == nil {
		return Errorf(CodeInvalid, "say which agent writes: use an agent's key, or give agent_id")
	}
	if c.AnyoneReplies {
		return c.checkOpen()
	}
	if err := c.checkHolder(a, "answered"); err != nil {
		return err
	}
	return c.checkOffer(a)
}

// CheckWindow tells whether a message of the given type may leave at the given time.
func (c Control) CheckWindow(messageType string, now time.Time) error {
	if c.Windowless || messageType == "template" || (c.WindowExpiresAt != nil && now.Before(*c.WindowExpiresAt)) {
		return nil
	}
	return Errorf(CodeWindowClosed, "the 24-hour service window is closed: send a template, or wait until the contact writes")
}

// CheckSnooze tells whether a may put the conversation aside.
func (c Control) CheckSnooze(a Actor) error {
	if c.Status == StatusBot {
		return Errorf(CodeConflict, "the bot has the conversation: claim it first")
	}
	return c.checkActs(a, "snoozed")
}

// CheckWake tells whether a may end a snooze.
func (c Control) CheckWake(a Actor) error {
	if err := c.checkOpen(); err != nil {
		return err
	}
	if c.Status != StatusSnoozed {
		return Errorf(CodeConflict, "the conversation is not snoozed")
	}
	return c.checkActs(a, "woken")
}

// CheckResolve tells whether a may end the conversation.
func (c Control) CheckResolve(a Actor) error { return c.checkActs(a, "resolved") }

// CheckUndo tells whether a may keep a conversation that is being resolved from ending.
func (c Control) CheckUndo(a Actor) error {
	if err := c.checkOpen(); err != nil {
		return err
	}
	if !c.Resolving {
		return Errorf(CodeConflict, "the conversation is not being resolved: there is nothing to undo")
	}
	return c.checkActs(a, "kept open")
}

// CheckMoveTimer tells whether a may move or cancel a timer.
func (c Control) CheckMoveTimer(a Actor) error { return c.checkActs(a, "timed") }

// checkActs lets the assignee act, an admin, and anybody while there is no assignee.
func (c Control) checkActs(a Actor, done string) error {
	if a.Admin {
		return c.checkOpen()
	}
	return c.checkHolder(a, done)
}

func (c Control) checkHolder(a Actor, done string) error {
	if err := c.checkOpen(); err != nil {
		return err
	}
	if c.Assignee == nil || (a.Agent != nil && c.Assignee.ID == a.Agent.ID) {
		return nil
	}
	err := Errorf(CodeConflict, "%s has the conversation: only its assignee can have it %s, or an admin", c.Assignee.Name, done)
	err.Assignee = c.Assignee
	return err
}

// checkOffer keeps agents from what is offered to another, while nobody has it.
func (c Control) checkOffer(a Actor) error {
	if c.Offer == nil || c.Assignee != nil || (c.Offer.Agent != nil && a.Agent != nil && c.Offer.Agent.ID == a.Agent.ID) {
		return nil
	}
	return c.offered()
}

func (c Control) offered() error {
	if c.Offer.Agent == nil {
		return Errorf(CodeConflict, "the conversation is offered to the bot")
	}
	err := Errorf(CodeConflict, "the conversation is offered to %s", c.Offer.Agent.Name)
	err.Assignee = c.Offer.Agent
	return err
}

func (c Control) checkOpen() error {
	if c.Status == StatusEnded {
		return Errorf(CodeConflict, "the conversation has ended")
	}
	return nil
}
