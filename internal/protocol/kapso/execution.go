package kapso

import "handoff"

// The events of a project. Only workflow.execution.handoff and .failed have a documented body; agent_execution_* get the same one
// with their own name and status, in both payload versions.

// execution tells of the hand-off. The project is the account, the workflow is the inbox, and its execution is the conversation.
func (t *teller) execution(event, status string, more object) error {
	if t.Conversation == nil {
		return t.noConversation()
	}
	body := object{
		{"event", event},
		{"occurred_at", moment(t.At)},
		{"project_id", t.Inbox.AccountID},
		{"workflow_id", t.Inbox.ID},
		{"workflow_execution_id", t.Conversation.ID},
		{"status", status},
		{"tracking_id", t.ID},
		{"channel", "whatsapp"},
		{"whatsapp_conversation_id", t.Conversation.ID},
	}
	return t.add(event, append(body, more...))
}

// handoff tells in both names that a person is asked for; an empty reason is told as null.
func (t *teller) handoff(reason string) error {
	why := object{{"handoff", object{{"reason", orNull(reason)}, {"source", "agent_tool"}}}}
	for _, event := range []string{EventWorkflowHandoff, EventAgentHandoff} {
		if err := t.execution(event, "handoff", why); err != nil {
			return err
		}
	}
	return nil
}

func (t *teller) executionFailed(event, message string) error {
	return t.execution(event, "failed", object{{"error", object{{"message", message}}}})
}

// agent is the person who has taken the conversation.
func (t *teller) agent() object {
	if t.details.Assignee == nil || t.details.Assignee.ID == (handoff.ID{}) {
		return nil
	}
	return object{{"agent", object{{"id", t.details.Assignee.ID}, {"name", t.details.Assignee.Name}}}}
}
