package handoff

// Actor is who gives a command.
type Actor struct {
	// Agent is the person who acts; nil for an admin's program or an operator that acts for nobody.
	Agent *AgentRef `json:"agent,omitempty"`
	// Admin lifts the rule that only the assignee may act on an assigned conversation.
	Admin bool `json:"admin,omitempty"`
	// Bot tells that the gateway acts, for its bot.
	Bot bool `json:"bot,omitempty"`
}

// AuthorType is how the actor appears in events.
func (a Actor) AuthorType() AuthorType {
	switch {
	case a.Agent != nil:
		return AuthorAgent
	case a.Bot:
		return AuthorBot
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
