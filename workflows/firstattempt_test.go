package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"handoff"
	"handoff/internal/telemetry"
)

// delivering counts the lanes' activities of a story.
func (s *story) delivering() *int {
	n := new(int)
	s.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == "DeliverWebhooks" {
			*n++
		}
	})
	return n
}

// The first webhook tells how fast the endpoint answers; each of the others then costs no activity.
func TestAFastEndpointIsServedWithinTheTask(t *testing.T) {
	t.Parallel()
	newStory(t).servedWithinTheTask()
}

// With spans around everything that the worker does, it does the same.
func TestTracingCostsNoFirstAttempt(t *testing.T) {
	t.Parallel()
	exporter := tracetest.NewInMemoryExporter()
	traces, err := telemetry.OpenTraces(t.Context(), telemetry.TraceConfig{Service: "test", Log: slog.New(slog.DiscardHandler), Exporter: keeping{exporter}})
	require.NoError(t, err)
	interceptors, err := traces.Interceptors()
	require.NoError(t, err)
	var ofWorker []interceptor.WorkerInterceptor
	for _, i := range interceptors {
		both, ok := i.(interceptor.WorkerInterceptor)
		require.True(t, ok)
		ofWorker = append(ofWorker, both)
	}
	s := newStory(t)
	s.env.SetWorkerOptions(sdkworker.Options{Interceptors: ofWorker})
	s.servedWithinTheTask()
	require.NoError(t, traces.Close(t.Context()))
	made := 0
	for _, span := range exporter.GetSpans() {
		if span.Name == "RunActivity:DeliverFirst" {
			made++
		}
	}
	require.Equal(t, 10, made)
}

// keeping has the end of the provider forget nothing.
type keeping struct{ *tracetest.InMemoryExporter }

func (keeping) Shutdown(context.Context) error { return nil }

func (s *story) servedWithinTheTask() {
	s.Helper()
	t := s.T
	s.real.InFlight.Within(time.Minute, time.Minute)
	n := s.delivering()
	s.says("I need to speak to a human")
	var want []string
	for i, text := range []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"} {
		want = append(want, text)
		s.at(time.Duration(i+1)*time.Minute, func() { s.reply(s.Ana, text) })
	}
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, append(want, "resolved"), s.arrived())
	require.Equal(t, 1, *n)
	for _, d := range s.deliveries() {
		require.Equal(t, handoff.DeliveryDelivered, d.State)
		require.EqualValues(t, 1, d.Attempts)
	}
}

func TestAnOperatorMayWantActivitiesForAllAttempts(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.real.InFlight = s.real.InFlight.InActivities()
	n := s.delivering()
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "one") })
	s.at(2*time.Minute, func() { s.reply(s.Ana, "two") })
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"one", "two", "resolved"}, s.arrived())
	require.Equal(t, 3, *n)
}
