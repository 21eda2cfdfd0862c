// Package temporalclient connects to Temporal and prepares a namespace for the product.
package temporalclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"handoff/internal/payloadcodec"
)

// Config says where Temporal is.
type Config struct {
	Address   string // host:port of the frontend, or a gRPC target such as passthrough:///temporal:7233
	Namespace string
	APIKey    string // sent with every call; empty for none
	TLS       TLS
	Log       *slog.Logger
	// Codec opens and seals what Temporal keeps; it is kept as it is if absent.
	Codec *payloadcodec.Codec
	// Polls is told of the worker's requests for tasks, if there.
	Polls *Polls
	// Interceptors are the client's, and those of the worker that uses it.
	Interceptors []interceptor.ClientInterceptor
	// Metrics takes the SDK's metrics in; none if absent.
	Metrics client.MetricsHandler
}

// retention is how long the history of an ended conversation stays visible to operators.
const retention = 7 * 24 * time.Hour

// Dial makes a client that connects when it is first used, so that the API can start, and accept, without Temporal.
func Dial(c Config) (client.Client, error) {
	encryption, err := c.TLS.config(c.APIKey)
	if err != nil {
		return nil, err
	}
	options := client.Options{
		HostPort: c.Address, Namespace: c.Namespace, Logger: sdklog.NewStructuredLogger(c.Log),
		Interceptors: c.Interceptors, MetricsHandler: c.Metrics,
		ConnectionOptions: client.ConnectionOptions{
			// Without it the SDK would turn TLS on for an API key, whatever was said.
			TLS: encryption, TLSDisabled: encryption == nil,
			// The SDK compresses by default. What we send is ids, a few hundred bytes: packing and unpacking it costs more than sending it.
			GrpcCompression: &client.GrpcCompressionNone{},
		},
	}
	if c.Polls != nil {
		options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(c.Polls.intercept))
	}
	if c.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(c.APIKey)
	}
	if c.Codec != nil {
		options.DataConverter = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c.Codec)
		options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter: options.DataConverter, EncodeCommonAttributes: c.Codec.Seals(),
		})
	}
	lazy, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", c.Address, err)
	}
	return lazy, nil
}

var errNoNamespace = errors.New("Temporal has no namespace")

// Check tells whether the server answers and knows the namespace.
func Check(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("%w %q: run `handoff migrate`, or correct TEMPORAL_NAMESPACE", errNoNamespace, namespace)
	}
	if err != nil {
		return fmt.Errorf("reach namespace %q: %w", namespace, err)
	}
	return nil
}

// Prepare makes the namespace and its search attributes where they are missing.
func Prepare(ctx context.Context, c client.Client, namespace string, attributes map[string]enumspb.IndexedValueType) error {
	_, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		// Temporal Cloud makes namespaces in its own console only; one that is there will do.
		if checked := Check(ctx, c, namespace); errors.Is(checked, errNoNamespace) {
			return fmt.Errorf("make namespace %q: %w", namespace, err)
		} else if checked != nil {
			return checked
		}
	}
	return addSearchAttributes(ctx, c, namespace, attributes)
}

func addSearchAttributes(ctx context.Context, c client.Client, namespace string, attributes map[string]enumspb.IndexedValueType) error {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list the search attributes of namespace %q: %w", namespace, err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range attributes {
		if _, ok := have.CustomAttributes[name]; !ok {
			missing[name] = kind
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: missing,
	})
	if err != nil {
		return fmt.Errorf("add search attributes to namespace %q: %w", namespace, err)
	}
	return nil
}
