package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"handoff"
)

const (
	maxBody       = 256 << 10
	maxInbound    = 4 << 20
	defaultLimit  = 50
	maxKeyLength  = 255
	publicScope   = handoff.Scope("") // no key needed
	idempotentDoc = "Makes the request safe to repeat: the same key with the same body has one effect and one answer, for eight days. A refusal is not kept. Keys are the account's, for each path: take random ones."
)

// route is what the middleware needs to know of a route.
type route struct {
	scope   handoff.Scope
	also    []handoff.Scope // other scopes that it takes
	maxBody int64
	// verbatim bodies are a vendor's: nothing is presumed about them.
	verbatim bool
	// stream leaves the body to the handler, to be read as it arrives, or lets it send a file: the request has no deadline as a whole.
	// Its Idempotency-Key then stands for the body's length and type.
	stream bool
	// atomic POSTs run in one transaction with their Idempotency-Key. Others change things outside the database, and pass the
	// command id of their key on.
	atomic bool
	// schemes of the Authorization header are taken beside Bearer: a vendor's clients send theirs.
	schemes []string
	// guarded routes have no key of ours, and something else to guess: who fails there too often has to wait.
	guarded bool
	// open tells that a 202 says how far the request has come by now: the same Idempotency-Key asks again, and does it no second time.
	open bool
}

func routeName(c *gin.Context) string { return c.Request.Method + " " + c.FullPath() }

// plain declares a route in plain gin.
func (s *server) plain(method, path string, r route, handler func(*gin.Context)) {
	s.routes[method+" "+path] = r
	s.engine.Handle(method, path, handler)
}

// operation declares a native JSON route.
type operation struct {
	id, method, path, summary, description, tag string
	scope                                       handoff.Scope
	also                                        []handoff.Scope // other scopes that it takes
	status                                      int             // of a success, if it is not 200
	errors                                      []int
	atomic                                      bool
	// shared things are all agents' to use and an admin's to change, by a route that agents have for their own.
	shared bool
}

// handle registers a typed handler. Huma checks the request against the handler's input type before it is called.
func handle[I, O any](s *server, op operation, handler func(context.Context, *I) (*O, error)) {
	errs := append([]int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}, op.errors...)
	if op.method != http.MethodGet {
		errs = append(errs, http.StatusRequestEntityTooLarge)
	}
	if op.method == http.MethodPost {
		errs = append(errs, http.StatusConflict)
	}
	slices.Sort(errs)
	o := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.description,
		Tags: []string{op.tag}, DefaultStatus: op.status, Errors: slices.Compact(errs), Security: security, BodyReadTimeout: -1,
		Extensions: map[string]any{"x-scope": string(op.scope)},
	}
	if op.scope != handoff.ScopeGateway {
		o.Security = personSecurity
	}
	if len(op.also) > 0 {
		o.Extensions["x-also"] = op.also
	}
	s.routes[op.method+" "+ginPath(op.path)] = route{scope: op.scope, also: op.also, maxBody: maxBody, atomic: op.atomic}
	// What admins change is in the audit log, whoever adds a route.
	changes := (op.scope == handoff.ScopeAdmin || op.shared) && op.method != http.MethodGet
	huma.Register(s.huma, o, func(ctx context.Context, in *I) (*O, error) {
		audited := changes && keyOf(ctx).Scope == handoff.ScopeAdmin
		if audited {
			ctx = s.beginAudit(ctx, op.id, targetOf(op.path, in))
		}
		out, err := handler(ctx, in)
		if err == nil && audited {
			err = s.endAudit(ctx)
		}
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// ginPath writes {id} as :id.
func ginPath(path string) string {
	out := make([]byte, 0, len(path))
	for i := range len(path) {
		switch path[i] {
		case '{':
			out = append(out, ':')
		case '}':
		default:
			out = append(out, path[i])
		}
	}
	return string(out)
}

// ByID is the input of routes about one thing.
type ByID struct {
	ID handoff.ID `path:"id" format:"uuid"`
}

func (b *ByID) target() *handoff.ID { return &b.ID }

// Idempotent is part of every POST's input.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Makes the request safe to repeat: the same key with the same body has one effect and one answer, for eight days. A refusal is not kept. Keys are the account's, for each path: take random ones."`
}

// Page is part of every list's input.
type Page struct {
	Limit  int32  `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many items a page holds at most."`
	Cursor string `query:"cursor" maxLength:"500" doc:"next_cursor of the page before."`
}

// list is every list's answer.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as cursor to have the next page. Absent on the last one."`
}

type listOutput[T any] struct {
	Body list[T]
}

type output[T any] struct {
	Body T
}
