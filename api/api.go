package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/cors"

	"handoff"
	"handoff/db"
	"handoff/internal/admin"
	"handoff/internal/feed"
	"handoff/internal/graph"
	"handoff/internal/health"
	"handoff/internal/mediastore"
	"handoff/internal/secretbox"
	"handoff/internal/signin"
	"handoff/workflows"
)

// Commands changes conversations by their workflows. Its errors are of the handoff.Error vocabulary.
type Commands interface {
	Update(context.Context, workflows.ConversationInput, workflows.Input) error
	// TestWebhook sends one delivery that belongs to no conversation.
	TestWebhook(context.Context, workflows.WebhookTestInput) error
}

// Waker tells a contact's workflow that there is something to apply. It never blocks: what it loses, the sweep finds.
type Waker interface {
	Wake(db.Wake)
	// Accepting says that a request is being accepted, until done is called: waking conversations gives way to it.
	Accepting() (done func())
}

// Box seals secrets at rest.
type Box interface {
	Seal(plaintext []byte, place secretbox.AssociatedData) ([]byte, error)
	Open(sealed []byte, place secretbox.AssociatedData) ([]byte, error)
}

// Deps is what the API works with. Every field without a word on its absence is required.
type Deps struct {
	DB       db.DB
	Commands Commands
	Waker    Waker
	Box      Box
	// CheckURL says whether webhooks may be sent to a URL; its error is shown to the tenant.
	CheckURL func(string) error
	// CheckHeaders says whether a tenant may have these headers sent with webhooks.
	CheckHeaders func(map[string]string) error
	// CheckInbox asks Meta whether an inbox can work, and CheckReach whether anything answers at a URL; nothing is asked if they are absent.
	CheckInbox func(ctx context.Context, token, wabaID, phoneNumberID string) ([]graph.CheckResult, graph.NumberInfo, error)
	CheckReach func(ctx context.Context, url string) error
	// CheckIssuer asks whether an OpenID Connect issuer can be discovered; nothing is asked if it is absent.
	CheckIssuer func(ctx context.Context, issuer string) error
	Log         *slog.Logger
	// Store keeps the files of messages.
	Store *mediastore.Store
	// Links makes the public link by which a gateway or Meta fetches a file. Agents cannot send files of ours if absent.
	Links func(account, media handoff.ID, at time.Time) (string, error)
	// Typing shows a contact that somebody is writing, as the answer to a message of theirs. Nothing is shown if absent.
	Typing func(ctx context.Context, token, phoneNumberID, wamid string) error
	// PublicURL is where this API is reached, for links that agents' clients open; these are without a host if absent.
	PublicURL string
	// Ready makes the checks of /readyz.
	Ready func(context.Context) health.Ready
	// Observe is told what is served; nobody is if absent.
	Observe Observer
	// Now is the clock; time.Now if absent.
	Now func() time.Time
	// UIBaseURL is where the Temporal UI is, for links; no links if absent.
	UIBaseURL string
	// Namespace is Temporal's, for links; "default" if absent.
	Namespace string
	// GraphURL is where Meta's Graph API is, as endpoints show it; its public address if absent.
	GraphURL string
	// Version of the server, for the reference; "dev" if absent.
	Version string
	// SendWait is how long a message that is passed through to Meta waits for Meta's answer; 10 s if absent.
	SendWait time.Duration
	// Feed hands events to streams, once it runs. There are no streams if absent.
	Feed *feed.Hub
	// Streams says how they behave.
	Streams Streams
	// SignIn checks the tokens of agents who sign in. Only keys are taken if it is absent.
	SignIn *signin.Verifier
	// Limits are how many requests are answered; none if absent.
	Limits Limits
	// Origins are those whose pages may call the API from a browser, such as https://inbox.example.com; none if absent.
	Origins []string
	// TrustedProxies are believed in what they say of the client: X-Forwarded-For and X-Forwarded-Proto. Nobody is if absent.
	TrustedProxies []netip.Prefix
}

func (d *Deps) validate() error {
	var missing []string
	for _, field := range []struct {
		name   string
		absent bool
	}{
		{"Box", d.Box == nil},
		{"CheckHeaders", d.CheckHeaders == nil},
		{"CheckURL", d.CheckURL == nil},
		{"Commands", d.Commands == nil},
		{"DB", d.DB == nil},
		{"Log", d.Log == nil},
		{"Ready", d.Ready == nil},
		{"Store", d.Store == nil},
		{"Waker", d.Waker == nil},
	} {
		if field.absent {
			missing = append(missing, field.name)
		}
	}
	if len(missing) > 0 {
		return errors.New("api.Deps lacks " + strings.Join(missing, ", "))
	}
	return nil
}

