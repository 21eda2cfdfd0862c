package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// The errors of a Stream that have a meaning beyond their class.
var (
	// ErrRedirect is an answer that sends elsewhere. It is not followed, so that no header goes to a host that nobody named.
	ErrRedirect = errors.New("the server redirects to another address, which is not followed")
	// ErrTooLarge is a body of more bytes than the caller takes.
	ErrTooLarge = errors.New("the file is larger than allowed")
)

var errSwitched = errors.New("the server switches to another protocol, which nobody asked for")

// Error is a GET without an answer. Its text may be shown to a tenant; the cause is for the operator's log only.
type Error struct {
	Class ErrorClass
	Err   error
}

func (e *Error) Error() string { return Result{ErrorClass: e.Class}.Public() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Stream is an answer whose body is read as it comes, not decompressed. Read ends in io.EOF, in ErrTooLarge after the allowed
// number of bytes, or in an *Error. Close it.
type Stream struct {
	Status int
	Header http.Header
	// Size is the length that the server announced; -1 where it announced none.
	Size int64

	body  io.ReadCloser
	left  int64
	trace *connectionTrace
	stall *time.Timer
	idle  time.Duration
	end   context.CancelCauseFunc
}

// Get opens the file at url, of at most limit bytes. Any status but a redirect is an answer. ctx bounds the whole download, reading
// included; besides, it ends where no byte comes for the client's Timeout. The errors are ErrRedirect, ErrTooLarge where the server
// announces too much, and *Error.
func (c *Client) Get(ctx context.Context, url string, header http.Header, limit int64) (*Stream, error) {
	if err := c.CheckURL(url); err != nil {
		return nil, &Error{Class: ErrorInvalidURL, Err: err}
	}
	start := time.Now()
	ctx, end := context.WithCancelCause(ctx)
	s := &Stream{left: limit, trace: &connectionTrace{viaProxy: c.proxy != nil}, idle: c.timeout, end: end}
	s.stall = time.AfterFunc(c.timeout, func() { end(os.ErrDeadlineExceeded) })
	err := s.open(s.trace.attach(ctx), c.http, url, header)
	if err != nil {
		var failure *Error
		if errors.As(err, &failure) {
			c.hold(ctx, start, failure.Class)
		}
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) open(ctx context.Context, client *http.Client, url string, header http.Header) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return &Error{Class: ErrorInvalidURL, Err: withoutURL(err)}
	}
	request.Header = requestHeader(Request{Method: http.MethodGet, Header: header})
	response, err := client.Do(request) //nolint:bodyclose // Stream.Close closes it
	s.stall.Stop()
	if err != nil {
		return s.failure(withoutURL(err))
	}
	s.Status, s.Header, s.Size, s.body = response.StatusCode, response.Header, response.ContentLength, response.Body
	if s.Status == http.StatusSwitchingProtocols { // what follows is a connection, which no deadline would end
		return &Error{Class: ErrorProtocol, Err: errSwitched}
	}
	if s.Status >= 300 && s.Status < 400 {
		return ErrRedirect
	}
	if s.Size > s.left {
		return fmt.Errorf("%w: it has %d bytes, and %d are allowed", ErrTooLarge, s.Size, s.left)
	}
	return nil
}

// Read gives the next bytes of the body.
func (s *Stream) Read(p []byte) (int, error) {
	// One byte more than allowed is asked for, to tell a body of just the allowed size from a larger one.
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	s.stall.Reset(s.idle)
	n, err := s.body.Read(p)
	s.stall.Stop()
	if int64(n) > s.left {
		n, s.left = int(s.left), 0
		return n, ErrTooLarge
	}
	s.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.failure(err)
	}
	return n, err
}

// Close gives the connection up. It may be called more than once.
func (s *Stream) Close() error {
	s.stall.Stop()
	s.end(nil)
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}

func (s *Stream) failure(err error) error {
	return &Error{Class: classify(err, s.trace.stage()), Err: err}
}
