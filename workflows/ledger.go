package workflows

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

// Ledger looks for gaps between what was accepted, what happened and what was sent, and mends what can be mended. A schedule starts it.
// What it found stands in its details and in its result; what is open is listed by GET /v1/ledger/gaps.
func Ledger(ctx workflow.Context) (activities.LedgerReport, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		Summary:             "look for gaps",
		// What this run does not do the next one does.
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
	})
	var report activities.LedgerReport
	if err := execute(ctx, a.CheckLedger, activities.LedgerInput{}).Get(ctx, &report); err != nil {
		return report, err
	}
	workflow.SetCurrentDetails(ctx, ledgerDetails(report))
	return report, nil
}

// ledgerDetails is the report in words.
func ledgerDetails(r activities.LedgerReport) string {
	lines := []string{fmt.Sprintf("looked at %d events, through %s", r.Events, r.Through.UTC().Format("2006-01-02 15:04:05"))}
	if r.Behind {
		lines = append(lines, "there are more: the next run goes on")
	}
	if len(r.Found) == 0 {
		lines = append(lines, "found no gap")
	}
	kinds := slices.Sorted(maps.Keys(r.Found)) //workflowcheck:ignore
	for _, kind := range kinds {
		lines = append(lines, fmt.Sprintf("%s: %d found, %d repaired", kind, r.Found[kind], r.Repaired[kind]))
	}
	if r.Closed > 0 {
		lines = append(lines, fmt.Sprintf("%d that were open are gone", r.Closed))
	}
	if r.Open > 0 {
		lines = append(lines, fmt.Sprintf("%d are open: GET /v1/ledger/gaps says what to do", r.Open))
	}
	return strings.Join(lines, "\n\n")
}
