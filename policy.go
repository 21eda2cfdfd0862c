package handoff

// Who may reply to an assigned conversation: a setting of its inbox.
const (
	RepliesAssignee = "assignee"
	RepliesAnyone   = "anyone"
)

// Where a conversation goes that its contact opens again: a setting of its inbox.
const (
	ReopenToQueue    = "queue"
	ReopenToAssignee = "assignee"
)
