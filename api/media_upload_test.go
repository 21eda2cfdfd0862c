package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/mediastore"
)

func TestUploadAsAFormOrAsBytes(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	body, header := form(t, "pixel.png", "image/png", png, "kind", "image")
	asForm := f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header).is(http.StatusCreated)
	asBytes := f.upload(t, "?filename=pixel.png&kind=image", "image/png", png).is(http.StatusCreated)
	for _, got := range []answer{asForm, asBytes} {
		require.Equal(t, "ready", got.text("state"))
		require.Equal(t, "image/png", got.text("mime_type"))
		require.Equal(t, "pixel.png", got.text("filename"))
		require.EqualValues(t, len(png), got.field("size"))
		response, content := fetch(t, "GET", got.text("url"))
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, png, content)

		again := f.do(t, "GET", "/v1/media/"+got.text("id"), f.ana, nil).is(http.StatusOK)
		require.Equal(t, got.text("id"), again.text("id"))
		_, content = fetch(t, "GET", again.text("url"))
		require.Equal(t, png, content)
	}
	require.Len(t, f.onDisk(t), 2)

	f.do(t, "POST", "/v1/media", f.adm, png, "Content-Type", "image/png").is(http.StatusCreated)
	f.do(t, "POST", "/v1/media", f.gateway, png).refused(http.StatusForbidden, handoff.CodeForbidden)
	f.do(t, "POST", "/v1/media", "", png).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
}

// The bytes decide what a file is; the sender's word only where it agrees with them.
func TestWhatAnUploadIs(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	for _, c := range []struct{ claimed, content, want, kind string }{
		{"", png, "image/png", "image"},
		{"application/x-www-form-urlencoded", png, "image/png", "image"}, // curl --data-binary
		{"image/jpeg", png, "image/png", "image"},
		{"text/csv", "a,b\n1,2\n", "text/csv", "document"},
		{"image/jpeg", page, "application/octet-stream", "document"},
		{"image/svg+xml", drawing, "application/octet-stream", "document"},
		{"image/jpeg", polyglot, "application/octet-stream", "document"},
		{"nonsense;;", aPDF, "application/pdf", "document"},
		{strings.Repeat("x", 5000), aPDF, "application/pdf", "document"},
		{"text/plain; charset=\"\xff\"", "hello", "text/plain; charset=utf-8", "document"},
	} {
		got := f.upload(t, "", c.claimed, c.content).is(http.StatusCreated)
		require.Equal(t, c.want, got.text("mime_type"), "%.40q", c.claimed)
		require.Empty(t, got.text("filename"))
		var kind string
		require.NoError(t, f.DB.QueryRow(t.Context(), "SELECT kind FROM media WHERE id = $1", got.text("id")).Scan(&kind))
		require.Equal(t, c.kind, kind)
	}
}

// Of real files of all kinds those pass as a kind that WhatsApp takes as it, and all of them as documents.
func TestUploadsOfRealFiles(t *testing.T) {
	t.Parallel()
	corpora.Dir(t)
	f := newFileWorld(t)
	for name, kind := range map[string]string{
		"jpg.jpg": "image", "png.png": "image", "apng.png": "image", "gif.gif": "", "avif.avif": "", "svg.svg": "", "html.html": "",
		"webp.webp": "sticker", "mp4.mp4": "video", "3gp.3gp": "video", "mov.mov": "", "webm.webm": "", "mp3.mp3": "audio", "aac.aac": "audio",
		"amr.amr": "audio", "m4a.m4a": "audio", "wav.wav": "", "pdf.pdf": "", "docx.docx": "", "xls.xls": "", "zip.zip": "", "csv.csv": "",
	} {
		content := string(corpora.File(t, "media", name))
		for _, as := range []string{"image", "sticker", "video", "audio", "document"} {
			got := f.upload(t, "?kind="+as+"&filename="+name, "", content)
			if as == kind || as == "document" || kind == "video" && path.Ext(name) == ".mp4" && as == "audio" {
				require.Equal(t, http.StatusCreated, got.status, "%s as %s: %s", name, as, got.body)
				continue
			}
			got.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		}
	}
}

func TestAFileThatIsTooLargeLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	large := png + strings.Repeat("\x00", 5<<20)
	body, header := form(t, "a.png", "image/png", large, "kind", "image")
	f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header).refused(http.StatusRequestEntityTooLarge, handoff.CodeTooLarge)
	body, header = form(t, "a.png", "image/png", large)
	f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header).refused(http.StatusRequestEntityTooLarge, handoff.CodeTooLarge)
	got := f.upload(t, "?kind=image", "image/png", large).refused(http.StatusRequestEntityTooLarge, handoff.CodeTooLarge)
	require.Contains(t, got.text("detail"), "5 MB")
	f.nothingLeft(t)

	t.Run("the kind comes after the file", func(t *testing.T) {
		t.Parallel()
		f := newFileWorld(t)
		body, header := form(t, "a", "", large)
		end := strings.LastIndex(string(body), "\r\n--")
		boundary := strings.TrimSuffix(string(body[end+2:]), "--\r\n")
		late := string(body[:end]) + "\r\n" + boundary + "\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nimage\r\n" + boundary + "--\r\n"
		f.do(t, "POST", "/v1/media", f.ana, late, "Content-Type", header).refused(http.StatusRequestEntityTooLarge, handoff.CodeTooLarge)
		f.nothingLeft(t)
	})
	t.Run("it is a document", func(t *testing.T) {
		t.Parallel()
		newFileWorld(t).upload(t, "?kind=document", "image/png", large).is(http.StatusCreated)
	})
}

// Nobody's file is read further than it may be long, whether or not its length is announced.
func TestAnEndlessUploadIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	for _, announced := range []int64{-1, 500 << 20} {
		body := &zeros{left: 500 << 20}
		request := httptest.NewRequest("POST", "/v1/media?kind=video", body)
		request.Header.Set("Authorization", "Bearer "+f.ana)
		request.ContentLength = announced
		recorder := httptest.NewRecorder()
		f.handler.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)
		require.Contains(t, recorder.Body.String(), "16 MB")
		require.Equal(t, "close", recorder.Header().Get("Connection"))
		require.LessOrEqual(t, body.read, int64(16<<20+1))
		f.nothingLeft(t)
	}
	head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	request := httptest.NewRequest("POST", "/v1/media", io.MultiReader(strings.NewReader(head), &zeros{left: 500 << 20}))
	request.Header.Set("Authorization", "Bearer "+f.ana)
	request.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, request)
	require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)
	require.Contains(t, recorder.Body.String(), "100 MB")
	f.nothingLeft(t)
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	withFile := func(head string) string {
		return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\nhello\r\n--b--\r\n"
	}
	const multipart = "multipart/form-data; boundary=b"
	for name, c := range map[string]struct {
		query, contentType, body string
		status                   int
	}{
		"empty":              {"", "text/plain", "", 422},
		"empty in a form":    {"", multipart, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\r\n--b--\r\n", 422},
		"a form without one": {"", multipart, "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nimage\r\n--b--\r\n", 422},
		"another part":       {"", multipart, withFile(`name="picture"; filename="a"`), 422},
		"two files": {"", multipart, strings.Replace(withFile(`name="file"`), "--b--", "--b", 1) +
			"Content-Disposition: form-data; name=\"file\"\r\n\r\nworld\r\n--b--\r\n", 422},
		"no boundary":         {"", "multipart/form-data", withFile(`name="file"`), 400},
		"no parts":            {"", multipart, "hello", 400},
		"cut in the file":     {"", multipart, "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhel", 400},
		"cut after the file":  {"", multipart, "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--b", 400},
		"an unknown kind":     {"?kind=hologram", "text/plain", "hello", 422},
		"an unknown kind too": {"", multipart, "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nhologram\r\n--b--\r\n", 422},
		"an endless field": {
			"", multipart, "--b\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\n" + strings.Repeat("x", 2000) + "\r\n--b--\r\n",
			422,
		},
		"an unknown parameter": {"?filname=a", "text/plain", "hello", 422},
		"a NUL":                {"?filename=a%00b", "text/plain", "hello", 422},
		"html as an image":     {"?kind=image", "image/jpeg", page, 422},
		"svg as an image":      {"?kind=image", "image/jpeg", drawing, 422},
		"a polyglot":           {"?kind=image", "image/jpeg", polyglot, 422},
	} {
		code := map[int]handoff.Code{400: handoff.CodeMalformed, 422: handoff.CodeInvalid}[c.status]
		got := f.upload(t, c.query, c.contentType, c.body)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		got.refused(c.status, code)
		f.nothingLeft(t)
	}
}

