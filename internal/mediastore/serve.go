package mediastore

import (
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"handoff"
)

// File is a stored file as the database knows it.
type File struct {
	Key      string
	MIMEType string // by Type; anything that a browser would run is served as application/octet-stream all the same
	Filename string // as its sender wrote it; Serve makes it harmless
	SHA256   string // in hex; the entity tag. Without it there is none.
	Size     int64  // if known: a stored file of another size is not served
	ModTime  time.Time
	// Public is a file behind a link that needs no credentials: it stays in a cache for five minutes instead of a day.
	Public bool
}

// How long a browser may keep a file. Its bytes never change, but the right to see it may end.
const (
	privateCache = "private, max-age=86400, immutable"
	publicCache  = "private, max-age=300"
)

// Serve answers a GET or HEAD with a file: whole, one range of it, or 304. The answer is safe whatever the file holds and is called:
// no browser guesses its type, runs it, or shows anything but a picture, sound, film or PDF in place. It never redirects, because
// Meta's fetcher does not follow, and where the file is gone the answer is an empty 404.
func (s *Store) Serve(w http.ResponseWriter, r *http.Request, f File) {
	header := w.Header()
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	reader, err := s.open(r.Context(), f.Key)
	if handoff.ErrorCode(err) == handoff.CodeNotFound {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err != nil {
		s.log().ErrorContext(r.Context(), "a file could not be served", "key", f.Key, "error", err)
		header.Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer func() { _ = reader.Close() }()
	if f.Size > 0 && f.Size != reader.Size() {
		s.log().ErrorContext(r.Context(), "a stored file has another size than it was written with", "key", f.Key, "want", f.Size, "have", reader.Size())
		w.WriteHeader(http.StatusNotFound)
		return
	}
	describe(header, f)
	http.ServeContent(w, oneRange(r), "", f.ModTime, reader)
}

// describe sets the headers that depend on the file.
func describe(header http.Header, f File) {
	name, params := split(f.MIMEType)
	if runs(name) {
		name, params = unknown, nil
	}
	header.Set("Content-Type", mime.FormatMediaType(name, params))
	header.Set("Content-Disposition", disposition(visible(name), f.Filename))
	header.Set("Cache-Control", privateCache)
	if f.Public {
		header.Set("Cache-Control", publicCache)
	}
	if f.SHA256 != "" {
		header.Set("ETag", `"`+f.SHA256+`"`)
	}
}

// oneRange ignores a request for several ranges, as RFC 9110 allows: players ask for one, and each would be a request to S3.
func oneRange(r *http.Request) *http.Request {
	if !strings.Contains(r.Header.Get("Range"), ",") {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	return r
}

func (s *Store) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}
