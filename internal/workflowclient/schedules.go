package workflowclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"handoff/workflows"
)

// Schedule is work that Temporal starts again and again, one run at a time. It is seen, paused and triggered in the Temporal UI.
type Schedule struct {
	ID       string        // of the schedule; its runs are called ID-workflow and the time
	Workflow string        // contract name of the workflow, which takes no input
	Every    time.Duration // from one start to the next; a start is left out while the run before is still at work
	For      string        // what for, in words for the Temporal UI
}

// catchUp is how late a start may be. With the server's default of a year, a Temporal that comes back would make up for what it missed.
const catchUp = time.Minute

// Schedules are all there are. One that is taken off this list has to be deleted in Temporal.
func Schedules() []Schedule {
	return []Schedule{
		{ID: "ledger", Workflow: workflows.LedgerName, Every: 10 * time.Minute, For: "looks for gaps between what was accepted, what happened and what was sent, and mends them"},
		{ID: "retention", Workflow: workflows.RetentionName, Every: time.Hour, For: "deletes what inboxes with retention_days keep no longer"},
	}
}

// EnsureSchedules sees to it that every schedule is there and as it is declared. A schedule that an operator has paused stays paused.
// Any number of workers may call it at once.
func (c *Client) EnsureSchedules(ctx context.Context) error {
	return everySchedule(ctx, c.EnsureSchedule)
}

func everySchedule(ctx context.Context, do func(context.Context, Schedule) error) error {
	var failed []error
	for _, s := range Schedules() {
		failed = append(failed, do(ctx, s))
	}
	return errors.Join(failed...)
}

// EnsureSchedule makes a schedule where it is missing, and changes it where it is not as declared.
func (c *Client) EnsureSchedule(ctx context.Context, s Schedule) error {
	return c.makeSchedule(ctx, s, c.updateSchedule)
}

// RestoreSchedules makes the schedules that are missing, and leaves the others as they are.
func (c *Client) RestoreSchedules(ctx context.Context) error {
	return everySchedule(ctx, c.RestoreSchedule)
}

// RestoreSchedule makes a schedule where it is missing.
func (c *Client) RestoreSchedule(ctx context.Context, s Schedule) error {
	return c.makeSchedule(ctx, s, func(context.Context, Schedule) error { return nil })
}

func (c *Client) makeSchedule(ctx context.Context, s Schedule, found func(context.Context, Schedule) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := c.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: s.ID, Spec: s.spec(), Action: s.action(), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = found(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("ensure schedule %s: %w", s.ID, err)
	}
	return nil
}

func (c *Client) updateSchedule(ctx context.Context, s Schedule) error {
	handle := c.temporal.ScheduleClient().GetHandle(ctx, s.ID)
	found, err := handle.Describe(ctx)
	if err != nil || s.declaredBy(found.Schedule) {
		return err
	}
	return handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		changed := in.Description.Schedule
		spec := s.spec()
		changed.Spec, changed.Action = &spec, s.action()
		changed.Policy = &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp}
		return &client.ScheduleUpdate{Schedule: &changed}, nil
	}})
}

func (s Schedule) spec() client.ScheduleSpec {
	return client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: s.Every}}}
}

func (s Schedule) action() *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: s.ID + "-workflow", Workflow: s.Workflow, TaskQueue: workflows.TaskQueue, WorkflowTaskTimeout: taskTimeout, StaticSummary: s.For,
	}
}

// declaredBy compares what is declared here; whether it is paused, and why, is the operators'.
func (s Schedule) declaredBy(found client.Schedule) bool {
	action, ok := found.Action.(*client.ScheduleWorkflowAction)
	return ok && action.Workflow == s.Workflow && action.TaskQueue == workflows.TaskQueue && found.Spec != nil &&
		len(found.Spec.Intervals) == 1 && found.Spec.Intervals[0].Every == s.Every &&
		found.Policy != nil && found.Policy.Overlap == enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
}
