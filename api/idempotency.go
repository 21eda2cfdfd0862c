package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

// command names one request to change something, so that the same request, sent again, is known to whatever carries it out.
type command struct {
	ID handoff.ID
	// Repeated tells that an earlier request with the same Idempotency-Key may have done it already.
	Repeated bool
}

type commandKey struct{}

func commandOf(ctx context.Context) command {
	c, ok := ctx.Value(commandKey{}).(command)
	if !ok {
		return command{ID: handoff.NewID()}
	}
	return c
}

// errNoEffect rolls back what a refused request wrote.
var errNoEffect = errors.New("the request was refused")

// idempotency gives a POST with an Idempotency-Key its one effect and its one answer.
//
// The key is a row. Where all of the effect is in the database, effect, key and answer are one transaction. Where it is not, the
// key's command id goes along with the effect: a request whose answer was lost finds the same id under its key and repeats it.
func (s *server) idempotency(c *gin.Context) {
	r, declared := s.routes[routeName(c)]
	text := c.GetHeader("Idempotency-Key")
	if c.Request.Method != http.MethodPost || !declared || r.scope == publicScope || text == "" {
		return // a vendor's request, whose sender has no key of ours, is known by what it says
	}
	if len(text) > maxKeyLength || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		s.refuse(c, handoff.Errorf(handoff.CodeInvalid, "Idempotency-Key has to be 1 to %d ASCII characters", maxKeyLength))
		return
	}
	account := keyOf(c.Request.Context()).AccountID
	hash := sha256.New()
	hash.Write([]byte(c.Request.URL.RawQuery + "\n"))
	hash.Write(bodyOf(c.Request.Context()))
	if r.stream {
		// The boundary of a form differs each time.
		mediaType, _, _ := mime.ParseMediaType(c.GetHeader("Content-Type"))
		fmt.Fprintf(hash, "%s\n%d", mediaType, c.Request.ContentLength)
	}
	name := c.Request.Method + " " + c.Request.URL.Path
	if agent := keyOf(c.Request.Context()).Agent; agent != nil {
		name += " by " + agent.ID.String() // two agents may use the same key, and one must not get what the other did
	}
	attempt := dbsqlc.IdempotencyKeyInsertParams{
		AccountID: account, Route: name, Key: text, RequestHash: hash.Sum(nil),
		CommandID: handoff.NewID(), CreatedAt: s.Now(),
	}
	leave, _, err := s.repeats.enter(c.Request.Context(), account.String()+" "+attempt.Route+" "+text)
	if err != nil {
		s.refuse(c, err)
		return
	}
	defer leave()
	if r.atomic {
		s.inOneTransaction(c, attempt)
		return
	}
	s.withCommandID(c, attempt, r.open)
}

func (s *server) inOneTransaction(c *gin.Context, attempt dbsqlc.IdempotencyKeyInsertParams) {
	later := &afterCommit{}
	var answer *recorder
	err := db.InTx(c.Request.Context(), s.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		row, err := q.IdempotencyKeyInsert(c.Request.Context(), attempt)
		if err != nil {
			return err
		}
		if answer, err = s.earlierAnswer(c, row, attempt); err != nil || answer != nil {
			return err
		}
		setValue(c, commandKey{}, command{ID: row.CommandID})
		setValue(c, txKey{}, db.DB(tx))
		setValue(c, afterCommitKey{}, later)
		answer = record(c)
		if answer.status >= http.StatusBadRequest {
			return errNoEffect
		}
		return s.finish(c.Request.Context(), q, row, answer)
	})
	if err != nil && !errors.Is(err, errNoEffect) {
		s.refuse(c, err)
		return
	}
	answer.send(c)
	if err == nil {
		later.run()
	}
}

func (s *server) withCommandID(c *gin.Context, attempt dbsqlc.IdempotencyKeyInsertParams, open bool) {
	q := dbsqlc.New(s.DB)
	row, err := q.IdempotencyKeyInsert(c.Request.Context(), attempt)
	if err != nil {
		s.refuse(c, err)
		return
	}
	answer, err := s.earlierAnswer(c, row, attempt)
	if err != nil {
		s.refuse(c, err)
		return
	}
	if answer != nil {
		drain(c.Request)
		answer.send(c)
		return
	}
	setValue(c, commandKey{}, command{ID: row.CommandID, Repeated: row.CommandID != attempt.CommandID})
	answer = record(c)
	// The answer is stored even if the client has gone: it will ask again.
	ctx, cancel := afterwards(c.Request.Context())
	defer cancel()
	switch {
	case open && answer.status == http.StatusAccepted:
		// It goes on: the next request with the key looks how far it has come.
	case answer.status < http.StatusBadRequest:
		err = s.finish(ctx, q, row, answer)
	case answer.status == http.StatusRequestTimeout, answer.status == http.StatusTooManyRequests,
		answer.status >= http.StatusInternalServerError:
		// What became of it is open, here or in an earlier attempt: the next one repeats the same command.
	default:
		err = q.IdempotencyKeyForget(ctx, dbsqlc.IdempotencyKeyForgetParams{
			AccountID: row.AccountID, Route: row.Route, Key: row.Key,
		})
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "answer not kept for its Idempotency-Key", "request_id", requestIDOf(ctx), "error", err)
	}
	answer.send(c)
}