func (d *Deps) setDefaults() {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Observe == nil {
		d.Observe = unobserved{}
	}
	if d.Namespace == "" {
		d.Namespace = "default"
	}
	if d.Version == "" {
		d.Version = "dev"
	}
	if d.SendWait <= 0 {
		d.SendWait = defaultSendWait
	}
	d.UIBaseURL = strings.TrimSuffix(d.UIBaseURL, "/")
}

// server is the API at work.
type server struct {
	Deps
	engine   *gin.Engine
	huma     huma.API
	routes   map[string]route
	keys     *keyCache
	inflight *turns[handoff.ID]
	repeats  *turns[string]
	typed    typed
	limits   *limiter
	cors     *cors.Cors
	people   *lru.Cache[tokenHash, person]
	epoch    atomic.Int64 // grows when what is known of people may be wrong
}

// New builds the API.
func New(deps Deps) (http.Handler, error) {
	if err := deps.validate(); err != nil {
		return nil, err
	}
	s, err := build(deps)
	if err != nil {
		return nil, err
	}
	return s.engine, nil
}

// Server is an http.Server for the API, with limits on how long a client may take: net/http sets none by itself.
func Server(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
	}
}

// configure sets what gin and Huma keep in package variables.
var configure = sync.OnceFunc(func() {
	gin.SetMode(gin.ReleaseMode)
	huma.DefaultArrayNullable = false
	huma.NewError = newHumaError
	huma.NewErrorWithContext = newHumaErrorWithContext
})

func build(deps Deps) (*server, error) {
	configure()
	deps.setDefaults()
	s := &server{
		Deps: deps, engine: gin.New(), routes: map[string]route{}, inflight: newTurns[handoff.ID](maxInflight), repeats: newTurns[string](1),
	}
	s.keys = newKeyCache(deps.DB, deps.Now)
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	if err := s.trustProxies(); err != nil {
		return nil, err
	}
	var err error
	if s.cors, err = newCORS(deps.Origins); err != nil {
		return nil, err
	}
	s.limits = newLimiter(deps.Limits)
	if s.people, err = lru.New[tokenHash, person](maxCachedKeys); err != nil {
		return nil, err
	}
	s.engine.Use(s.requestID, s.secure, s.logRequest, s.recoverPanic, s.crossOrigin, s.authorize, s.guard, s.readBody, s.limitTime, s.idempotency)
	s.engine.NoRoute(func(c *gin.Context) { s.refuse(c, errNoRoute()) })
	s.engine.NoMethod(func(c *gin.Context) { s.refuse(c, errNoMethod(c.Request.Method)) })
	s.huma = humagin.New(s.engine, humaConfig(deps.Version))
	s.declareRoutes()
	s.serveReference()
	return s, nil
}

func (s *server) declareRoutes() {
	for _, declare := range []func(){
		s.intakeRoutes, s.sampleRoutes, s.receiptRoutes,
		s.meRoutes, s.conversationRoutes, s.controlRoutes, s.resolveRoutes, s.timerRoutes, s.ownerRoutes, s.scheduledRoutes, s.startRoutes, s.messageRoutes, s.mediaRoutes, s.eventRoutes, s.streamRoutes, s.noteRoutes, s.deskRoutes, s.transcriptRoutes, s.exportRoutes,
		s.inboxRoutes, s.endpointRoutes, s.endpointHealthRoute, s.agentRoutes, s.keyRoutes, s.deliveryRoutes, s.ledgerRoutes,
		s.auditRoutes, s.signInRoutes, s.healthRoutes, s.searchRoutes, s.viewRoutes, s.erasureRoutes, s.contactExportRoutes,
	} {
		declare()
	}
}

// admin works on the request's transaction, if it has one.
func (s *server) admin(ctx context.Context) admin.Admin {
	return admin.Admin{
		DB: s.db(ctx), Box: s.Box, CheckURL: s.CheckURL, CheckHeaders: s.CheckHeaders, Check: s.CheckInbox, Reach: s.CheckReach, Issuer: s.CheckIssuer,
		GraphURL: s.GraphURL,
		Now:      s.Now, Audit: auditOf(ctx),
	}
}
