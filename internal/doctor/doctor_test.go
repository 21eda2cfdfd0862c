package doctor_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/grpc"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/doctor"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
	"handoff/internal/temporalclient"
	"handoff/internal/testenv"
	"handoff/internal/workflowclient"
	"handoff/worker"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// deployment is one that is well: database, Temporal namespace, worker, receiver, Meta and API.
type deployment struct {
	*testing.T
	*fixture.World
	pool   *pgxpool.Pool
	config doctor.Config
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	pool := dbtest.Pool(t)
	d := &deployment{T: t, World: fixture.New(t, pool), pool: pool}
	id := handoff.NewID().String()
	namespace, address := "doctor-"+id, testenv.Temporal(t)
	attributes := map[string]enumspb.IndexedValueType{"HandoffStatus": enumspb.INDEXED_VALUE_TYPE_KEYWORD}
	dial := temporalTo(address, namespace)
	temporal, err := dial()
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	require.NoError(t, temporalclient.Prepare(t.Context(), temporal, namespace, attributes))
	schedule := workflowclient.Schedule{ID: "doctors", Workflow: "NobodyRunsIt", Every: 24 * time.Hour, For: "is a test"}
	require.Eventually(t, func() bool { // a new namespace is known everywhere after a moment
		return workflowclient.New(temporal).EnsureSchedule(t.Context(), schedule) == nil
	}, time.Minute, 100*time.Millisecond)
	w := sdkworker.New(temporal, "doctor", sdkworker.Options{})
	worker.RegisterWorkflows(w)
	worker.RegisterActivities(w, d.Activities(t, time.Now))
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	inbox := d.AddInbox(t, handoff.ProtocolKapso)
	meta := fakegraph.New(time.Now)
	meta.AddNumber(inbox.WABAID, inbox.PhoneNumberID, "+34 910 00 00 00")
	meta.Token(fixture.AccessToken, true)
	serve := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"ok","checks":{"database":{"state":"ok"},"temporal":{"state":"ok"}}}`))
	}))
	t.Cleanup(serve.Close)
	d.Exec(t, "INSERT INTO ledger_marks (name, through, looked_at) VALUES ('events', gen_random_uuid(), now())")
	url := pool.Config().ConnString()
	d.config = doctor.Config{
		DatabaseURL: url,
		Pool:        func(ctx context.Context) (*pgxpool.Pool, error) { return db.Open(ctx, url, 3) },
		Migrated:    func(ctx context.Context) (bool, error) { return db.Migrated(ctx, url) },
		Connect:     func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, url) },
		Box:         func() (*secretbox.Box, error) { return d.Box, nil },
		Outbound:    func() (*outbound.Client, error) { return outbound.NewClient(outbound.Config{AllowLoopback: true}), nil },
		Graph:       d.meta(meta),
		Temporal:    dial, TemporalAddress: address, Namespace: namespace, TaskQueue: "doctor", Deployment: worker.Deployment, Attributes: attributes,
		Schedules: []workflowclient.Schedule{schedule},
		Store: func(ctx context.Context) (*mediastore.Store, error) {
			return mediastore.Open(ctx, "file://"+t.TempDir())
		},
		PublicURL: serve.URL, Now: time.Now,
	}
	return d
}

func (d *deployment) meta(g *fakegraph.Graph) func(*outbound.Client) *graph.Client {
	d.Helper()
	server := httptest.NewServer(g)
	d.Cleanup(server.Close)
	return func(poster *outbound.Client) *graph.Client {
		return graph.New(graph.Config{BaseURL: server.URL, HTTP: poster})
	}
}

func temporalTo(address, namespace string) func() (client.Client, error) {
	return func() (client.Client, error) {
		return temporalclient.Dial(temporalclient.Config{Address: address, Namespace: namespace, Log: slog.New(slog.DiscardHandler)})
	}
}

// older is a server that does not say that it ends the polls of workers that stop.
type older struct{ client.Client }

func (o older) WorkflowService() workflowservice.WorkflowServiceClient {
	return olderService{o.Client.WorkflowService()}
}

type olderService struct {
	workflowservice.WorkflowServiceClient
}

func (o olderService) DescribeNamespace(
	ctx context.Context, in *workflowservice.DescribeNamespaceRequest, options ...grpc.CallOption,
) (*workflowservice.DescribeNamespaceResponse, error) {
	out, err := o.WorkflowServiceClient.DescribeNamespace(ctx, in, options...)
	if out.GetNamespaceInfo().GetCapabilities() != nil {
		out.NamespaceInfo.Capabilities.WorkerPollCompleteOnShutdown = false
	}
	return out, err
}

// of are the findings of one check.
func of(r doctor.Report, check string) []doctor.Finding {
	var out []doctor.Finding
	for _, f := range r.Findings {
		if f.Check == check {
			out = append(out, f)
		}
	}
	return out
}

func TestWhatIsWellIsFoundWell(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	report := doctor.Examine(t.Context(), d.config)
	for _, f := range report.Findings {
		require.Equal(t, doctor.OK, f.Status, "%+v", f)
		require.Empty(t, f.Cure)
	}
	require.Equal(t, doctor.OK, report.Status)
	require.Len(t, report.Findings, len(doctor.Checks()))
	require.Empty(t, d.Gateway.Requests(), "tenants' receivers are sent nothing")
	require.Positive(t, d.Gateway.Probes())

	d.config.SendTest = &d.Endpoint.ID
	sent := of(doctor.Examine(t.Context(), d.config), "test_event")
	require.Equal(t, doctor.OK, sent[0].Status, sent[0])
	require.Len(t, d.Gateway.Requests(), 1)
	request := d.Gateway.Requests()[0]
	require.NoError(t, signature.Verify(request.Header, []byte(request.Body), time.Now(), d.Gateway.Secret))
	require.Contains(t, request.Body, "conversation_resolved")
	require.Equal(t, "conversation_resolved", request.Header.Get("Handoff-Event"))

	// A receiver that was written for Aksita verifies Aksita's signature.
	endpoint := d.AddRawEndpoint(t, d.AddInbox(t, handoff.ProtocolAksita), d.Gateway)
	sealed, err := d.Box.Seal([]byte("theirs"), secretbox.VendorSecret(endpoint.AccountID, endpoint.ID))
	require.NoError(t, err)
	d.Exec(t, "UPDATE endpoints SET vendor_secret = $2 WHERE id = $1", endpoint.ID, sealed)
	d.config.SendTest = &endpoint.ID
	sent = of(doctor.Examine(t.Context(), d.config), "test_event")
	require.Equal(t, doctor.OK, sent[0].Status, sent[0])
	request = d.Gateway.Requests()[1]
	require.NoError(t, signature.VerifyHex("theirs", []byte(request.Body), request.Header.Get(signature.HeaderHex)))

	d.Gateway.Answer(func(int) (int, string) { return http.StatusUnauthorized, "" })
	sent = of(doctor.Examine(t.Context(), d.config), "test_event")
	require.Equal(t, doctor.Failed, sent[0].Status)
	require.Contains(t, sent[0].Cause, "another secret")
	require.Contains(t, sent[0].Cure, "rotate")
}

func TestEachIllIsNamedWithItsCure(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	otherBox := func() (*secretbox.Box, error) {
		keyset, err := secretbox.GenerateKeyset()
		if err != nil {
			return nil, err
		}
		return secretbox.New(keyset)
	}
	otherURL := dbtest.Pool(t).Config().ConnString()
	moved := dbtest.Pool(t)
	_, err := moved.Exec(t.Context(), "UPDATE feed_clusters SET cluster = 'lost'")
	require.NoError(t, err)
	notHandoff := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(notHandoff.Close)
	silent := silentName(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, ill := range map[string]struct {
		change             func(*doctor.Config)
		check              string
		status             doctor.Status
		says, cause, cures string
	}{
		"no key set": {func(c *doctor.Config) {
			c.Box = func() (*secretbox.Box, error) { return nil, fmt.Errorf("HANDOFF_KEYSET is missing") }
		}, "key_set", doctor.Failed, "HANDOFF_KEYSET", "", "handoff keyset"},
		"another key set": {func(c *doctor.Config) { c.Box = otherBox }, "secrets", doctor.Failed, "endpoints.secret of " + d.Endpoint.ID.String(), "another deployment's", "rotate"},
		"no database": {func(c *doctor.Config) {
			c.Pool = func(ctx context.Context) (*pgxpool.Pool, error) {
				return db.Open(ctx, "postgres://127.0.0.1:1/handoff", 1)
			}
		}, "database", doctor.Failed, "PostgreSQL cannot be used", "", "DATABASE_URL"},
		"a database that is not there": {func(c *doctor.Config) {
			c.Pool = func(ctx context.Context) (*pgxpool.Pool, error) {
				return db.Open(ctx, withDatabase(t, c.DatabaseURL, "nowhere"), 1)
			}
		}, "database", doctor.Failed, "does not exist", "no database of this name", "CREATE DATABASE"},
		"a pooler that refuses settings": {func(c *doctor.Config) {
			c.Pool = func(context.Context) (*pgxpool.Pool, error) {
				return nil, &pgconn.PgError{Code: "08P01", Message: "unsupported startup parameter: statement_timeout"} // PgBouncer's words
			}
		}, "database", doctor.Failed, "unsupported startup parameter", "does not work", "PostgreSQL itself"},
		"statements of other connections": {func(c *doctor.Config) {
			c.Migrated = func(context.Context) (bool, error) {
				return false, &pgconn.PgError{Code: "42P05", Message: `prepared statement "stmtcache_1" already exists`}
			}
		}, "database_schema", doctor.Failed, "already exists", "transaction mode", "PostgreSQL itself"},
		"a cluster that was promoted": {func(c *doctor.Config) {
			c.Pool = func(ctx context.Context) (*pgxpool.Pool, error) { return db.Open(ctx, moved.Config().ConnString(), 2) }
		}, "database_schema", doctor.Warning, "another cluster", "cursors", "handoff migrate"},
		"large pools": {func(c *doctor.Config) {
			c.Pool = func(ctx context.Context) (*pgxpool.Pool, error) { return db.Open(ctx, c.DatabaseURL, 5000) }
		}, "database_connections", doctor.Warning, "5000", "", "HANDOFF_DB_CONNECTIONS"},
		"notifications are dropped": {func(c *doctor.Config) {
			c.Connect = func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, otherURL) }
			c.Patience = 5 * time.Second
		}, "database_notify", doctor.Failed, "did not get through", "PgBouncer", "session mode"},
		"a clock ahead":        {clock(10 * time.Minute), "database_clock", doctor.Failed, "ahead of that of PostgreSQL", "NTP", "chrony"},
		"a clock a bit behind": {clock(-20 * time.Second), "database_clock", doctor.Warning, "behind that of PostgreSQL", "NTP", "chrony"},
		"Temporal's clock":     {clock(-10 * time.Minute), "temporal_clock", doctor.Failed, "behind that of Temporal", "NTP", "chrony"},
		"a wrong port": {func(c *doctor.Config) {
			c.TemporalAddress, c.Patience = "127.0.0.1:1", 5*time.Second
			c.Temporal = temporalTo(c.TemporalAddress, c.Namespace)
		}, "temporal", doctor.Failed, "does not answer at 127.0.0.1:1", "", "7233"},
		"a name that does not resolve": {func(c *doctor.Config) {
			c.TemporalAddress, c.Patience = "temporal.invalid:7233", 5*time.Second
			c.Temporal = temporalTo(c.TemporalAddress, c.Namespace)
		}, "temporal", doctor.Failed, "temporal.invalid", "name server", "passthrough:///temporal.invalid:7233"},
		"a name at which nothing answers in time": {func(c *doctor.Config) {
			c.TemporalAddress, c.Patience = silent, 2*time.Second
			c.Temporal = temporalTo(c.TemporalAddress, c.Namespace)
		}, "temporal", doctor.Failed, "does not answer at " + silent, "Docker's", "passthrough:///" + silent},
		"another namespace": {func(c *doctor.Config) {
			c.Namespace = "nowhere"
			c.Temporal = temporalTo(c.TemporalAddress, c.Namespace)
		}, "temporal_namespace", doctor.Failed, `no namespace "nowhere"`, "TEMPORAL_NAMESPACE", "handoff migrate"},
		"a search attribute less": {func(c *doctor.Config) {
			c.Attributes = map[string]enumspb.IndexedValueType{"HandoffNew": enumspb.INDEXED_VALUE_TYPE_KEYWORD}
		}, "temporal_search_attributes", doctor.Failed, "HandoffNew", "", "handoff migrate"},
		"a search attribute of another type": {func(c *doctor.Config) {
			c.Attributes = map[string]enumspb.IndexedValueType{"HandoffStatus": enumspb.INDEXED_VALUE_TYPE_INT}
		}, "temporal_search_attributes", doctor.Failed, "HandoffStatus is Keyword and not Int", "by hand", "handoff migrate"},
		"a schedule less": {func(c *doctor.Config) {
			c.Schedules = []workflowclient.Schedule{{ID: "missing", For: "does this"}}
		}, "temporal_schedules", doctor.Warning, "missing", "", "start a worker"},
		"a server that gives tasks to workers that stop": {func(c *doctor.Config) {
			dial := c.Temporal
			c.Temporal = func() (client.Client, error) {
				temporal, err := dial()
				return older{temporal}, err
			}
		}, "temporal_worker_stops", doctor.Warning, "commands then wait 5 s", "or the server is old", "frontend.enableCancelWorkerPollsOnShutdown"},
		"no worker": {func(c *doctor.Config) { c.TaskQueue = "nobodys" }, "workers", doctor.Failed, "no worker", "", "handoff worker"},
		"no folder for files": {func(c *doctor.Config) {
			c.Store = func(ctx context.Context) (*mediastore.Store, error) {
				return mediastore.Open(ctx, "file://"+file+"/media")
			}
		}, "media_store", doctor.Failed, "cannot be used", "", "HANDOFF_MEDIA_URL"},
		"no public address":         {func(c *doctor.Config) { c.PublicURL = "" }, "public_url", doctor.Warning, "not set", "", "set it"},
		"somebody else's address":   {func(c *doctor.Config) { c.PublicURL = notHandoff.URL }, "public_url", doctor.Failed, "no handoff (HTTP 404)", "another program", "HANDOFF_PUBLIC_URL"},
		"a token that Meta refuses": {func(c *doctor.Config) { c.Graph = d.meta(fakegraph.New(time.Now)) }, "inboxes", doctor.Failed, "kapso", "", "save the inbox again"},
		"an endpoint that is not there": {func(c *doctor.Config) {
			id := handoff.NewID()
			c.SendTest = &id
		}, "test_event", doctor.Failed, "no enabled webhook endpoint", "", "handoff endpoint list"},
	} {
		// One after the other: each has connections of its own, and the test run shares a server.
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // see above
			config := d.config
			ill.change(&config)
			report := doctor.Examine(t.Context(), config)
			found := of(report, ill.check)
			require.NotEmpty(t, found)
			require.Equal(t, ill.status, found[0].Status, found[0])
			require.Contains(t, found[0].Says, ill.says)
			require.Contains(t, found[0].Cause, ill.cause)
			require.Contains(t, found[0].Cure, ill.cures)
			text := fmt.Sprint(report)
			require.NotContains(t, text, fixture.AccessToken)
			require.NotContains(t, text, strings.TrimPrefix(d.Gateway.Secret.Reveal(), "whsec_"))
		})
	}
}

// silentName is a name and port at which connections are taken and nothing is said.
func silentName(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", ":0") //nolint:gosec // it has to be reached by the machine's name
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	name, err := os.Hostname()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return net.JoinHostPort(name, port)
}

func clock(ahead time.Duration) func(*doctor.Config) {
	return func(c *doctor.Config) { c.Now = func() time.Time { return time.Now().Add(ahead) } }
}

func withDatabase(t *testing.T, address, name string) string {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	require.NoError(t, err)
	return strings.Replace(address, "/"+config.Database, "/"+name, 1)
}

// behind takes the last migration off the list of those that are applied, until the test is over: another test may get the database.
func behind(d *deployment) {
	d.Helper()
	var version int64
	require.NoError(d, d.pool.QueryRow(d.Context(), `DELETE FROM goose_db_version
		WHERE version_id = (SELECT max(version_id) FROM goose_db_version) RETURNING version_id`).Scan(&version))
	d.Cleanup(func() {
		d.Exec(d.T, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)", version)
	})
}

// What is wrong in the rows.
func TestWhatTheRowsTell(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	d.Exec(t, "UPDATE endpoints SET url = 'http://127.0.0.1:1'")
	d.Accept(t, d.Body("447700900123", "Hello"), time.Now())
	d.Exec(t, "UPDATE wakes SET next_signal_at = now() - interval '5 minutes'")
	other := d.AddEndpoint(t, d.Gateway, "*")
	d.Exec(t, "UPDATE endpoints SET state = 'disabled', disabled_reason = 'gone' WHERE id = $1", other.ID)
	d.Exec(t, `INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, event_type, webhook_id, body, state, created_at)
		VALUES (gen_random_uuid(), $1, $2, $3, 'message.received', 'msg_1', '{}', 'held', now())`, d.Account.ID, other.ID, d.Inbox.ID)
	d.Exec(t, `INSERT INTO ledger_gaps (id, account_id, kind, subject, inbox_id, found_at) VALUES (gen_random_uuid(), $1, 'event_missing', 'x', $2, now())`,
		d.Account.ID, d.Inbox.ID)
	d.Exec(t, "UPDATE ledger_marks SET looked_at = now() - interval '2 hours'")
	behind(d)
	config := d.config
	report := doctor.Examine(t.Context(), config)
	schema := of(report, "database_schema")
	require.Equal(t, doctor.Failed, schema[0].Status)
	require.Contains(t, schema[0].Cure, "handoff migrate")
	for _, dependent := range []string{"secrets", "inboxes", "endpoints", "wakes", "ledger"} {
		skipped := of(report, dependent)
		require.Equal(t, doctor.Skipped, skipped[0].Status)
		require.Equal(t, "skipped because database_schema is not well", skipped[0].Says)
	}
	config.Migrated = func(context.Context) (bool, error) { return true, nil }
	report = doctor.Examine(t.Context(), config)
	require.Equal(t, doctor.Failed, report.Status)
	for check, want := range map[string]doctor.Finding{
		"endpoints":          {Status: doctor.Warning, Says: "127.0.0.1:1) cannot be reached", Cure: "/health"},
		"wakes":              {Status: doctor.Failed, Says: "1 contacts wait", Cure: "handoff serve"},
		"held_deliveries":    {Status: doctor.Warning, Says: "1 deliveries are held", Cure: "enable the endpoints"},
		"disabled_endpoints": {Status: doctor.Warning, Says: other.ID.String() + " (gone)", Cure: "--state enabled"},
		"ledger":             {Status: doctor.Failed, Says: "1 event_missing", Cure: "/v1/ledger/gaps?state=open"},
	} {
		found := of(report, check)
		require.NotEmpty(t, found, check)
		require.Equal(t, want.Status, found[0].Status, found[0])
		require.Contains(t, found[0].Says, want.Says)
		require.Contains(t, found[0].Cure, want.Cure)
	}
	require.Contains(t, of(report, "ledger")[1].Says, "the ledger looked 2h0m0s ago")
}