// earlierAnswer is nil where there is none yet.
func (s *server) earlierAnswer(c *gin.Context, row dbsqlc.IdempotencyKey, attempt dbsqlc.IdempotencyKeyInsertParams) (*recorder, error) {
	if !bytes.Equal(row.RequestHash, attempt.RequestHash) {
		return nil, handoff.Errorf(handoff.CodeConflict, "this Idempotency-Key was used for another request: use a new one for each request")
	}
	if row.Status == nil {
		return nil, nil
	}
	if row.Body == nil {
		return nil, handoff.Errorf(handoff.CodeConflict, "the answer to this Idempotency-Key was erased with its contact: use a new key for a new request")
	}
	body, err := s.Box.Open(row.Body, answerPlace(row))
	if err != nil {
		return nil, err
	}
	c.Abort()
	c.Header("Content-Type", "application/json")
	c.Header("Idempotent-Replayed", "true")
	answer := &recorder{ResponseWriter: c.Writer, status: int(*row.Status)}
	answer.body.Write(body)
	return answer, nil
}

// finish keeps the answer. It is sealed, because some answers show a secret that is shown only once.
func (s *server) finish(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.IdempotencyKey, answer *recorder) error {
	sealed, err := s.Box.Seal(answer.body.Bytes(), answerPlace(row))
	if err != nil {
		return err
	}
	status := int32(answer.status)
	return q.IdempotencyKeyFinish(ctx, dbsqlc.IdempotencyKeyFinishParams{
		AccountID: row.AccountID, Route: row.Route, Key: row.Key, Status: &status, Body: sealed,
	})
}

func answerPlace(row dbsqlc.IdempotencyKey) secretbox.AssociatedData {
	return secretbox.Answer(row.AccountID, row.CommandID)
}

type txKey struct{}

// db is the transaction of the request, if it runs in one.
func (s *server) db(ctx context.Context) db.DB {
	database := s.DB
	if tx, ok := ctx.Value(txKey{}).(db.DB); ok {
		database = tx
	}
	if audit := auditOf(ctx); audit != nil {
		return audit.DB(database)
	}
	return database
}

func (s *server) queries(ctx context.Context) *dbsqlc.Queries { return dbsqlc.New(s.db(ctx)) }

type afterCommitKey struct{}

type afterCommit struct{ wakes []func() }

func (a *afterCommit) run() {
	for _, wake := range a.wakes {
		wake()
	}
}

// wake signals once what it is about is committed: a signal that comes before finds nothing.
func (s *server) wake(ctx context.Context, wakes ...db.Wake) {
	later, pending := ctx.Value(afterCommitKey{}).(*afterCommit)
	for _, w := range wakes {
		w.Trace = trace.SpanContextFromContext(ctx)
		if pending {
			later.wakes = append(later.wakes, func() { s.Waker.Wake(w) })
			continue
		}
		s.Waker.Wake(w)
	}
}

// afterCommit runs do once what the request changes is committed, which it is already where the request has no transaction.
func (s *server) afterCommit(ctx context.Context, do func()) {
	if later, pending := ctx.Value(afterCommitKey{}).(*afterCommit); pending {
		later.wakes = append(later.wakes, do)
		return
	}
	do()
}

// recorder holds an answer back until it is stored.
type recorder struct {
	gin.ResponseWriter
	status int
	body   bytes.Buffer
}

// record runs the rest of the chain and holds its answer back.
func record(c *gin.Context) *recorder {
	r := &recorder{ResponseWriter: c.Writer, status: http.StatusOK}
	c.Writer = r
	defer func() { c.Writer = r.ResponseWriter }()
	c.Next()
	return r
}

func (r *recorder) send(c *gin.Context) {
	c.Writer.WriteHeader(r.status)
	c.Writer.WriteHeaderNow()
	_, _ = c.Writer.Write(r.body.Bytes())
}

func (r *recorder) WriteHeader(status int)               { r.status = status }
func (r *recorder) WriteHeaderNow()                      {}
func (r *recorder) Write(data []byte) (int, error)       { return r.body.Write(data) }
func (r *recorder) WriteString(text string) (int, error) { return r.body.WriteString(text) }
func (r *recorder) Status() int                          { return r.status }
func (r *recorder) Size() int                            { return r.body.Len() }
func (r *recorder) Written() bool                        { return r.body.Len() > 0 }
