package mediastore_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
	"handoff/internal/mediastore"
)

// answer is a response whose body was read.
type answer struct {
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

// serve answers requests for one file over HTTP, and gives a function that makes them without following a redirect.
func serve(t *testing.T, store *mediastore.Store, file mediastore.File) func(method string, headers ...string) (answer, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { store.Serve(w, r, file) }))
	t.Cleanup(server.Close)
	return func(method string, headers ...string) (answer, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/m/token", nil)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return answer{response.StatusCode, response.Header, response.ContentLength}, string(body)
	}
}

// stored writes content as the file of an inbound image message that was declared image/jpeg, or what declared says.
func stored(t *testing.T, store *mediastore.Store, content, declared string) mediastore.File {
	t.Helper()
	info := write(t, store, "media/a/b", content)
	return mediastore.File{
		Key: "media/a/b", MIMEType: mediastore.Type(declared, info.MIMEType, "image"), Filename: "photo.jpg", SHA256: info.SHA256,
		Size: info.Size, ModTime: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
}

func requireSafe(t *testing.T, response answer) {
	t.Helper()
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "sandbox; default-src 'none'", response.Header.Get("Content-Security-Policy"))
	require.Equal(t, "cross-origin", response.Header.Get("Cross-Origin-Resource-Policy"))
	require.Equal(t, "no-referrer", response.Header.Get("Referrer-Policy"))
	require.Empty(t, response.Header.Get("Location"))
}

func TestServeAWholeFile(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	content := jpeg + strings.Repeat("0123456789", 100_000)
	get := serve(t, store, stored(t, store, content, "image/jpeg"))

	for _, method := range []string{"GET", "HEAD"} {
		response, body := get(method)
		require.Equal(t, http.StatusOK, response.StatusCode)
		requireSafe(t, response)
		require.EqualValues(t, len(content), response.ContentLength)
		require.Equal(t, "image/jpeg", response.Header.Get("Content-Type"))
		require.Equal(t, `inline; filename=photo.jpg`, response.Header.Get("Content-Disposition"))
		require.Equal(t, "private, max-age=86400, immutable", response.Header.Get("Cache-Control"))
		require.Equal(t, "bytes", response.Header.Get("Accept-Ranges"))
		require.Equal(t, "Sat, 21 Nov 2026 12:00:00 GMT", response.Header.Get("Last-Modified"))
		require.Regexp(t, `^"[0-9a-f]{64}"$`, response.Header.Get("ETag"))
		require.Equal(t, method == "GET", body == content)
	}
}

func TestServeAPublicLinkIsKeptShortly(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	file := stored(t, store, jpeg, "image/jpeg")
	file.Public = true
	response, _ := serve(t, store, file)("GET")
	require.Equal(t, "private, max-age=300", response.Header.Get("Cache-Control"))
}

func TestServeRanges(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	content := jpeg + "0123456789"
	get := serve(t, store, stored(t, store, content, "image/jpeg"))
	whole, _ := get("HEAD")
	etag := whole.Header.Get("ETag")

	for _, tc := range []struct {
		rang, ifRange string
		status        int
		body          string
	}{
		{"bytes=0-1", "", 206, content[:2]},
		{"bytes=5-", "", 206, content[5:]},
		{"bytes=-3", "", 206, "789"},
		{"bytes=0-99999", "", 206, content},
		{"bytes=0-1", etag, 206, content[:2]},
		{"bytes=0-1", `"other"`, 200, content},
		{"bytes=0-1,3-4", "", 200, content}, // several ranges are ignored
		{"bytes=99999-", "", 416, ""},
		{"nonsense", "", 416, ""},
	} {
		headers := []string{"Range", tc.rang}
		if tc.ifRange != "" {
			headers = append(headers, "If-Range", tc.ifRange)
		}
		response, body := get("GET", headers...)
		require.Equal(t, tc.status, response.StatusCode, tc.rang)
		requireSafe(t, response)
		if tc.status != 416 {
			require.Equal(t, tc.body, body, tc.rang)
		}
	}
	response, body := get("HEAD", "Range", "bytes=0-1")
	require.Equal(t, 206, response.StatusCode)
	require.Equal(t, "bytes 0-1/22", response.Header.Get("Content-Range"))
	require.Empty(t, body)
}

