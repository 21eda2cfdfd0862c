package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/internal/feed"
)

const (
	streamPath = "/v1/events/stream"
	// heartbeatEvery keeps proxies from closing a quiet stream: the usual ones give up after 60 s.
	heartbeatEvery = 15 * time.Second
	// streamWriteTimeout is how long a client may leave what it was sent. It is no longer than a stopping server waits.
	streamWriteTimeout = 10 * time.Second
	// streamRetry is when an EventSource connects again after it lost a stream.
	streamRetry = 2 * time.Second
)

// Streams says how streams of events behave. What is absent is as usual.
type Streams struct {
	// Tick is the clock of heartbeats: a channel with their times, and what stops it.
	Tick func(every time.Duration) (<-chan time.Time, func())
	// WriteTimeout is how long a client may leave what it was sent before its stream is cut; 10 s if absent.
	WriteTimeout time.Duration
}

func (s *Streams) setDefaults() {
	if s.Tick == nil {
		s.Tick = func(every time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(every)
			return ticker.C, ticker.Stop
		}
	}
	if s.WriteTimeout <= 0 {
		s.WriteTimeout = streamWriteTimeout
	}
}

func (s *server) streamRoutes() {
	s.Streams.setDefaults()
	if s.Feed != nil {
		s.Feed.Render = s.streamFrames
	}
	s.plain(http.MethodGet, streamPath, route{scope: handoff.ScopeAgent, stream: true}, s.streamEvents)
}

func (s *server) streamEvents(c *gin.Context) {
	request, err := streamRequest(keyOf(c.Request.Context()), c.Request)
	if err == nil && s.Feed == nil {
		err = &handoff.Error{Code: handoff.CodeUnavailable, Message: "this server has no streams: read GET /v1/events instead"}
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ctx, cancel := s.untilExpiry(c.Request.Context())
	defer cancel()
	subscription, err := s.Feed.Subscribe(ctx, request)
	if err != nil {
		s.refuse(c, err)
		return
	}
	defer subscription.Close()
	s.Observe.Streams(1)
	defer s.Observe.Streams(-1)
	w := s.openStream(subscription.Context(), c)
	defer w.close()
	// A write that fails cancels the request's context: only the error tells a slow client from one that has gone.
	if err := s.stream(w, subscription); errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, feed.ErrKeyRefused) {
		s.Log.InfoContext(c.Request.Context(), "stream ended", "request_id", requestIDOf(c.Request.Context()), "error", err)
	}
}

// untilExpiry ends with the token of an agent who has signed in.
func (s *server) untilExpiry(ctx context.Context) (context.Context, context.CancelFunc) {
	k := keyOf(ctx)
	if k.expires == nil {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, k.expires.Sub(s.Now()), feed.ErrKeyRefused)
}

// stream writes events and heartbeats until the subscription ends or the client cannot be written to.
func (s *server) stream(w *streamWriter, subscription *feed.Subscription) error {
	ticks, stop := s.Streams.Tick(heartbeatEvery)
	defer stop()
	if err := w.write(fmt.Appendf(nil, "retry: %d\n%s", streamRetry.Milliseconds(), heartbeat(subscription.Position()))); err != nil {
		return err
	}
	beat := false
	for {
		events, more := subscription.Next()
		ctx := subscription.Context()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		bodies := make([][]byte, 0, len(events)+1)
		for _, e := range events {
			bodies = append(bodies, e.Body)
		}
		if beat {
			bodies = append(bodies, heartbeat(subscription.Position()))
		}
		if err := w.write(bodies...); err != nil {
			return fmt.Errorf("the client does not read: %w", err)
		}
		beat = false
		if more == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-more:
		case <-ticks:
			beat = true
		}
	}
}

// heartbeat is a comment, which keeps the connection open, and the cursor so far: a block without data is no event, and still moves
// the client's Last-Event-ID. So one that filters by a quiet conversation does not go on from hours ago.
func heartbeat(p feed.Position) []byte {
	return fmt.Appendf(nil, ": ping\nid: %s\n\n", encodeCursor(eventCursor, p))
}

