package contract

import (
	"bytes"
	"net/http"
	"strings"
)

// most is how much of a body is kept to be checked: what is longer is a file, whose bytes the document does not describe.
const most = 8 << 20

// Handler checks every answer of an API, whoever asks it and by whatever way.
type Handler struct {
	API      http.Handler
	Document *Document
	Report   func(error)
}

// ServeHTTP answers, and reports an answer that disagrees with the document.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Clone(r.Context())
	asked.Body = http.NoBody
	seen := &witness{ResponseWriter: w}
	h.API.ServeHTTP(seen, r)
	answer := Answer{Status: seen.status, Header: w.Header(), Body: seen.body.Bytes()}
	if seen.status == 0 {
		answer.Status = http.StatusOK
	}
	if seen.cut && !strings.HasPrefix(w.Header().Get("Content-Type"), "application/") {
		return
	}
	if err := h.Document.Check(asked, answer); err != nil {
		h.Report(err)
	}
}

// witness sees what is written.
type witness struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	cut    bool
}

// WriteHeader sees the status.
func (w *witness) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sees the body.
func (w *witness) Write(b []byte) (int, error) {
	if w.body.Len()+len(b) > most {
		w.cut = true
	} else {
		w.body.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Flush sends what was written so far: a stream is read while it is written.
func (w *witness) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap gives a handler the rest of what the connection can do.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }
