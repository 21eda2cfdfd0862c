package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/fakegraph"
	"handoff/internal/graph"
	"handoff/internal/meta"
	"handoff/internal/outbound"
)

func TestMediaAndDownload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := bytes.Repeat([]byte("image"), 1<<20)
	b.fake.AddMedia("300", "image/jpeg", "", content)

	info, err := b.Media(t.Context(), token, "300")
	require.NoError(t, err)
	require.Equal(t, "image/jpeg", info.MIMEType)
	require.EqualValues(t, len(content), info.Size)
	require.Len(t, info.SHA256, 64)
	stream, err := b.Download(t.Context(), token, info.URL)
	require.NoError(t, err)
	got, err := io.ReadAll(stream)
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	require.True(t, bytes.Equal(content, got))
	require.Equal(t, "image/jpeg", stream.Header.Get("Content-Type"))
}

func TestCorpusOfMediaFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entries, err := os.ReadDir(filepath.Join(corpora.Dir(t), "media"))
	require.NoError(t, err)
	for _, entry := range entries {
		want := corpora.File(t, "media", entry.Name())
		id := strings.ReplaceAll(entry.Name(), ".", "_")
		b.fake.AddMedia(id, "application/octet-stream", entry.Name(), want)
		info, err := b.Media(t.Context(), token, id)
		require.NoError(t, err)
		stream, err := b.Download(t.Context(), token, info.URL)
		require.NoError(t, err)
		got, err := io.ReadAll(stream)
		require.NoError(t, err)
		require.NoError(t, stream.Close())
		require.Equal(t, want, got, entry.Name())
	}
}

// The address works for five minutes. After that the client asks for a new one, and a new one works.
func TestTheAddressExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.AddMedia("300", "image/jpeg", "", []byte("x"))
	info, err := b.Media(t.Context(), token, "300")
	require.NoError(t, err)
	b.clock.pass(graph.URLLife + time.Second)
	_, err = b.Download(t.Context(), token, info.URL)
	require.ErrorIs(t, err, graph.ErrURLExpired)
	info, err = b.Media(t.Context(), token, "300")
	require.NoError(t, err)
	stream, err := b.Download(t.Context(), token, info.URL)
	require.NoError(t, err)
	require.NoError(t, stream.Close())

	b.clock.pass(8 * 24 * time.Hour)
	_, err = b.Media(t.Context(), token, "300")
	require.ErrorIs(t, err, graph.ErrMediaGone)
	var e meta.SendError
	require.ErrorAs(t, err, &e)
	require.Equal(t, 33, e.Subcode)
}

func TestMediaErrorsAreTyped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  fakegraph.Fault
		gone   bool
		action meta.Action // of the SendError; empty where there is none
	}{
		"gone":       {fakegraph.Fault{Code: 100}, true, meta.ActionFix},
		"404":        {fakegraph.Fault{Status: 404}, true, meta.ActionFix},
		"token":      {fakegraph.Fault{Code: 190, Status: 400}, false, meta.ActionRefreshToken},
		"permission": {fakegraph.Fault{Code: 10, Status: 400}, false, meta.ActionPermission},
		"throttle":   {fakegraph.Fault{Code: 4, Status: 400}, false, meta.ActionThrottle},
		"500":        {fakegraph.Fault{Status: 500}, false, meta.ActionRetry},
		"hang":       {fakegraph.Fault{Hang: true, Times: -1}, false, ""},
		"no JSON":    {fakegraph.Fault{Body: "<html>", Status: 200}, false, ""},
		"no URL":     {fakegraph.Fault{Body: `{"id":"300"}`, Status: 200}, false, ""},
		"http URL":   {fakegraph.Fault{Body: `{"url":"http://files.example.com/1"}`, Status: 200}, false, ""},
		"user info":  {fakegraph.Fault{Body: `{"url":"https://a:b@files.example.com/1"}`, Status: 200}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.AddMedia("300", "image/jpeg", "", []byte("x"))
			b.fake.Fail(tt.fault)
			_, err := b.Media(t.Context(), token, "300")
			require.Error(t, err)
			require.Equal(t, tt.gone, isErr(err, graph.ErrMediaGone), "%v", err)
			var e meta.SendError
			if tt.action == "" {
				require.Equal(t, handoff.CodeUnavailable, handoff.ErrorCode(err))
				return
			}
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.action, e.Action())
		})
	}
	b := setup(t)
	for _, id := range []string{"", "..", "../me", "300?fields=x", "3/4", strings.Repeat("3", 129)} {
		_, err := b.Media(t.Context(), token, id)
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), id)
	}
}

func TestDownloadErrorsAreTyped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.AddMedia("300", "image/jpeg", "", []byte("x"))
	download := func(fault fakegraph.Fault) error {
		info, err := b.Media(t.Context(), token, "300")
		require.NoError(t, err)
		b.fake.Fail(fault)
		_, err = b.Download(t.Context(), token, info.URL)
		require.Error(t, err)
		return err
	}
	require.ErrorIs(t, download(fakegraph.Fault{Status: 404}), graph.ErrURLExpired)
	var e meta.SendError
	require.ErrorAs(t, download(fakegraph.Fault{Code: 190}), &e)
	require.Equal(t, meta.ActionRefreshToken, e.Action())
	require.ErrorAs(t, download(fakegraph.Fault{Status: 500}), &e)
	require.Equal(t, meta.ActionRetry, e.Action())
	var failure *outbound.Error
	require.ErrorAs(t, download(fakegraph.Fault{Before: true, Times: 2}), &failure)
}

