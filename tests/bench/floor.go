package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"handoff/internal/temporalclient"
)

// floor is what Temporal alone does on this machine: a signal that starts a workflow, whose one task does nothing.
type floor struct {
	latency    []time.Duration // sorted; from the signal to the workflow's code
	throughput float64
}

const (
	floorQueue   = "bench-floor"
	floorClients = 16
)

// emptyWorkflows tells when each workflow has run.
type emptyWorkflows struct {
	mu  sync.Mutex
	ran map[string]chan struct{}
}

func (e *emptyWorkflows) expect(id string) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	ran := make(chan struct{})
	e.ran[id] = ran
	return ran
}

func (e *emptyWorkflows) run(ctx workflow.Context) error {
	workflow.GetSignalChannel(ctx, "wake").Receive(ctx, nil)
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	e.mu.Lock()
	defer e.mu.Unlock()
	if ran := e.ran[id]; ran != nil {
		close(ran)
		delete(e.ran, id) // a task that failed runs again
	}
	return nil
}

func measureFloor(ctx context.Context, address string, o options) (floor, error) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	c, err := temporalclient.Dial(temporalclient.Config{Address: address, Namespace: "default", Log: quiet})
	if err != nil {
		return floor{}, err
	}
	defer c.Close()
	e := &emptyWorkflows{ran: map[string]chan struct{}{}}
	// The product's own numbers of pollers.
	w := worker.New(c, floorQueue, worker.Options{MaxConcurrentWorkflowTaskPollers: 32, MaxConcurrentActivityTaskPollers: 2})
	w.RegisterWorkflowWithOptions(e.run, workflow.RegisterOptions{Name: "Empty"})
	if err := w.Start(); err != nil {
		return floor{}, err
	}
	defer w.Stop()

	f := floor{}
	for i := range o.floorSequential + 20 {
		began := time.Now()
		if err := e.signal(ctx, c, fmt.Sprintf("floor-sequential-%d", i)); err != nil {
			return f, err
		}
		if i >= 20 { // the first ones warm up
			f.latency = append(f.latency, time.Since(began))
		}
	}
	slices.Sort(f.latency)
	began := time.Now()
	err = inParallel(floorClients, o.floorOps, func(i int) error { return e.signal(ctx, c, fmt.Sprintf("floor-%d", i)) })
	f.throughput = float64(o.floorOps) / time.Since(began).Seconds()
	return f, err
}

// signal starts one workflow and waits until its code has run.
func (e *emptyWorkflows) signal(ctx context.Context, c client.Client, id string) error {
	ran := e.expect(id)
	_, err := c.SignalWithStartWorkflow(ctx, id, "wake", nil, client.StartWorkflowOptions{ID: id, TaskQueue: floorQueue}, "Empty")
	if err != nil {
		return err
	}
	select {
	case <-ran:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func inParallel(clients, total int, do func(int) error) error {
	next := make(chan int)
	errs := make(chan error, clients)
	for range clients {
		go func() {
			var failed error
			for i := range next {
				if failed == nil {
					failed = do(i)
				}
			}
			errs <- failed
		}()
	}
	for i := range total {
		next <- i
	}
	close(next)
	var err error
	for range clients {
		if failed := <-errs; failed != nil {
			err = failed
		}
	}
	return err
}

func (f floor) print(steady, burst result) {
	fmt.Printf("\n## Temporal alone: SignalWithStart and one empty workflow task\n\n")
	fmt.Printf("| | Temporal alone | product | ratio |\n|---|---:|---:|---:|\n")
	alone, product := ms(at(f.latency, 50)), ms(at(steady.webhook, 50))
	fmt.Printf("| p50 ms, one after the other; POST → webhook | %.1f | %.1f | %.1f |\n", alone, product, product/alone)
	fmt.Printf("| per second, %d clients; saturation | %.0f | %.0f | %.1f |\n", floorClients, f.throughput, burst.throughput,
		burst.throughput/f.throughput)
}
