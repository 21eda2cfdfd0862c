package handoff

import "time"

// Actor is who gives a command.
type Actor struct {
	// Agent is the person who acts; nil for an admin's program or an operator that acts for nobody.
	Agent *AgentRef `json:"agent,omitempty"`
	// Admin lifts the rule that only the assignee may act on an assigned conversation.
	Admin bool `json:"admin,omitempty"`
}

// AuthorType is how the actor appears in events.
func (a Actor) AuthorType() AuthorType {
	if a.Agent != nil {
		return AuthorAgent
	}
	return AuthorSystem
}

// AgentID is the acting agent, nil if there is none.
func (a Actor) AgentID() *ID {
	if a.Agent == nil {
		return nil
	}
	return &a.Agent.ID
}

// Control is who holds a conversation. The rules of who may do what are its methods, so that the API, the workflow's
// validators and the transaction that writes all ask the same code.
type Control struct {
	Status   Status
	Assignee *AgentRef
	// WindowExpiresAt is the end of the 24-hour service window; nil where the contact has never written.
	WindowExpiresAt *time.Time
	// Windowless says that the protocol has no service window.
	Windowless bool
}

// CheckClaim tells whether a may take the conversation. Whoever has it already may claim it again.
func (c Control) CheckClaim(a Actor) error {
	if a.Agent == nil {
		return Errorf(CodeInvalid, "say which agent claims: use an agent's key, or give agent_id")
	}
	return c.checkHolder(a, "claimed")
}

// CheckRelease tells whether a may give the conversation back to the queue.
func (c Control) CheckRelease(a Actor) error {
	if c.Status == StatusEnded {
		return errEnded()
	}
	if c.Assignee == nil {
		return Errorf(CodeConflict, "nobody has the conversation: there is nothing to release")
	}
	if a.Admin {
		return nil
	}
	return c.checkHolder(a, "released")
}

// CheckReply tells whether a may send a message of the given type at the given time. A reply to a waiting conversation claims it.
//
// Outside the 24-hour service window WhatsApp takes templates only (Meta's error 131047), so nothing else is let through.
func (c Control) CheckReply(a Actor, messageType string, now time.Time) error {
	if a.Agent == nil {
		return Errorf(CodeInvalid, "say which agent writes: use an agent's key, or give agent_id")
	}
	if err := c.checkHolder(a, "answered"); err != nil {
		return err
	}
	return c.CheckWindow(messageType, now)
}

// CheckWindow tells whether a message of the given type may leave at the given time.
func (c Control) CheckWindow(messageType string, now time.Time) error {
	if c.Windowless || messageType == "template" || (c.WindowExpiresAt != nil && now.Before(*c.WindowExpiresAt)) {
		return nil
	}
	return Errorf(CodeWindowClosed, "the 24-hour service window is closed: send a template, or wait until the contact writes")
}

// CheckResolve tells whether a may end the conversation.
func (c Control) CheckResolve(a Actor) error {
	if a.Admin && c.Status != StatusEnded {
		return nil
	}
	return c.checkHolder(a, "resolved")
}

func (c Control) checkHolder(a Actor, done string) error {
	if c.Status == StatusEnded {
		return errEnded()
	}
	if c.Assignee == nil || (a.Agent != nil && c.Assignee.ID == a.Agent.ID) {
		return nil
	}
	err := Errorf(CodeConflict, "%s has the conversation: it can be %s by its assignee only", c.Assignee.Name, done)
	err.Assignee = c.Assignee
	return err
}

func errEnded() error { return Errorf(CodeConflict, "the conversation has ended") }