// A file is on its way to the disk while it arrives: 20 MB of it take no 20 MB of memory.
func TestUploadsAreStreamed(t *testing.T) {
	f := newFileWorld(t) // not parallel: it counts the memory of the process
	const size = 20 << 20
	head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"
	for _, contentType := range []string{"application/octet-stream", "multipart/form-data; boundary=b"} {
		var body io.Reader = &zeros{left: size}
		if strings.HasPrefix(contentType, "multipart") {
			body = io.MultiReader(strings.NewReader(head), body, strings.NewReader("\r\n--b--\r\n"))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		request := httptest.NewRequest("POST", "/v1/media", body)
		request.ContentLength = -1
		request.Header.Set("Authorization", "Bearer "+f.ana)
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Idempotency-Key", contentType)
		recorder := httptest.NewRecorder()
		f.handler.ServeHTTP(recorder, request)
		runtime.ReadMemStats(&after)
		require.Equal(t, http.StatusCreated, recorder.Code, recorder.Body.String())
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "all that was ever allocated, in use or not")
	}
	require.Equal(t, []int64{size, size}, f.onDisk(t))
}

// A slow client is waited for as long as its file moves; the server's time-outs are for small bodies.
func TestASlowUploadOutlastsTheServersTimeouts(t *testing.T) {
	t.Parallel()
	const timeout = 100 * time.Millisecond
	f := newFileWorld(t, func(_ *fileWorld, server *http.Server) { server.ReadTimeout, server.WriteTimeout = timeout, timeout })
	read, write := io.Pipe()
	go func() {
		for range 4 {
			<-time.After(timeout)
			_, _ = io.WriteString(write, "slow")
		}
		_ = write.Close()
	}()
	request, err := http.NewRequestWithContext(t.Context(), "POST", f.url+"/v1/media", read)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+f.ana)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.Equal(t, []int64{16}, f.onDisk(t))
}

// A client that goes away in the middle of its file leaves nothing.
func TestABrokenUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	read, write := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), "POST", f.url+"/v1/media", read)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+f.ana)
	done := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			err = fmt.Errorf("answered %d", response.StatusCode)
		}
		done <- err
	}()
	_, err = write.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(f.onDisk(t)) == 1 }, eventually, tick, "it is on its way to the disk")
	require.NoError(t, write.CloseWithError(io.ErrClosedPipe))
	require.ErrorContains(t, <-done, "closed pipe")
	require.Eventually(t, func() bool { return len(f.onDisk(t)) == 0 && f.rows(t) == 0 }, eventually, tick)
}

func TestAnUploadsIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	body, header := form(t, "a.txt", "text/plain", "hello")
	first := f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header, "Idempotency-Key", "k").is(http.StatusCreated)
	body, header = form(t, "a.txt", "text/plain", "hello") // with another boundary
	again := f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header, "Idempotency-Key", "k").is(http.StatusCreated)
	require.Equal(t, first.text("id"), again.text("id"))
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Len(t, f.onDisk(t), 1)
	body, header = form(t, "a.txt", "text/plain", "hello, world")
	f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header, "Idempotency-Key", "k").refused(http.StatusConflict, handoff.CodeConflict)

	// The process died after the file was there and before its answer was kept.
	_, err := f.DB.Exec(t.Context(), "UPDATE idempotency_keys SET status = NULL, body = NULL")
	require.NoError(t, err)
	body, header = form(t, "a.txt", "text/plain", "hello")
	again = f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header, "Idempotency-Key", "k").is(http.StatusCreated)
	require.Equal(t, first.text("id"), again.text("id"))

	// It died while the file arrived.
	_, err = f.DB.Exec(t.Context(), "UPDATE idempotency_keys SET status = NULL, body = NULL")
	require.NoError(t, err)
	_, err = f.DB.Exec(t.Context(), "UPDATE media SET state = 'pending', mime_type = NULL, size = NULL, filename = NULL")
	require.NoError(t, err)
	require.NoError(t, f.activities.Store.Delete(t.Context(), mediastore.Key(f.Account.ID, mustID(t, first.text("id")))))
	body, header = form(t, "a.txt", "text/plain", "hello")
	again = f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header, "Idempotency-Key", "k").is(http.StatusCreated)
	require.Equal(t, first.text("id"), again.text("id"))
	require.Equal(t, "a.txt", again.text("filename"))
	_, content := fetch(t, "GET", again.text("url"))
	require.Equal(t, "hello", content)

	for range 2 { // a refusal may be tried again with the same key
		f.upload(t, "", "text/plain", "", "Idempotency-Key", "empty").refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	require.Len(t, f.onDisk(t), 1)
}
