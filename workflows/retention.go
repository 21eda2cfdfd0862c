package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

// retentionTries is how often a part is tried: for about ten minutes. What cannot be deleted then, because of a file that its store does
// not give up, may not keep everything else; the next run tries it again.
const retentionTries = 15

// Retention deletes what is past the time that its inbox keeps it. A Temporal Schedule starts it; its result says in words what it did. It
// fails where something could not be deleted, once everything else is.
func Retention(ctx workflow.Context) (RetentionResult, error) {
	inboxes, err := housework(ctx, "list the inboxes that forget", a.RetentionList, activities.RetentionListInput{})
	if err != nil {
		return RetentionResult{}, err
	}
	out := RetentionResult{Deleted: activities.Counts{}}
	accounts := map[string]bool{}
	var failed []error
	for _, inbox := range inboxes {
		what := "inbox " + inbox.InboxID.String()
		deleted, err := bounded(ctx, retentionTries, what, a.RetentionSweep, inbox)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
		// In a sum the order of a map does not matter.
		out.Deleted.Add(deleted) //workflowcheck:ignore
		if account := inbox.AccountID.String(); !accounts[account] {
			accounts[account] = true
			what := "receipts of account " + account
			deleted, err := bounded(ctx, retentionTries, what, a.RetentionReceipts, inbox)
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", what, err))
			}
			out.Deleted.Add(deleted) //workflowcheck:ignore
		}
		if temporal.IsCanceledError(ctx.Err()) {
			return out, ctx.Err()
		}
		out.Inboxes++
		out.Summary = out.words()
		workflow.SetCurrentDetails(ctx, out.Summary)
	}
	out.Summary = out.words()
	if len(failed) == 0 {
		return out, nil
	}
	text := errors.Join(failed...).Error()
	workflow.SetCurrentDetails(ctx, out.Summary+"\n\nNot deleted:\n\n"+text)
	return out, temporal.NewApplicationError("not everything past its time could be deleted: "+text, "retention")
}
