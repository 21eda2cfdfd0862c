// Package e2e_test runs the whole product as its users do: real processes, a real PostgreSQL, a real Temporal server, HTTP.
package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/testenv"
)

// atOnce is how many tests run side by side where the command line does not say: they wait for other processes and for time to pass,
// so that the number of cores, Go's default, leaves the machine idle. More than four on two cores end no sooner, and commands wait 5 s.
const atOnce = "4"

// theMachine is for tests that use all of it, or measure how soon something happens: they do not go side by side.
var theMachine sync.Mutex

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	testenv.Main(m)
}

// checkout is where the binary is built, and where `handoff dev` finds the sources of its Temporal server.
const checkout = "../.."

// buildOnce builds the binary that all tests run.
var buildOnce = sync.OnceValues(func() (string, error) {
	binary, err := filepath.Abs(filepath.Join(checkout, "bin", "e2e", "handoff"))
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", binary, "./cmd/handoff")
	build.Dir = checkout
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build handoff: %w\n%s", err, out)
	}
	return binary, nil
})

func binary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	require.NoError(t, err)
	return path
}

var givenPorts sync.Map

// freePort is below the range from which the kernel takes ports for outgoing connections, so that it is still free when a
// process that was killed starts again.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue // another test may not listen on it yet
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// until polls in the test's own goroutine, so that the condition may fail the test.
func until(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	if waitFor(within, condition) {
		return
	}
	t.Fatalf("not within %s: %s", within, what)
}

func waitFor(within time.Duration, condition func() bool) bool {
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			return condition()
		case <-tick.C:
		}
	}
	return true
}
