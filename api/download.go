package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
)

// pageBytes is how much of a download is gathered before it is sent.
const pageBytes = 64 << 10

// download is an answer of any length, written page by page. Each page has a deadline of its own, as in a stream: the server's
// WriteTimeout is one for the whole answer.
type download struct {
	page    bytes.Buffer
	c       *gin.Context
	control *http.ResponseController
	out     io.Writer
	gzip    *gzip.Writer
	timeout time.Duration
	opened  bool
}

// newDownload prepares an answer that a browser saves under a name.
func (s *server) newDownload(c *gin.Context, mediaType, filename string) *download {
	d := &download{c: c, control: http.NewResponseController(c.Writer), out: c.Writer, timeout: s.Streams.WriteTimeout}
	c.Header("Content-Type", mediaType)
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filename}))
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	// What people have written is shown, and neither runs nor loads anything.
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	return d
}

// compress lets the answer go out compressed.
func (d *download) compress() {
	d.c.Header("Content-Encoding", "gzip")
	d.gzip = gzip.NewWriter(d.c.Writer)
	d.out = d.gzip
}

// open begins the answer. Until then it can still be a refusal.
func (d *download) open() {
	d.opened = true
	// ReadTimeout is over in a few seconds, and the server would take the silence of a client that only reads for the end of it.
	_ = d.control.SetReadDeadline(time.Time{})
	d.c.Writer.WriteHeader(http.StatusOK)
}

func (d *download) text(parts ...string) error {
	for _, part := range parts {
		d.page.WriteString(part)
	}
	if d.page.Len() < pageBytes {
		return nil
	}
	return d.flush()
}

// flush sends what has been gathered.
func (d *download) flush() error {
	if err := d.control.SetWriteDeadline(time.Now().Add(d.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := d.page.WriteTo(d.out); err != nil {
		return err
	}
	if d.gzip != nil {
		if err := d.gzip.Flush(); err != nil {
			return err
		}
	}
	return d.control.Flush()
}

// finish sends the rest.
func (d *download) finish() error {
	if err := d.flush(); err != nil || d.gzip == nil {
		return err
	}
	return d.gzip.Close()
}

// downloaded ends an answer that has failed: as a refusal where it has not begun, and else by breaking the connection, by which the
// client knows that something is missing.
func (s *server) downloaded(c *gin.Context, d *download, err error) {
	if err == nil {
		return
	}
	if !d.opened {
		for _, header := range []string{"Content-Disposition", "Content-Encoding"} {
			c.Writer.Header().Del(header)
		}
		c.Header("Content-Security-Policy", dataPolicy)
		s.refuse(c, err)
		return
	}
	if !errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) {
		s.Log.WarnContext(c.Request.Context(), "download cut off", "request_id", requestIDOf(c.Request.Context()), "error", err)
	}
	panic(http.ErrAbortHandler)
}