func TestServeWhatTheBrowserHas(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	get := serve(t, store, stored(t, store, jpeg, "image/jpeg"))
	whole, _ := get("GET")
	for header, want := range map[string]int{whole.Header.Get("ETag"): 304, "*": 304, `"x", ` + whole.Header.Get("ETag"): 304, `"x"`: 200} {
		response, body := get("GET", "If-None-Match", header)
		require.Equal(t, want, response.StatusCode, header)
		require.Equal(t, want == 304, body == "")
		requireSafe(t, response)
	}
	response, _ := get("GET", "If-Modified-Since", whole.Header.Get("Last-Modified"))
	require.Equal(t, 304, response.StatusCode)
}

// OWASP's file upload sheet: a page that calls itself a picture reaches no browser as either.
func TestAPageSentAsAPictureIsSavedAndNotShown(t *testing.T) {
	t.Parallel()

	for name, content := range map[string]string{
		"html": page, "html with a BOM": "\xef\xbb\xbf" + page, "html after blanks": "\r\n\t " + page, "svg": svg,
		"svg with a prolog": `<?xml version="1.0"?>` + svg, "jpeg and html": jpeg + page, "png and svg": png + svg,
		"gif and script": "GIF89a=1;<script>alert(1)</script>", "xhtml": `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>`,
		"html with a comment": "<!--" + strings.Repeat("x", 600) + "-->" + page, "html after rubbish": "\x00\x01\x02" + page,
	} {
		store, _ := folder(t)
		for _, declared := range []string{"image/jpeg", "image/svg+xml", "text/html", "image/gif"} {
			file := stored(t, store, content, declared)
			require.NotContains(t, file.MIMEType, "image/", name)
			response, body := serve(t, store, file)("GET")
			requireSafe(t, response)
			require.Contains(t, []string{opaque, "text/plain; charset=utf-8"}, response.Header.Get("Content-Type"), name)
			require.Equal(t, "attachment; filename=photo.jpg", response.Header.Get("Content-Disposition"), name)
			require.Equal(t, content, body)
		}
	}
}

// The database may hold any type; what is served is safe without it.
func TestServeTrustsNoType(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	write(t, store, "k", "hello")
	for mimeType, want := range map[string][2]string{
		"":                              {opaque, "attachment"},
		"text/html":                     {opaque, "attachment"},
		"TEXT/HTML; charset=utf-8":      {opaque, "attachment"},
		"image/svg+xml":                 {opaque, "attachment"},
		"application/xhtml+xml":         {opaque, "attachment"},
		"text/xml":                      {opaque, "attachment"},
		"application/javascript":        {opaque, "attachment"},
		"image/png\r\nX-Evil: 1":        {opaque, "attachment"},
		"image/png, text/html":          {opaque, "attachment"},
		"text/plain; charset=utf-8":     {"text/plain; charset=utf-8", "attachment"},
		"application/zip":               {"application/zip", "attachment"},
		"application/pdf":               {"application/pdf", "inline"},
		"image/webp":                    {"image/webp", "inline"},
		"video/mp4":                     {"video/mp4", "inline"},
		"audio/ogg; codecs=opus":        {opus, "inline"},
		"audio/ogg; codecs=opus; x=\"y": {opaque, "attachment"},
	} {
		response, _ := serve(t, store, mediastore.File{Key: "k", MIMEType: mimeType, Filename: "f"})("GET")
		requireSafe(t, response)
		require.Equal(t, want[0], response.Header.Get("Content-Type"), mimeType)
		require.Equal(t, want[1]+"; filename=f", response.Header.Get("Content-Disposition"), mimeType)
		require.Empty(t, response.Header.Get("X-Evil"))
		require.Empty(t, response.Header.Get("ETag"), "without a hash there is no tag")
	}
}

