package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/health"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
)

// A PNG of one pixel, and what a browser would run under such a name.
const (
	png      = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\x00IEND\xaeB`\x82"
	page     = "<!doctype html><script>alert(document.domain)</script>"
	drawing  = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	polyglot = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00<html><script>alert(1)</script></html>"
	aPDF     = "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
)

// fileWorld is a world on a real connection, with a folder of files and a clock that can be moved.
type fileWorld struct {
	*world
	dir     string
	url     string
	late    atomic.Int64 // how far ahead the API's clock is
	noLinks bool
}

func newFileWorld(t *testing.T, change ...func(*fileWorld, *http.Server)) *fileWorld {
	t.Helper()
	f := &fileWorld{world: newWorld(t), dir: t.TempDir()}
	store, err := mediastore.Open(t.Context(), "file://"+f.dir)
	require.NoError(t, err)
	f.activities.Store = store
	server := httptest.NewUnstartedServer(nil)
	server.Config = api.Server("", nil)
	f.url = "http://" + server.Listener.Addr().String()
	for _, do := range change {
		do(f, server.Config)
	}
	deps := api.Deps{
		DB: f.DB, Commands: f.commands, Waker: f.waker, Box: f.Box, CheckURL: f.poster.CheckURL, CheckHeaders: outbound.CheckHeaders,
		Log: slog.New(slog.NewJSONHandler(f.log, nil)), Ready: func(context.Context) health.Ready { return health.Of(nil) },
		Now: func() time.Time { return time.Now().Add(time.Duration(f.late.Load())) }, Store: store, PublicURL: f.url + "/",
		Links: f.link,
	}
	if f.noLinks {
		deps.Links = nil
	}
	handler, err := api.New(deps)
	require.NoError(t, err)
	f.handler = checked(t, handler)
	server.Config.Handler = f.handler
	server.Start()
	t.Cleanup(server.Close)
	return f
}

// link is a public link as the server's configuration makes it.
func (f *fileWorld) link(account, media handoff.ID, at time.Time) (string, error) {
	token, err := mediastore.Links{Sealer: f.Box}.Make(account, media, at.Add(7*24*time.Hour), mediastore.ForGateway)
	return f.url + "/m/" + token, err
}

// form is a body of multipart/form-data: fields, then the file, then more fields.
func form(t testing.TB, filename, contentType, content string, fields ...string) (body []byte, header string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	head := textproto.MIMEHeader{}
	// As browsers write it: quotes and line ends in percent-encoding, and the rest as it is.
	quoted := strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22").Replace(filename)
	head.Set("Content-Disposition", `form-data; name="file"; filename="`+quoted+`"`)
	if contentType != "" {
		head.Set("Content-Type", contentType)
	}
	part, err := w.CreatePart(head)
	require.NoError(t, err)
	_, err = io.WriteString(part, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes(), w.FormDataContentType()
}

// upload sends the bytes alone.
func (f *fileWorld) upload(t *testing.T, query, contentType, content string, headers ...string) answer {
	t.Helper()
	return f.do(t, "POST", "/v1/media"+query, f.ana, content, append(headers, "Content-Type", contentType)...)
}

// send posts a message to the only conversation.
func (f *fileWorld) send(t *testing.T, conversation handoff.ID, body map[string]any) answer {
	t.Helper()
	return f.do(t, "POST", "/v1/conversations/"+conversation.String()+"/messages", f.ana, body)
}

// content is what a message holds, byte for byte, and its file.
func (f *fileWorld) content(t *testing.T, message string) (content string, media *handoff.ID) {
	t.Helper()
	require.NoError(t, f.DB.QueryRow(t.Context(), "SELECT content::text, media_id FROM messages WHERE id = $1", message).Scan(&content, &media))
	return content, media
}

func linkOf(t *testing.T, content string) string {
	t.Helper()
	var object struct{ Link string }
	require.NoError(t, json.Unmarshal([]byte(content), &object), content)
	return object.Link
}

// fetched is an answer whose body was read.
type fetched struct {
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

// fetch asks for a link as a gateway or Meta does: without a key, and without following.
func fetch(t *testing.T, method, link string, headers ...string) (fetched, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, link, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return fetched{response.StatusCode, response.Header, response.ContentLength}, string(body)
}

// onDisk are the sizes of all files in the store, temporary ones included.
func (f *fileWorld) onDisk(t *testing.T) []int64 {
	t.Helper()
	var sizes []int64
	require.NoError(t, filepath.WalkDir(f.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			sizes = append(sizes, info.Size())
		}
		return err
	}))
	return sizes
}

func (f *fileWorld) rows(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, f.DB.QueryRow(t.Context(), "SELECT count(*) FROM media").Scan(&n))
	return n
}

// nothingLeft is what every refused upload leaves.
func (f *fileWorld) nothingLeft(t *testing.T) {
	t.Helper()
	require.Empty(t, f.onDisk(t))
	require.Zero(t, f.rows(t))
}

// zeros is that many of them, told how far it was read.
type zeros struct{ left, read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	z.read += n
	return int(n), nil
}

func mustID(t *testing.T, text string) handoff.ID {
	t.Helper()
	var id handoff.ID
	require.NoError(t, id.UnmarshalText([]byte(text)))
	return id
}
