package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

const (
	healthService = "temporal.api.workflowservice.v1.WorkflowService"
	pollInterval  = 20 * time.Millisecond
)

// prepareNamespace waits until the server serves and adds search attributes that the namespace does not have: a database
// file may be older than the newest attribute.
func prepareNamespace(ctx context.Context, address string, opts options) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to own server: %w", err)
	}
	defer func() { _ = conn.Close() }()

	health := grpc_health_v1.NewHealthClient(conn)
	err = poll(ctx, func() error {
		resp, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: healthService})
		if err != nil {
			return err
		}
		if resp.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			return fmt.Errorf("health is %s", resp.GetStatus())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("wait for the Temporal server at %s: %w", address, err)
	}

	operator := operatorservice.NewOperatorServiceClient(conn)
	if err := poll(ctx, func() error { return addSearchAttributes(ctx, operator, opts) }); err != nil {
		return fmt.Errorf("add search attributes to namespace %s: %w", opts.namespace, err)
	}
	return nil
}

func addSearchAttributes(ctx context.Context, operator operatorservice.OperatorServiceClient, opts options) error {
	listed, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: opts.namespace})
	if err != nil {
		return err
	}

	missing := attributes{}
	for name, kind := range opts.searchAttributes {
		if _, ok := listed.GetCustomAttributes()[name]; !ok {
			missing[name] = kind
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        opts.namespace,
		SearchAttributes: missing,
	})
	return err
}

// poll tries until it works; when the time is up it returns the last error, which says more than "deadline exceeded".
func poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollInterval):
		}
	}
}