// streamWriter writes to one client, at once and with a deadline each time: the server's WriteTimeout is one for the whole answer.
type streamWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	ended   context.Context //nolint:containedctx // it is the life of the stream
	close   func()
}

func (s *server) openStream(ended context.Context, c *gin.Context) *streamWriter {
	w := &streamWriter{ResponseWriter: c.Writer, control: http.NewResponseController(c.Writer), timeout: s.Streams.WriteTimeout, ended: ended}
	// ReadTimeout is over in a few seconds, and the server would take the silence of a client that only reads for the end of it.
	_ = w.control.SetReadDeadline(time.Time{})
	// A write that hangs ends with the stream, not at its deadline.
	cut := make(chan struct{})
	stop := context.AfterFunc(ended, func() {
		defer close(cut)
		_ = w.control.SetWriteDeadline(time.Now())
	})
	w.close = func() {
		if !stop() {
			<-cut // gin uses its writer again for the next request
		}
	}
	c.Header("Content-Type", "text/event-stream")
	c.Header("Cache-Control", "no-store")
	c.Header("X-Accel-Buffering", "no") // nginx would hold events back
	c.Writer.WriteHeader(http.StatusOK)
	return w
}

func (w *streamWriter) write(parts ...[]byte) error {
	if len(parts) == 0 {
		return nil
	}
	if err := w.control.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if w.ended.Err() != nil { // the deadline of the end may just have been overwritten
		return context.Cause(w.ended)
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.control.Flush()
}

// streamRequest reads what a stream is asked for with. Last-Event-ID wins over the address: an EventSource that comes back sends both.
func streamRequest(k *caller, r *http.Request) (feed.Request, error) {
	request := feed.Request{AccountID: k.AccountID, KeyID: k.ID}
	query := r.URL.Query()
	if err := knownParameters(query, "cursor", "from", "types", "inbox_id", "conversation_id"); err != nil {
		return request, err
	}
	inbox, err := idParameter(query, "inbox_id")
	if err != nil {
		return request, err
	}
	conversation, err := idParameter(query, "conversation_id")
	if err != nil {
		return request, err
	}
	if request.Filter, err = eventFilter(k, inbox, conversation, query.Get("types")); err != nil {
		return request, err
	}
	request.After, err = streamStart(query, r.Header.Get("Last-Event-ID"))
	return request, err
}

// streamStart is nil for what happens from now on.
func streamStart(query url.Values, lastEventID string) (*feed.Position, error) {
	cursor, from := query.Get("cursor"), query.Get("from")
	switch {
	case from != "" && from != "now" && from != "start":
		return nil, badParameter("query.from", "from is neither now nor start")
	case from != "" && cursor != "":
		return nil, badParameter("query.from", "from and cursor both say where to begin: give one of them")
	}
	if lastEventID != "" {
		after, err := decodeCursor(eventCursor, lastEventID, feed.Position{})
		if err != nil {
			return nil, badParameter("header.Last-Event-ID", "Last-Event-ID is no id of this stream and no next_cursor of GET /v1/events: "+
				"send the latest one as it came, or connect without")
		}
		return &after, nil
	}
	if cursor != "" {
		after, err := decodeCursor(eventCursor, cursor, feed.Position{})
		return &after, err
	}
	if from == "start" {
		return &feed.Position{}, nil
	}
	return nil, nil
}

// knownParameters refuses what Huma refuses on its routes: a misspelt filter would be none.
func knownParameters(query url.Values, known ...string) error {
	for name, values := range query {
		if !slices.Contains(known, name) {
			return badParameter("query."+name, "there is no such parameter: use "+strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return badParameter("query."+name, name+" is there more than once")
		}
	}
	return nil
}

func idParameter(query url.Values, name string) (handoff.ID, error) {
	var id handoff.ID
	text := query.Get(name)
	if text == "" {
		return id, nil
	}
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return id, badParameter("query."+name, name+" is no UUID")
	}
	return id, nil
}

func badParameter(location, message string) error {
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: message, Details: []handoff.ErrorDetail{{Location: location, Message: message}},
	}
}
