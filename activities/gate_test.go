package activities

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"handoff"
)

var errFull = errors.New("full")

func full() error { return errFull }

// line lets somebody wait for a place, and gives it to the channel.
func line(t *testing.T, f *InFlight, id handoff.ID, limit, waiting int) chan func() {
	t.Helper()
	turn := make(chan func(), 1)
	go func() {
		leave, err := f.enter(context.Background(), id, limit, full)
		if err == nil {
			turn <- leave
		}
	}()
	synctest.Wait()
	require.Len(t, f.endpoints[id].waiting, waiting)
	return turn
}

func enter(t *testing.T, f *InFlight, id handoff.ID, limit int) func() {
	t.Helper()
	leave, err := f.enter(t.Context(), id, limit, full)
	require.NoError(t, err)
	return leave
}

// Many wait in line when somebody lowers the limit. Each place that came free was handed on, and so as many stayed in flight as before.
func TestDelivery_28_ALimitThatIsLoweredIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, aLimitThatIsLoweredIsKept)
}

func aLimitThatIsLoweredIsKept(t *testing.T) {
	f, id := NewInFlight(), handoff.NewID()
	flying := []func(){enter(t, f, id, 3), enter(t, f, id, 3), enter(t, f, id, 3)}
	first := line(t, f, id, 3, 1)
	second := line(t, f, id, 1, 2)
	flying[0]()
	flying[1]()
	require.Empty(t, first)
	flying[2]()
	leave := <-first
	require.Empty(t, second)
	leave()
	(<-second)()
	require.Empty(t, f.endpoints, "nothing is kept of an endpoint that has nothing in flight")
}

func TestDelivery_28_TheLineIsShortAndPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, theLineIsShortAndPatienceEnds)
}

func theLineIsShortAndPatienceEnds(t *testing.T) {
	f, id := NewInFlight(), handoff.NewID()
	leave := enter(t, f, id, 1)
	first, second := line(t, f, id, 1, 1), line(t, f, id, 1, slotQueue)
	_, err := f.enter(t.Context(), id, 1, full)
	require.ErrorIs(t, err, errFull, "the line is full")
	other := enter(t, f, handoff.NewID(), 1) // another endpoint has places of its own
	other()

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	leave()
	leave = <-first
	_, err = f.enter(cancelled, id, 1, full)
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.enter(t.Context(), id, 1, full)
	require.ErrorIs(t, err, errFull, "nobody leaves for two seconds")
	synctest.Wait()
	require.Empty(t, second, "the one before has waited for as long")
	leave()
	require.Empty(t, f.endpoints)
}
