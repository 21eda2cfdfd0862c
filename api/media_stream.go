package api

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"handoff/internal/mediastore"
)

// The server's own time-outs are for JSON. A file may take as long as it moves, up to transferTime: 100 MB at 1 Mbit/s take 14 minutes.
const (
	transferTime = 15 * time.Minute
	transferIdle = 30 * time.Second
	// maxUpload leaves a MiB for what multipart/form-data puts around a file.
	maxUpload = mediastore.MaxBytes + 1<<20
)

// patience moves the deadlines of a connection along with its transfer. The next request on it gets the server's own again.
type patience struct {
	control *http.ResponseController
	until   time.Time
}

func newPatience(w http.ResponseWriter) patience {
	return patience{http.NewResponseController(w), time.Now().Add(transferTime)}
}

func (p patience) deadline() time.Time {
	next := time.Now().Add(transferIdle)
	if next.After(p.until) {
		return p.until
	}
	return next
}

// uploadBody is a request's body on its way to the store. It remembers its failure, which is the client's or the network's, so that
// it can be told from one of the store.
type uploadBody struct {
	io.ReadCloser
	patience
	failure error
}

// openUpload bounds a body that is read as it arrives.
func openUpload(c *gin.Context, limit int64) *uploadBody {
	body := &uploadBody{ReadCloser: http.MaxBytesReader(c.Writer, c.Request.Body, limit), patience: newPatience(c.Writer)}
	// The answer comes after the last byte. A connection without deadlines, as in a test, needs none moved.
	_ = body.control.SetWriteDeadline(body.until.Add(transferIdle))
	return body
}

func (b *uploadBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(b.deadline())
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failure = err
	}
	return n, err
}

// patientWriter sends a file to a client that may be slow.
type patientWriter struct {
	http.ResponseWriter
	patience
}

func (w patientWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(w.deadline())
	return w.ResponseWriter.Write(p)
}
