package temporalclient

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
)

// Polls counts the requests with which a process's worker waits for workflow tasks at this moment. It asks nobody: what the server knows of
// its pollers is minutes old, and apart for each build of the worker.
type Polls struct{ waiting atomic.Int64 }

// Waiting tells whether a task would be taken.
func (p *Polls) Waiting() bool { return p.waiting.Load() > 0 }

func (p *Polls) intercept(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	if strings.HasSuffix(method, "/PollWorkflowTaskQueue") {
		p.waiting.Add(1)
		defer p.waiting.Add(-1)
	}
	return invoke(ctx, method, req, reply, conn, options...)
}
