package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// adviseRetention is how long operators should be able to look at an ended conversation.
const adviseRetention = 7 * 24 * time.Hour

func temporalChecks() []Check {
	base, space := []string{"temporal"}, []string{"temporal_namespace"}
	return []Check{
		{Name: "temporal", Looks: "`TEMPORAL_ADDRESS` leads to a Temporal frontend", run: checkTemporal},
		{Name: "temporal_namespace", Looks: "`TEMPORAL_NAMESPACE` is there, and takes updates, by which commands are carried out", Needs: base, run: checkNamespace},
		{Name: "temporal_retention", Looks: "ended conversations stay visible for seven days", Needs: space, run: checkRetention},
		{Name: "temporal_search_attributes", Looks: "the search attributes of conversations are there, of the right types", Needs: space, run: checkAttributes},
		{Name: "temporal_schedules", Looks: "the schedules are there and not paused", Needs: space, run: checkSchedules},
		{Name: "temporal_worker_stops", Looks: "the namespace gives no task to a worker that stops, which a command would wait for", Needs: space, run: checkWorkerStops},
		{Name: "workers", Looks: "a worker of the build that gets the tasks (any, where workers have no HANDOFF_BUILD_ID) polls the task queue for workflows and for activities", Needs: space, run: checkWorkers},
		{Name: "temporal_clock", Looks: "Temporal's clock and ours agree, as far as the last poll of a worker tells", Needs: []string{"workers"}, run: checkTemporalClock},
	}
}

func checkTemporal(ctx context.Context, v *visit) []Finding {
	temporal, err := v.Temporal()
	if err != nil {
		return fail(err.Error(), "", "correct TEMPORAL_ADDRESS and the TEMPORAL_TLS_… settings")
	}
	v.temporal = temporal
	info, err := temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err == nil {
		return ok("Temporal %s answers", info.GetServerVersion())
	}
	return temporalAway(ctx, v.TemporalAddress, err)
}

// temporalAway says why Temporal does not answer. That a port takes connections by plain TCP while gRPC does not get through is a known trap.
func temporalAway(ctx context.Context, address string, err error) []Finding {
	cause, cure := "it is not running, or another program listens there", "start Temporal, or correct TEMPORAL_ADDRESS: it is the frontend's gRPC port, 7233 unless it was changed, and not the UI's"
	target := strings.TrimPrefix(address, "passthrough:///")
	host, _, split := net.SplitHostPort(target)
	if split != nil {
		return fail("TEMPORAL_ADDRESS is no host and port: "+address, "", "write it as temporal.example.com:7233")
	}
	timedOut := errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "DeadlineExceeded") || strings.Contains(err.Error(), "deadline exceeded") || ctx.Err() != nil
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &denied) || strings.Contains(err.Error(), "Unauthenticated"):
		cause, cure = "it does not let us in", "correct TEMPORAL_API_KEY, or the client certificate"
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:") || strings.Contains(err.Error(), "certificate"):
		cause, cure = "one side speaks TLS and the other does not, or does not trust the other", "set TEMPORAL_TLS and TEMPORAL_TLS_SERVER_CA_CERT_PATH as the server has it"
	case strings.Contains(err.Error(), "no such host") || strings.Contains(err.Error(), "name resolver") || strings.Contains(err.Error(), "zero addresses") ||
		strings.Contains(err.Error(), "no children to pick from"):
		cause = "the name server does not know the host"
		cure = "correct the host in TEMPORAL_ADDRESS; where other programs do find it, set TEMPORAL_ADDRESS to passthrough:///" + target
	case timedOut && net.ParseIP(host) == nil && host != "localhost" && !strings.HasPrefix(address, "passthrough:"):
		cause = "the host's name may not resolve for gRPC: it asks for SRV and TXT records as well, and name servers such as Docker's leave these unanswered for long"
		cure = "set TEMPORAL_ADDRESS to passthrough:///" + target + ", or to the IP address; if it still fails, start Temporal there"
	case timedOut:
		cause = "nothing answers there in time: a firewall, or another program listens there"
	}
	return fail("Temporal does not answer at "+address, cause, cure)
}

