// Package worker registers workflows and activities and runs them.
package worker

import (
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
	"handoff/workflows"
)

const (
	// With 2 pollers, the SDK's default, tasks miss a poller under load and wait behind fresh ones for seconds.
	workflowPollers = 32
	activityPollers = 16
	// A cached conversation takes about 28 KB.
	cachedConversations = 5000
	stopTimeout         = 20 * time.Second
	// beatEvery is how often a long activity's heartbeat is sent. The SDK would wait for four fifths of the time-out, and a worker that
	// is late by the rest of it would be taken for dead.
	beatEvery = 1500 * time.Millisecond
	// stickyTimeout is how long a task waits for the worker that has its conversation cached. The SDK's 5 s are as long as the API
	// waits for a command: after the death of a worker, an agent's first command for each of its conversations would be 503.
	stickyTimeout = 2 * time.Second
)

// WorkflowRegistry is what a worker, a replayer and a test environment have in common, so that a replay cannot differ from
// production in what is registered.
type WorkflowRegistry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// ActivityRegistry is what a worker and a test environment have in common.
type ActivityRegistry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// RegisterWorkflows registers every workflow under its contract name.
func RegisterWorkflows(r WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(workflows.Conversation, workflow.RegisterOptions{Name: workflows.ConversationName})
	r.RegisterWorkflowWithOptions(workflows.Erasure, workflow.RegisterOptions{Name: workflows.ErasureName})
	r.RegisterWorkflowWithOptions(workflows.Retention, workflow.RegisterOptions{Name: workflows.RetentionName})
	r.RegisterWorkflowWithOptions(workflows.WebhookTest, workflow.RegisterOptions{Name: workflows.WebhookTestName})
	r.RegisterWorkflowWithOptions(workflows.Ledger, workflow.RegisterOptions{Name: workflows.LedgerName})
}

// RegisterActivities registers every activity by name: a name that the compiler made up would change with the code.
func RegisterActivities(r ActivityRegistry, a *activities.Activities) {
	for name, activityFunc := range map[string]any{
		"AcceptOffer":       a.AcceptOffer,
		"ApplyInbound":      a.ApplyInbound,
		"CheckLedger":       a.CheckLedger,
		"Claim":             a.Claim,
		"DeclineOffer":      a.DeclineOffer,
		"DeliverFirst":      a.DeliverFirst,
		"DeliverWebhooks":   a.DeliverWebhooks,
		"DownloadMedia":     a.DownloadMedia,
		"End":               a.End,
		"EraseAnswers":      a.EraseAnswers,
		"EraseClose":        a.EraseClose,
		"EraseFinish":       a.EraseFinish,
		"EraseHistories":    a.EraseHistories,
		"EraseVerify":       a.EraseVerify,
		"EraseReceipts":     a.EraseReceipts,
		"EraseRows":         a.EraseRows,
		"EraseRuns":         a.EraseRuns,
		"EraseShared":       a.EraseShared,
		"MoveTimer":         a.MoveTimer,
		"Offer":             a.Offer,
		"Pass":              a.Pass,
		"Release":           a.Release,
		"Reply":             a.Reply,
		"RetentionList":     a.RetentionList,
		"RetentionReceipts": a.RetentionReceipts,
		"RetentionSweep":    a.RetentionSweep,
		"RetryDelivery":     a.RetryDelivery,
		"Schedule":          a.Schedule,
		"Silence":           a.Silence,
		"SkipDelivery":      a.SkipDelivery,
		"Snooze":            a.Snooze,
		"Start":             a.Start,
		"TakeOver":          a.TakeOver,
		"TestDelivery":      a.TestDelivery,
		"TimeUp":            a.TimeUp,
		"Transfer":          a.Transfer,
		"UndoResolve":       a.UndoResolve,
		"Unschedule":        a.Unschedule,
		"Wake":              a.Wake,
	} {
		r.RegisterActivityWithOptions(activityFunc, activity.RegisterOptions{Name: name})
	}
}

// Deployment is the name under which Temporal knows the workers that have a build id.
const Deployment = "handoff"

// versioned opts a worker into Temporal's worker versioning: it gets tasks once its build is the current one, and open conversations
// move to it with their next task. They stay open for days and have to get what is mended, so none is pinned to a build.
func versioned(buildID string) worker.DeploymentOptions {
	if buildID == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: Deployment, BuildID: buildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}
}

// New makes a worker for the product's task queue. Start it with Start, stop it with Stop. Without a build id it takes tasks of every
// conversation at once. One that has been refused for two minutes, because its namespace is gone for example, stops for good after it
// has told gaveUp why.
func New(c client.Client, a *activities.Activities, buildID string, gaveUp func(error)) (worker.Worker, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	worker.SetStickyWorkflowCacheSize(cachedConversations)
	w := worker.New(c, workflows.TaskQueue, worker.Options{
		MaxConcurrentWorkflowTaskPollers: workflowPollers,
		MaxConcurrentActivityTaskPollers: activityPollers,
		StickyScheduleToStartTimeout:     stickyTimeout,
		WorkerStopTimeout:                stopTimeout,
		MaxHeartbeatThrottleInterval:     beatEvery,
		DeploymentOptions:                versioned(buildID),
		OnFatalError:                     gaveUp,
	})
	RegisterWorkflows(w)
	RegisterActivities(w, a)
	return w, nil
}
