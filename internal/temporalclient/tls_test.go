package temporalclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"handoff/internal/temporalclient"
	"handoff/internal/testenv"
)

// proxy ends TLS in front of backend, as a service mesh or Temporal Cloud does, and returns its address. It asks clients for a
// certificate of the authority.
func proxy(t *testing.T, a *authority, name, backend string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.sign(t, name))
	require.NoError(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"h2"},
	})
	require.NoError(t, err)
	var open sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); open.Wait() })
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { join(client, backend) })
		}
	})
	return listener.Addr().String()
}

// join copies both ways until one side ends.
func join(client net.Conn, backend string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
	_, _ = io.Copy(client, server)
	_ = server.Close()
}

// reach dials as serve does and asks for the namespace.
func reach(t *testing.T, config temporalclient.Config, within time.Duration) error {
	t.Helper()
	config.Namespace, config.Log = "default", slog.New(slog.DiscardHandler)
	c, err := temporalclient.Dial(config)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return temporalclient.Check(ctx, c, "default")
}

func TestAWorkerReachesATemporalThatAsksForItsCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	address := proxy(t, a, "temporal.test", testenv.Temporal(t))
	cert, key := a.sign(t, "worker.test")
	mutual := temporalclient.TLS{CAFile: a.file, CertFile: cert, KeyFile: key}
	require.NoError(t, reach(t, temporalclient.Config{Address: address, TLS: mutual}, time.Minute))

	t.Run("by a target that leaves out the name server", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, reach(t, temporalclient.Config{Address: "passthrough:///" + address, TLS: mutual}, time.Minute))
	})
	t.Run("by another name than its certificate's", func(t *testing.T) {
		t.Parallel()
		named := mutual
		named.ServerName = "temporal.test"
		require.NoError(t, reach(t, temporalclient.Config{Address: address, TLS: named}, time.Minute))
		named.ServerName = "elsewhere.test"
		require.Error(t, reach(t, temporalclient.Config{Address: address, TLS: named}, 3*time.Second))
	})
	t.Run("not without a certificate", func(t *testing.T) {
		t.Parallel()
		require.Error(t, reach(t, temporalclient.Config{Address: address, TLS: temporalclient.TLS{CAFile: a.file}}, 3*time.Second))
	})
	t.Run("not with somebody else's", func(t *testing.T) {
		t.Parallel()
		cert, key := newAuthority(t).sign(t, "worker.test")
		require.Error(t, reach(t, temporalclient.Config{Address: address, TLS: temporalclient.TLS{CAFile: a.file, CertFile: cert, KeyFile: key}}, 3*time.Second))
	})
	t.Run("not without TLS", func(t *testing.T) {
		t.Parallel()
		require.Error(t, reach(t, temporalclient.Config{Address: address}, 3*time.Second))
	})
}

func TestATargetWithoutANameServerIsReachedWithoutTLS(t *testing.T) {
	t.Parallel()
	require.NoError(t, reach(t, temporalclient.Config{Address: "passthrough:///" + testenv.Temporal(t)}, time.Minute))
}

// frontend answers for a namespace and keeps what it was shown.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	authorization chan []string
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (f *frontend) DescribeNamespace(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	shown, _ := metadata.FromIncomingContext(ctx)
	f.authorization <- shown.Get("authorization")
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func TestAnAPIKeyIsShownAndTurnsTLSOn(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fake := &frontend{authorization: make(chan []string, 1)}
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, fake)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	address, off := listener.Addr().String(), false

	require.Error(t, reach(t, temporalclient.Config{Address: address, APIKey: "k-1"}, 3*time.Second), "the server speaks no TLS")
	require.Empty(t, fake.authorization)
	require.NoError(t, reach(t, temporalclient.Config{Address: address, APIKey: "k-1", TLS: temporalclient.TLS{Enabled: &off}}, time.Minute))
	require.Equal(t, []string{"Bearer k-1"}, <-fake.authorization)
}

func TestTLSThatCannotWorkIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert, key := a.sign(t, "worker.test")
	empty := a.dir + "/empty.pem"
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	off := false
	for _, c := range []struct {
		name string
		tls  temporalclient.TLS
		says string
	}{
		{"a certificate without its key", temporalclient.TLS{CertFile: cert}, "give both"},
		{"a key without its certificate", temporalclient.TLS{KeyFile: key}, "give both"},
		{"a key of another certificate", temporalclient.TLS{CertFile: a.file, KeyFile: key}, "TEMPORAL_TLS_CLIENT_KEY_PATH"},
		{"a file that is not there", temporalclient.TLS{CAFile: a.dir + "/none.pem"}, "TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		{"a file without a certificate", temporalclient.TLS{CAFile: empty}, "no certificate in PEM"},
		{"files, and TLS turned off", temporalclient.TLS{Enabled: &off, CAFile: a.file}, "leave out one or the other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := temporalclient.Dial(temporalclient.Config{Address: "127.0.0.1:1", TLS: c.tls, Log: slog.New(slog.DiscardHandler)})
			require.ErrorContains(t, err, c.says)
		})
	}
}

// TestARenewedCertificateIsUsedByTheNextConnection: short-lived certificates are replaced in place, and nobody restarts a worker for it.
func TestARenewedCertificateIsUsedByTheNextConnection(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	address := proxy(t, a, "temporal.test", testenv.Temporal(t))
	cert, key := newAuthority(t).sign(t, "worker.test")
	c, err := temporalclient.Dial(temporalclient.Config{
		Address: address, Namespace: "default", TLS: temporalclient.TLS{CAFile: a.file, CertFile: cert, KeyFile: key}, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer c.Close()
	check := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return temporalclient.Check(ctx, c, "default")
	}
	require.Error(t, check(time.Second), "its authority is not the server's")
	renewedCert, renewedKey := a.sign(t, "worker.test")
	require.NoError(t, os.Rename(renewedCert, cert))
	require.NoError(t, os.Rename(renewedKey, key))
	require.Eventually(t, func() bool { return check(time.Minute) == nil }, 2*time.Minute, 100*time.Millisecond, "gRPC connects anew, after a moment")
}
