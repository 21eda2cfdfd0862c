package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestServer(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "addresses.json")
	inst := startTest(t, options{addressesFile: file, searchAttributes: searchAttributes()})

	t.Run("the addresses file names the running server", func(t *testing.T) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var written addresses
		require.NoError(t, json.Unmarshal(content, &written))
		require.Equal(t, inst.addresses, written)
		require.Equal(t, os.Getpid(), written.PID)
	})

	t.Run("the UI shows the workflows page", func(t *testing.T) {
		status, body := get(t, inst.addresses.UIURL+"/namespaces/default/workflows")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, "<html")
	})

	t.Run("the UI does not look for news or new versions", func(t *testing.T) {
		status, body := get(t, inst.addresses.UIURL+"/api/v1/settings")
		require.Equal(t, http.StatusOK, status)
		var settings struct {
			DisableNewsFetch   bool
			NotifyOnNewVersion bool
		}
		require.NoError(t, json.Unmarshal([]byte(body), &settings))
		require.True(t, settings.DisableNewsFetch)
		require.False(t, settings.NotifyOnNewVersion)
	})

	t.Run("the namespace has the search attributes and a week of retention", func(t *testing.T) {
		require.Equal(t, searchAttributes(), listed(t, inst))

		conn := dial(t, inst)
		resp, err := workflowservice.NewWorkflowServiceClient(conn).DescribeNamespace(t.Context(),
			&workflowservice.DescribeNamespaceRequest{Namespace: "default"})
		require.NoError(t, err)
		require.Equal(t, 7*24*time.Hour, resp.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	})
}

func TestServerAddsMissingSearchAttributes(t *testing.T) {
	t.Parallel()

	db := filepath.Join(t.TempDir(), "state", "temporal.db")
	older := attributes{"HandoffInbox": enumspb.INDEXED_VALUE_TYPE_KEYWORD}

	first, err := start(t.Context(), testOptions(options{db: db, headless: true, searchAttributes: older}))
	require.NoError(t, err)
	require.Equal(t, older, listed(t, first))
	require.Empty(t, first.addresses.UIURL)
	require.NoError(t, first.stop())

	second := startTest(t, options{db: db, headless: true, searchAttributes: searchAttributes()})
	require.Equal(t, searchAttributes(), listed(t, second))
}

func TestDatabaseFile(t *testing.T) {
	t.Parallel()

	t.Run("a second server is kept out", func(t *testing.T) {
		t.Parallel()
		db := filepath.Join(t.TempDir(), "temporal.db")
		unlock, err := lockDatabase(db)
		require.NoError(t, err)
		defer unlock()

		_, err = start(t.Context(), testOptions(options{db: db, headless: true}))
		require.ErrorContains(t, err, "in use by another handoff-devserver")
	})

	t.Run("a file of another server version is refused", func(t *testing.T) {
		t.Parallel()
		db := filepath.Join(t.TempDir(), "temporal.db")
		header := make([]byte, 100)
		header[userVersionOffset] = 1
		require.NoError(t, os.WriteFile(db, header, 0o600))

		err := prepareFile(db)
		require.ErrorContains(t, err, "another version of the Temporal server")
	})

	t.Run("something that is no database is refused", func(t *testing.T) {
		t.Parallel()
		db := filepath.Join(t.TempDir(), "temporal.db")
		require.NoError(t, os.WriteFile(db, []byte("hello"), 0o600))
		require.ErrorContains(t, prepareFile(db), "not a SQLite database")
	})

	t.Run("an unfinished creation is replaced", func(t *testing.T) {
		t.Parallel()
		db := filepath.Join(t.TempDir(), "temporal.db")
		require.NoError(t, os.WriteFile(db+".new", []byte("half"), 0o600))
		require.NoError(t, prepareFile(db))

		version, err := userVersion(db)
		require.NoError(t, err)
		require.Equal(t, schemaMark(), version)
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()

	opts, err := parseOptions([]string{"--db", "x.db", "--ui-port", "0", "--headless"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, options{
		db: "x.db", grpcPort: 7233, headless: true, logLevel: "warn", namespace: "default", searchAttributes: searchAttributes(),
	}, opts)

	_, err = parseOptions([]string{"serve"}, io.Discard)
	require.ErrorContains(t, err, `unexpected argument "serve"`)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()

	taken, err := listen(0)
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()

	_, err = choosePorts(options{grpcPort: taken.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "--grpc-port")
	require.ErrorContains(t, err, "pass another port")
}

func testOptions(opts options) options {
	opts.logLevel = "error"
	opts.namespace = "default"
	return opts
}

func startTest(t *testing.T, opts options) *instance {
	t.Helper()
	inst, err := start(t.Context(), testOptions(opts))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, inst.stop()) })
	return inst
}

func dial(t *testing.T, inst *instance) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(inst.addresses.GRPCAddress, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func listed(t *testing.T, inst *instance) attributes {
	t.Helper()
	resp, err := operatorservice.NewOperatorServiceClient(dial(t, inst)).ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(t, err)
	return resp.GetCustomAttributes()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}