func (v *visit) namespace(ctx context.Context) (*workflowservice.DescribeNamespaceResponse, error) {
	return v.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: v.Namespace})
}

func temporalUnread(err error) []Finding {
	return fail("Temporal did not answer a question: "+err.Error(), "", "look into Temporal's log")
}

func checkNamespace(ctx context.Context, v *visit) []Finding {
	described, err := v.namespace(ctx)
	var unknown *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &unknown):
		return fail(fmt.Sprintf("Temporal has no namespace %q", v.Namespace), "it was never made, or TEMPORAL_NAMESPACE names another",
			"run `handoff migrate`, which makes it (in Temporal Cloud make it in the console), or correct TEMPORAL_NAMESPACE")
	case err != nil:
		return temporalUnread(err)
	case described.GetNamespaceInfo().GetState() != enumspb.NAMESPACE_STATE_REGISTERED:
		return fail(fmt.Sprintf("the namespace %q is being deleted", v.Namespace), "", "take another, and run `handoff migrate`")
	}
	if can := described.GetNamespaceInfo().GetCapabilities(); can != nil && !can.GetSyncUpdate() {
		return fail("the namespace takes no updates: agents can do nothing", "the server's dynamic setting frontend.enableUpdateWorkflowExecution is false, or the server is old",
			"set it to true, or upgrade Temporal to 1.28 or newer")
	}
	return ok("the namespace %q is there and takes updates", v.Namespace)
}

// checkWorkerStops reads what the server says that it does. Without it nothing is lost, and rollouts are felt.
func checkWorkerStops(ctx context.Context, v *visit) []Finding {
	described, err := v.namespace(ctx)
	if err != nil {
		return temporalUnread(err)
	}
	if !described.GetNamespaceInfo().GetCapabilities().GetWorkerPollCompleteOnShutdown() {
		return warn("a worker that stops is given tasks that it does not take any more; commands then wait 5 s",
			"the server's dynamic setting frontend.enableCancelWorkerPollsOnShutdown is false, or the server is old",
			"set frontend.enableCancelWorkerPollsOnShutdown to true, as deploy/temporal.yaml does, or upgrade Temporal")
	}
	return ok("a worker that stops is given no more tasks")
}

func checkRetention(ctx context.Context, v *visit) []Finding {
	described, err := v.namespace(ctx)
	if err != nil {
		return temporalUnread(err)
	}
	kept := described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if kept < adviseRetention {
		return warn(fmt.Sprintf("ended conversations stay in the Temporal UI for %s", kept), "the namespace's retention was set so",
			"temporal operator namespace update --retention 7d --namespace "+v.Namespace)
	}
	return ok("ended conversations stay in the Temporal UI for %d days", int(kept.Hours()/24))
}

func checkAttributes(ctx context.Context, v *visit) []Finding {
	have, err := v.temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: v.Namespace})
	if err != nil {
		return temporalUnread(err)
	}
	var missing, other []string
	for name, kind := range v.Attributes {
		switch found, there := have.GetCustomAttributes()[name]; {
		case !there:
			missing = append(missing, name)
		case found != kind:
			other = append(other, fmt.Sprintf("%s is %s and not %s", name, found, kind))
		}
	}
	slices.Sort(missing)
	slices.Sort(other)
	if len(missing) > 0 {
		return fail("search attributes are missing: "+strings.Join(missing, ", "), "the namespace was made without `handoff migrate`, and every conversation's task fails for it",
			"run `handoff migrate`")
	}
	if len(other) > 0 {
		return fail("search attributes have another type: "+strings.Join(other, ", "), "somebody made them by hand",
			"remove them (temporal operator search-attribute remove) and run `handoff migrate`")
	}
	return ok("%d search attributes are there", len(v.Attributes))
}

