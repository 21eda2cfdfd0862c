package workflows

import (
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

// Retention deletes what is past the time that its inbox keeps it. A Temporal Schedule starts it; its result says in words what it did.
func Retention(ctx workflow.Context) (RetentionResult, error) {
	inboxes, err := housework(ctx, "list the inboxes that forget", a.RetentionList, activities.RetentionListInput{})
	if err != nil {
		return RetentionResult{}, err
	}
	out := RetentionResult{Deleted: activities.Counts{}}
	accounts := map[string]bool{}
	for _, inbox := range inboxes {
		deleted, err := housework(ctx, "inbox "+inbox.InboxID.String(), a.RetentionSweep, inbox)
		if err != nil {
			return out, err
		}
		// In a sum the order of a map does not matter.
		out.Deleted.Add(deleted) //workflowcheck:ignore
		if account := inbox.AccountID.String(); !accounts[account] {
			accounts[account] = true
			deleted, err := housework(ctx, "receipts of account "+account, a.RetentionReceipts, inbox)
			if err != nil {
				return out, err
			}
			out.Deleted.Add(deleted) //workflowcheck:ignore
		}
		out.Inboxes++
		out.Summary = out.words()
		workflow.SetCurrentDetails(ctx, out.Summary)
	}
	out.Summary = out.words()
	return out, nil
}
