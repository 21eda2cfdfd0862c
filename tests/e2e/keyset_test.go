package e2e_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheKeyThatSealsIsChangedUnderLoad changes the key of secrets at rest as SECURITY.md says, while gateways post and agents work: no
// request and no webhook fails, every signature verifies, and in the end nothing needs the old key.
func TestTheKeyThatSealsIsChangedUnderLoad(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	s := newStack(t)
	balancer, load, finish := s.loaded(2)
	serve, worker := s.serve, s.worker
	first := s.keysetKey
	roll := func(args ...string) {
		s.useKeyset(strings.TrimSpace(string(command(t, s.env, append([]string{"keyset"}, args...)...))))
		serve, worker = s.replaceServe(balancer, serve), s.replaceWorker(worker)
	}
	roll("add")
	roll("promote")
	require.Contains(t, s.fails("keyset", "prune", "--links-are-gone"), "handoff keyset reseal")
	require.Contains(t, string(command(t, s.env, "keyset", "reseal")), `"closed": 0`)
	require.Contains(t, s.fails("keyset", "prune"), "--links-are-gone")
	roll("prune", "--links-are-gone")

	finish()
	require.Empty(t, load.failures)
	require.Greater(t, load.replies.Load(), int64(4), "there was load: %d messages", load.accepted.Load())
	s.everyWebhookVerifies(load)
	require.NotContains(t, string(command(t, s.env, "keyset", "show")), `"in_key_set": false`)
	s.useKeyset(first)
	require.Contains(t, s.fails("keyset", "reseal"), "find the key set", "the old key alone opens nothing any more")
}

// useKeyset gives what is started from now on another key set.
func (s *stack) useKeyset(keyset string) {
	for i, setting := range s.env {
		if strings.HasPrefix(setting, "HANDOFF_KEYSET=") {
			s.env[i] = "HANDOFF_KEYSET=" + keyset
		}
	}
}

// fails runs a command that has to fail, and gives what it says.
func (s *stack) fails(args ...string) string {
	s.Helper()
	cmd := exec.Command(binary(s.T), args...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	require.Error(s, err, string(out))
	return string(out)
}

func (s *stack) everyWebhookVerifies(load *traffic) {
	s.Helper()
	until(s.T, readyWithin, "every answer has reached the gateway", func() bool {
		told := map[string]bool{}
		for _, r := range s.gateway.Requests() {
			if strings.Contains(r.Body, `"outbound_message"`) {
				told[r.Header.Get("webhook-id")] = true
			}
		}
		return int64(len(told)) == load.replies.Load()
	})
	for _, r := range s.gateway.Requests() {
		require.Equal(s, "1", r.Header.Get("Handoff-Attempt"), "nothing had to be tried twice")
		s.verify(r)
	}
}