func checkSchedules(ctx context.Context, v *visit) []Finding {
	var out []Finding
	for _, s := range v.Schedules {
		found, err := v.temporal.ScheduleClient().GetHandle(ctx, s.ID).Describe(ctx)
		var unknown *serviceerror.NotFound
		switch {
		case errors.As(err, &unknown):
			out = append(out, warn("the schedule "+s.ID+" is missing, which "+s.For, "a worker makes it when it starts, and none has since",
				"start a worker; its log says why if it cannot")...)
		case err != nil:
			out = append(out, temporalUnread(err)...)
		case found.Schedule.State != nil && found.Schedule.State.Paused:
			out = append(out, warn("the schedule "+s.ID+" is paused, which "+s.For, "somebody paused it: "+found.Schedule.State.Note,
				"temporal schedule toggle --unpause --schedule-id "+s.ID+" --namespace "+v.Namespace)...)
		}
	}
	if len(out) == 0 {
		return ok("%d schedules are there", len(v.Schedules))
	}
	return out
}

func checkWorkers(ctx context.Context, v *visit) []Finding {
	current, err := v.currentBuild(ctx)
	if err != nil {
		return temporalUnread(err)
	}
	var out []Finding
	for _, kind := range []struct {
		kind  enumspb.TaskQueueType
		words string
	}{{enumspb.TASK_QUEUE_TYPE_WORKFLOW, "workflows"}, {enumspb.TASK_QUEUE_TYPE_ACTIVITY, "activities"}} {
		answer, err := v.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: v.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: v.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}, TaskQueueType: kind.kind,
		})
		if err != nil {
			return temporalUnread(err)
		}
		out = append(out, v.askers(kind.words, current, answer.GetPollers())...)
	}
	if len(out) == 0 {
		return ok("workers poll the task queue %q", v.TaskQueue)
	}
	return out
}

// currentBuild is the build of the worker that gets the tasks; "" where it is workers without one.
func (v *visit) currentBuild(ctx context.Context) (string, error) {
	described, err := v.temporal.WorkerDeploymentClient().GetHandle(v.Deployment).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return "", nil
	}
	if err != nil || described.Info.RoutingConfig.CurrentVersion == nil {
		return "", err
	}
	return described.Info.RoutingConfig.CurrentVersion.BuildID, nil
}

// askers looks at who asks for tasks of a kind. Workers of another build than the current one ask as well, and get none.
func (v *visit) askers(words, current string, pollers []*taskqueue.PollerInfo) []Finding {
	var others []string
	served := false
	for _, poller := range pollers {
		if at := poller.GetLastAccessTime().AsTime(); at.After(v.polled) {
			v.polled = at
		}
		build := ""
		if o := poller.GetDeploymentOptions(); o.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
			build = o.GetBuildId()
		}
		if build == current {
			served = true
		} else if !slices.Contains(others, build) {
			others = append(others, build)
		}
	}
	slices.Sort(others)
	switch {
	case served:
		return nil
	case len(pollers) == 0:
		return fail(fmt.Sprintf("no worker has asked for %s on the task queue %q within five minutes: nothing is applied or delivered", words, v.TaskQueue),
			"no `handoff worker` runs, or it has another TEMPORAL_NAMESPACE", "start `handoff worker` with the settings of this command")
	case current == "":
		return fail(fmt.Sprintf("workers ask for %s, and get none: they have the build %s, and no build is the current one", words, strings.Join(others, ", ")),
			"workers were given HANDOFF_BUILD_ID and were not rolled out", "handoff rollout current "+others[len(others)-1])
	}
	return fail(fmt.Sprintf("no worker of the build %s, which gets the tasks, asks for %s: nothing is applied or delivered", current, words),
		"its workers were stopped before another build was made the current one", "start a worker with HANDOFF_BUILD_ID="+current+
			", or give the tasks to the workers that run: handoff rollout current BUILD, or --unversioned")
}

// checkTemporalClock compares with the time at which Temporal last heard of a worker: it is not in the future, and polls last a minute.
func checkTemporalClock(_ context.Context, v *visit) []Finding {
	const poll = 70 * time.Second
	since := v.Now().Sub(v.polled)
	switch {
	case v.polled.IsZero():
		return []Finding{{Status: Skipped, Says: "Temporal does not tell when a worker last polled"}}
	case since < 0:
		return clockFinding("Temporal", since)
	case since > poll:
		return clockFinding("Temporal", since-poll)
	}
	return ok("this machine's clock and that of Temporal agree to a minute")
}
