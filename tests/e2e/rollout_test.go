package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestABuildOfTheWorkerFollowsAnother rolls two builds of the worker out, with a conversation that was opened before there were any, and
// then back to the first.
func TestABuildOfTheWorkerFollowsAnother(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	into[receipt](t, s.post(text("447700900123", "wamid.before", "before")), http.StatusOK)
	conv := s.open()
	require.Contains(t, string(command(t, s.env, "rollout", "status")), "any worker takes any task")

	first := s.build("build-1")
	command(t, s.env, "rollout", "current", "build-1")
	require.True(t, s.worker.signal(syscall.SIGTERM, readyWithin))
	run := s.servedBy(conv, "build-1", "claim")

	second := s.build("build-2")
	command(t, s.env, "rollout", "ramp", "build-2", "--percent=10")
	require.Regexp(t, `build-1 +\S+ +90 %`, string(command(t, s.env, "rollout", "status")))
	command(t, s.env, "rollout", "current", "build-2")
	require.True(t, first.signal(syscall.SIGTERM, readyWithin), "the old build is stopped with the conversation open")
	require.Equal(t, run, s.servedBy(conv, "build-2", "release"), "the run goes on with other code")

	s.build("build-1")
	command(t, s.env, "rollout", "current", "build-1")
	require.True(t, second.signal(syscall.SIGTERM, readyWithin))
	require.Equal(t, run, s.servedBy(conv, "build-1", "claim"))
	require.Regexp(t, `build-1 +\S+ +all\n`, string(command(t, s.env, "rollout", "status")))
}

// build starts a worker of a build.
func (s *stack) build(id string) *process {
	s.Helper()
	env := append(slices.Clone(s.env), "HANDOFF_BUILD_ID="+id, fmt.Sprintf("HANDOFF_WORKER_LISTEN=127.0.0.1:%d", freePort(s.T)))
	return launch(s.T, env, "worker")
}

// servedBy has a command carried out, sees to it that this build did it, and gives the run.
func (s *stack) servedBy(conv conversation, build, verb string) (run string) {
	s.Helper()
	until(s.T, readyWithin, verb+" is carried out", func() bool {
		return s.command(s.anaKey, conv.ID, verb, nil).status == http.StatusOK
	})
	temporal := s.temporal()
	until(s.T, readyWithin, "Temporal says that "+build+" has the conversation", func() bool {
		described, err := temporal.DescribeWorkflowExecution(s.Context(), "conversation:"+s.inbox+":"+conv.Contact.ID, "")
		require.NoError(s, err)
		run = described.WorkflowExecutionInfo.Execution.RunId
		return described.WorkflowExecutionInfo.GetVersioningInfo().GetDeploymentVersion().GetBuildId() == build
	})
	return run
}