// The token goes to Graph and to the hosts that Media has just named: to nobody else, whoever names it, and across no redirect.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	b, s := setup(t), newStranger(t)
	b.fake.AddMedia("300", "image/jpeg", "", []byte("x"))
	for _, address := range []string{
		s.url + "/files/1", s.url, strings.Replace(b.url, "http://", "http://user@", 1), "//" + strings.TrimPrefix(s.url, "http://"),
		b.url + ".evil.example.com/", b.url + "@" + strings.TrimPrefix(s.url, "http://"), "", "::",
	} {
		_, err := b.Download(t.Context(), token, address)
		require.ErrorIs(t, err, graph.ErrURLExpired, address)
	}
	info, err := b.Media(t.Context(), token, "300")
	require.NoError(t, err)
	b.fake.Fail(fakegraph.Fault{Path: "/files/", Location: s.url})
	_, err = b.Download(t.Context(), token, info.URL)
	require.ErrorIs(t, err, outbound.ErrRedirect)
	b.fake.Fail(fakegraph.Fault{Location: s.url, Times: 2})
	_, err = b.Media(t.Context(), token, "300")
	require.Error(t, err)
	require.Equal(t, http.StatusFound, b.Call(t.Context(), token, messages, []byte(text)).Status)
	require.Zero(t, s.got(), "a third host got a request")

	b.fake.MediaAt(s.url)
	info, err = b.Media(t.Context(), token, "300")
	require.NoError(t, err)
	stream, err := b.Download(t.Context(), token, info.URL)
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	require.Equal(t, 1, s.got(), "the host that Media named is the one exception")
	b.clock.pass(graph.URLLife + time.Second)
	_, err = b.Download(t.Context(), token, info.URL)
	require.ErrorIs(t, err, graph.ErrURLExpired)
	require.Equal(t, 1, s.got(), "named too long ago")
}

func TestALargeFileIsRefused(t *testing.T) {
	t.Parallel()
	var address string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/300") {
			_ = json.NewEncoder(w).Encode(map[string]string{"url": address, "file_size": "<14_254>"})
			return
		}
		w.Header().Set("Content-Length", "104857601")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	address = server.URL + "/file"
	b := setup(t)
	client := graph.New(graph.Config{BaseURL: server.URL + "/", HTTP: b.http})
	info, err := client.Media(t.Context(), token, "300")
	require.NoError(t, err)
	require.Zero(t, info.Size)
	_, err = client.Download(t.Context(), token, info.URL)
	require.ErrorIs(t, err, outbound.ErrTooLarge)
}

func TestCorpusOfMediaResponses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	root := filepath.Join(corpora.Dir(t), "whatsapp", "media-responses")
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			return nil
		}
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		b.fake.Fail(fakegraph.Fault{Body: string(body), Status: http.StatusOK})
		info, err := b.Media(t.Context(), token, "300")
		if !bytes.Contains(body, []byte(`"url": "https://`)) { // a placeholder, or the answer to a deletion
			require.Equal(t, handoff.CodeUnavailable, handoff.ErrorCode(err), path)
			return nil
		}
		require.NoError(t, err, path)
		require.NotEmpty(t, info.URL)
		require.NotEmpty(t, info.MIMEType)
		return nil
	}))
}

func TestUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := bytes.Repeat([]byte("pdf!"), 1<<20)
	upload := func(file graph.File) (string, error) { return b.Upload(t.Context(), token, number, file) }
	for name, want := range map[string]string{
		"invoice.pdf": "invoice.pdf", `../a"b\c.pdf`: "c.pdf", "a\r\nX: y.pdf": "aX: y.pdf", `quo"te.pdf`: `quo"te.pdf`, "Größe.pdf": "Größe.pdf", "": "file",
	} {
		// A reader without a length, so that it can only be streamed.
		reader := io.MultiReader(bytes.NewReader(content[:100]), bytes.NewReader(content[100:]))
		id, err := upload(graph.File{Name: name, MIMEType: "application/pdf", Size: int64(len(content)), Content: reader})
		require.NoError(t, err, name)
		mimeType, filename, got, found := b.fake.Media(id)
		require.True(t, found)
		require.Equal(t, "application/pdf", mimeType)
		require.Equal(t, want, filename)
		require.True(t, bytes.Equal(content, got))
		result := b.Call(t.Context(), token, messages,
			[]byte(`{"messaging_product":"whatsapp","to":"16315555555","type":"document","document":{"id":"`+id+`"}}`))
		require.True(t, result.OK(), "%s", result.Body)
	}

	_, err := upload(graph.File{Name: "a", MIMEType: "image/gif", Size: 1, Content: strings.NewReader("a")})
	var e meta.SendError
	require.ErrorAs(t, err, &e)
	require.Equal(t, meta.ActionFix, e.Action())
	require.Contains(t, e.Failure().Reason, "image/gif")
	for _, file := range []graph.File{
		{MIMEType: "image/png"}, {MIMEType: "image/png", Size: graph.MaxMedia + 1}, {MIMEType: "image/png\r\nX: y", Size: 1}, {Size: 1},
	} {
		file.Content = strings.NewReader("a")
		_, err := upload(file)
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	}
	b.fake.Fail(fakegraph.Fault{Code: 190})
	_, err = upload(graph.File{Name: "a", MIMEType: "image/png", Size: 1, Content: strings.NewReader("a")})
	require.ErrorAs(t, err, &e)
	require.Equal(t, meta.ActionRefreshToken, e.Action())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.Upload(ctx, token, number, graph.File{Name: "a", MIMEType: "image/png", Size: 1, Content: strings.NewReader("a")})
	require.ErrorIs(t, err, context.Canceled)
	_, err = upload(graph.File{Name: "short", MIMEType: "image/png", Size: 2, Content: strings.NewReader("a")})
	require.Equal(t, handoff.CodeUnavailable, handoff.ErrorCode(err), "fewer bytes than announced")
}