func TestServeHostileNames(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	write(t, store, "k", "hello")
	for name, want := range map[string]string{
		"\"\r\nX: y":         `attachment; filename="_ X_ y"`,
		"../../x":            "attachment; filename=x",
		"photo\u202egpj.exe": "attachment; filename=photogpj.exe",
		"Café.pdf":           "attachment; filename*=utf-8''Caf%C3%A9.pdf",
	} {
		response, body := serve(t, store, mediastore.File{Key: "k", Filename: name})("GET")
		require.Equal(t, want, response.Header.Get("Content-Disposition"))
		require.Empty(t, response.Header.Get("X"))
		require.Equal(t, "hello", body)
	}
}

func TestServeAFileThatIsGone(t *testing.T) {
	t.Parallel()

	store, dir := folder(t)
	var logged bytes.Buffer
	store.Log = slog.New(slog.NewTextHandler(&logged, nil))
	file := stored(t, store, jpeg, "image/jpeg")
	get := serve(t, store, file)
	path := filepath.Join(dir, file.Key)

	gone := func() {
		for _, headers := range [][]string{{}, {"Range", "bytes=0-1"}, {"If-None-Match", "*"}} {
			response, body := get("GET", headers...)
			require.Equal(t, http.StatusNotFound, response.StatusCode)
			require.Empty(t, body)
			requireSafe(t, response)
			require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
			for _, telling := range []string{"Content-Disposition", "Content-Type", "ETag", "Last-Modified"} {
				require.Empty(t, response.Header.Get(telling))
			}
		}
	}
	require.NoError(t, os.Truncate(path, 3))
	gone()
	require.Contains(t, logged.String(), "another size")
	require.NoError(t, os.Remove(path))
	gone()
}

func TestServeWhileTheStoreFails(t *testing.T) {
	t.Parallel()

	store, err := mediastore.Open(t.Context(), "file://"+t.TempDir())
	require.NoError(t, err)
	var logged bytes.Buffer
	store.Log = slog.New(slog.NewTextHandler(&logged, nil))
	get := serve(t, store, stored(t, store, jpeg, "image/jpeg"))
	require.NoError(t, store.Close())

	response, body := get("GET")
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "5", response.Header.Get("Retry-After"))
	require.Empty(t, body)
	require.Contains(t, logged.String(), "media/a/b")
}

func TestServeOnlyReads(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	get := serve(t, store, stored(t, store, jpeg, "image/jpeg"))
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		response, body := get(method)
		require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
		require.Equal(t, "GET, HEAD", response.Header.Get("Allow"))
		require.Empty(t, body)
	}
}

// Real files, as their senders declare them: a voice note scrubs, a picture shows, a page does not.
func TestServeTheCorpus(t *testing.T) {
	t.Parallel()

	store, _ := folder(t)
	for name, want := range map[string][2]string{
		"jpg.jpg": {"image/jpeg", "inline"}, "mp4.mp4": {"video/mp4", "inline"}, "mp3.mp3": {"audio/mpeg", "inline"},
		"pdf.pdf": {"application/pdf", "inline"}, "svg.svg": {opaque, "attachment"}, "html.html": {opaque, "attachment"},
		"zip.zip": {"application/zip", "attachment"}, "csv.csv": {"text/csv", "attachment"},
	} {
		content := string(corpora.File(t, "media", name))
		response, body := serve(t, store, stored(t, store, content, ""))("GET", "Range", "bytes=100-")
		require.Equal(t, 206, response.StatusCode)
		require.Equal(t, want[0], response.Header.Get("Content-Type"), name)
		require.Equal(t, want[1]+"; filename=photo.jpg", response.Header.Get("Content-Disposition"), name)
		require.Equal(t, content[100:], body)
	}
}
