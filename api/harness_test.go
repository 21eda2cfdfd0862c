package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/api"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/admin"
	"handoff/internal/contract"
	"handoff/internal/fixture"
	"handoff/internal/health"
	"handoff/internal/outbound"
	"handoff/internal/testenv"
	"handoff/workflows"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is an account with keys of every scope, and the API over it.
type world struct {
	*fixture.World
	handler           http.Handler
	deps              api.Deps
	commands          *commands
	waker             *waker
	log               *syncBuffer
	gateway, ana, adm string
	ben, stranger     string // stranger is an admin of another account
	strangerAgent     string
	strangerGateway   string
	strangerWorld     *fixture.World
	poster            *outbound.Client
	activities        *activities.Activities
	readiness         map[string]error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	pool := dbtest.Pool(t)
	w := &world{World: fixture.New(t, pool), waker: &waker{}, log: &syncBuffer{}, readiness: map[string]error{"database": nil}}
	w.strangerWorld = fixture.New(t, pool)
	w.poster = outbound.NewClient(outbound.Config{AllowLoopback: true})
	t.Cleanup(w.poster.Close)
	w.activities = w.Activities(t, time.Now)
	w.commands = &commands{world: w}
	w.adm = w.key(t, w.World, handoff.ScopeAdmin, nil)
	w.gateway = w.key(t, w.World, handoff.ScopeGateway, nil)
	w.ana = w.key(t, w.World, handoff.ScopeAgent, w.Ana.AgentID())
	w.ben = w.key(t, w.World, handoff.ScopeAgent, w.Ben.AgentID())
	w.stranger = w.key(t, w.strangerWorld, handoff.ScopeAdmin, nil)
	w.strangerAgent = w.key(t, w.strangerWorld, handoff.ScopeAgent, w.strangerWorld.Ana.AgentID())
	w.strangerGateway = w.key(t, w.strangerWorld, handoff.ScopeGateway, nil)
	w.deps = api.Deps{
		DB: pool, Commands: w.commands, Waker: w.waker, Box: w.Box, CheckURL: w.poster.CheckURL, CheckHeaders: outbound.CheckHeaders,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)), UIBaseURL: "http://127.0.0.1:8233/",
		Ready: func(context.Context) health.Ready { return health.Of(w.readiness) }, Store: w.activities.Store,
	}
	w.serve(t)
	return w
}

// serve builds the API over what w has.
func (w *world) serve(t *testing.T) {
	t.Helper()
	handler, err := api.New(w.deps)
	require.NoError(t, err)
	w.handler = checked(t, handler)
}

func (w *world) admin() admin.Admin {
	return admin.Admin{DB: w.DB, Box: w.Box, CheckURL: w.poster.CheckURL, CheckHeaders: outbound.CheckHeaders}
}

func (w *world) key(t *testing.T, of *fixture.World, scope handoff.Scope, agent *handoff.ID) string {
	t.Helper()
	a := admin.Admin{DB: of.DB, Box: of.Box}
	_, text, err := a.CreateKey(context.Background(), of.Account.ID, admin.NewKey{Name: string(scope), Scope: scope, AgentID: agent})
	require.NoError(t, err)
	return text
}

// conversation opens one by a message of phone.
func (w *world) conversation(t *testing.T, phone string) dbsqlc.Conversation {
	t.Helper()
	return w.conversationOf(t, w.World, phone)
}

func (w *world) conversationOf(t *testing.T, of *fixture.World, phone string) dbsqlc.Conversation {
	t.Helper()
	accepted := of.Accept(t, of.Body(phone, "Hello"), time.Now())
	wake := accepted.Wakes[0]
	snapshot, err := w.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{
		Ref: workflows.NewConversationInput(wake.AccountID, wake.InboxID, wake.ContactID).Ref, Now: time.Now(),
	})
	require.NoError(t, err)
	row, err := dbsqlc.New(w.DB).ConversationGet(context.Background(), dbsqlc.ConversationGetParams{
		AccountID: wake.AccountID, ID: snapshot.Conversation.ID,
	})
	require.NoError(t, err)
	return row
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// answer is a response that agrees with the OpenAPI document.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// field is the value at a dotted path of the body, nil where there is none.
func (a answer) field(path string) any {
	a.t.Helper()
	var v any
	require.NoError(a.t, json.Unmarshal(a.body, &v), string(a.body))
	for part := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[part]
		case []any:
			var i int
			_, err := fmt.Sscan(part, &i)
			require.NoError(a.t, err)
			if i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(path string) string {
	a.t.Helper()
	s, _ := a.field(path).(string)
	return s
}

func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, string(a.body))
	return a
}

// refused checks a problem document.
func (a answer) refused(status int, code handoff.Code) answer {
	a.t.Helper()
	a.is(status)
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(a.t, string(code), a.text("code"))
	require.Equal(a.t, "/problems/"+string(code), a.text("type"))
	require.Equal(a.t, a.header.Get("X-Request-Id"), a.text("request_id"))
	require.NotEmpty(a.t, a.text("detail"))
	return a
}

// do sends a request, with headers as pairs, to an API whose answers are checked.
func (w *world) do(t *testing.T, method, path, key string, body any, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	case []byte:
		reader = bytes.NewReader(body)
	default:
		encoded, err := json.Marshal(body)
		require.NoError(t, err)
		reader = bytes.NewReader(encoded)
	}
	request := httptest.NewRequest(method, path, reader)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	return answer{t: t, status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
}

// checked is an API whose every answer is compared with the OpenAPI document, whichever way a test asks.
func checked(t *testing.T, handler http.Handler) http.Handler {
	t.Helper()
	document, err := contract.Shared()
	require.NoError(t, err)
	return contract.Handler{API: handler, Document: document, Report: func(err error) { t.Error(err) }}
}
