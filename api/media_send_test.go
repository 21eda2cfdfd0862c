package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/corpora"
	"handoff/internal/mediastore"
)

// An agent's file goes the whole way: up, into a message, and to whoever has the link in it.
func TestAnUploadIsSentByItsLink(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	id := f.upload(t, "?kind=image&filename=pixel.png", "image/png", png).is(http.StatusCreated).text("id")
	sent := f.send(t, c.ID, map[string]any{"type": "image", "media_id": id, "caption": "<1 & 2>"}).is(http.StatusCreated)
	require.Equal(t, id, sent.text("media.id"))
	require.Equal(t, "ready", sent.text("media.state"))
	require.Equal(t, "<1 & 2>", sent.text("text"))

	content, media := f.content(t, sent.text("id"))
	require.Equal(t, id, media.String())
	link := linkOf(t, content)
	require.Equal(t, `{"link":"`+link+`","caption":"<1 & 2>"}`, content)
	require.Regexp(t, "^"+f.url+"/m/[A-Za-z0-9_-]{99}$", link)

	response, body := fetch(t, "GET", link)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "image/png", response.Header.Get("Content-Type"))
	require.Equal(t, `inline; filename=pixel.png`, response.Header.Get("Content-Disposition"))
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	require.EqualValues(t, len(png), response.ContentLength)
	require.Equal(t, png, body)
	etag := response.Header.Get("ETag")

	response, body = fetch(t, "HEAD", link)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "image/png", response.Header.Get("Content-Type"))
	require.EqualValues(t, len(png), response.ContentLength)
	require.Empty(t, body)

	response, body = fetch(t, "GET", link, "Range", "bytes=1-3")
	require.Equal(t, http.StatusPartialContent, response.StatusCode)
	require.Equal(t, "PNG", body)
	response, _ = fetch(t, "GET", link, "If-None-Match", etag)
	require.Equal(t, http.StatusNotModified, response.StatusCode)
	response, _ = fetch(t, "GET", link, "Range", "bytes=9999-")
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, response.StatusCode)
	response, _ = fetch(t, "POST", link)
	require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)

	// What an inbox client shows is another link to the same bytes.
	listed := f.do(t, "GET", "/v1/conversations/"+c.ID.String()+"/messages?order=desc", f.ana, nil).is(http.StatusOK)
	require.Equal(t, link, listed.text("items.0.content.image.link"))
	require.NotEqual(t, link, listed.text("items.0.media.url"))
	_, body = fetch(t, "GET", listed.text("items.0.media.url"))
	require.Equal(t, png, body)

	for _, secret := range []string{strings.TrimPrefix(link, f.url+"/m/"), "pixel.png", "1 & 2"} {
		require.NotContains(t, f.log.String(), secret)
	}
	require.Contains(t, f.log.String(), `"route":"/m/:token"`)
}

// Meta's fetcher goes by the Content-Type: a file comes as what it is sent as.
func TestEveryKindOfFileIsSent(t *testing.T) {
	t.Parallel()
	corpora.Dir(t)
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	for _, x := range []struct{ name, kind, mimeType string }{
		{"jpg.jpg", "image", "image/jpeg"},
		{"mp4.mp4", "video", "video/mp4"},
		{"mp3.mp3", "audio", "audio/mpeg"},
		{"m4a.m4a", "audio", "audio/mp4"},
		{"amr.amr", "audio", "audio/amr"},
		{"webp.webp", "sticker", "image/webp"},
		{"pdf.pdf", "document", "application/pdf"},
		{"svg.svg", "document", "application/octet-stream"},
		{"docx.docx", "document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	} {
		file := string(corpora.File(t, "media", x.name))
		id := f.upload(t, "?filename="+x.name, "", file).is(http.StatusCreated).text("id")
		sent := f.send(t, c.ID, map[string]any{"type": x.kind, "media_id": id}).is(http.StatusCreated)
		content, _ := f.content(t, sent.text("id"))
		want := `{"link":"` + linkOf(t, content) + `"}`
		if x.kind == "document" {
			want = `{"link":"` + linkOf(t, content) + `","filename":"` + x.name + `"}`
		}
		require.Equal(t, want, content, x.name)
		response, body := fetch(t, "GET", linkOf(t, content))
		require.Equal(t, x.mimeType, response.Header.Get("Content-Type"), x.name)
		require.Equal(t, file, body)
	}
}

// What a browser would run is no image, whatever it says; as a document it is saved and not shown.
func TestDisguisedPagesAreHarmless(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	for name, content := range map[string]string{"html": page, "svg": drawing, "polyglot": polyglot} {
		id := f.upload(t, "?filename=cat.jpg", "image/jpeg", content).is(http.StatusCreated).text("id")
		got := f.send(t, c.ID, map[string]any{"type": "image", "media_id": id}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, got.text("detail"), "JPEG and PNG", name)
		sent := f.send(t, c.ID, map[string]any{"type": "document", "media_id": id}).is(http.StatusCreated)
		stored, _ := f.content(t, sent.text("id"))
		response, body := fetch(t, "GET", linkOf(t, stored))
		require.Equal(t, content, body)
		require.Equal(t, "application/octet-stream", response.Header.Get("Content-Type"), name)
		require.Equal(t, "attachment; filename=cat.jpg", response.Header.Get("Content-Disposition"))
		require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
		require.Contains(t, response.Header.Get("Content-Security-Policy"), "sandbox")
	}
}

func TestHostileFilenamesAreInert(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	for name, clean := range map[string]string{"\"\r\nX: y": "_ X_ y", "../../x": "x", "a\u202egpj.exe": "agpj.exe"} {
		body, header := form(t, "plain.pdf", "application/pdf", aPDF, "filename", name)
		file := f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header).is(http.StatusCreated)
		require.Equal(t, clean, file.text("filename"))
		for _, message := range []map[string]any{
			{"type": "document", "media_id": file.text("id")}, {"type": "document", "media_id": file.text("id"), "filename": name},
		} {
			sent := f.send(t, c.ID, message).is(http.StatusCreated)
			content, _ := f.content(t, sent.text("id"))
			var object struct{ Filename string }
			require.NoError(t, json.Unmarshal([]byte(content), &object))
			require.Equal(t, clean, object.Filename)
			response, _ := fetch(t, "GET", linkOf(t, content))
			require.Empty(t, response.Header.Get("X"))
			require.NotContains(t, response.Header.Get("Content-Disposition"), "..")
		}
	}
	for _, kept := range f.onDisk(t) {
		require.EqualValues(t, len(aPDF), kept)
	}
	// The name in the part's own header, as a browser sends it.
	body, header := form(t, "../../\"x\r\ny", "application/pdf", aPDF)
	got := f.do(t, "POST", "/v1/media", f.ana, body, "Content-Type", header).is(http.StatusCreated)
	require.Equal(t, "%22x%0D%0Ay", got.text("filename"))
}

func TestFilesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	image := f.upload(t, "", "image/png", png).is(http.StatusCreated).text("id")
	foreign := f.do(t, "POST", "/v1/media", f.strangerAgent, png).is(http.StatusCreated).text("id")
	webp := f.upload(t, "", "", "RIFF\x24\x00\x00\x00WEBPVP8 ").is(http.StatusCreated).text("id")
	state := func(state string) string {
		id := f.upload(t, "", "image/png", png).is(http.StatusCreated).text("id")
		_, err := f.DB.Exec(t.Context(), "UPDATE media SET state = $2 WHERE id = $1", id, state)
		require.NoError(t, err)
		return id
	}
	for name, x := range map[string]struct {
		body   map[string]any
		status int
		code   handoff.Code
		place  string
	}{
		"another account's":   {map[string]any{"type": "image", "media_id": foreign}, 422, handoff.CodeInvalid, "body.media_id"},
		"none":                {map[string]any{"type": "image", "media_id": handoff.NewID()}, 422, handoff.CodeInvalid, "body.media_id"},
		"pending":             {map[string]any{"type": "image", "media_id": state("pending")}, 409, handoff.CodeConflict, ""},
		"failed":              {map[string]any{"type": "image", "media_id": state("failed")}, 422, handoff.CodeInvalid, "body.media_id"},
		"of another type":     {map[string]any{"type": "video", "media_id": image}, 422, handoff.CodeInvalid, ""},
		"a text":              {map[string]any{"type": "text", "text": "x", "media_id": image}, 422, handoff.CodeInvalid, "body.media_id"},
		"both ways":           {map[string]any{"type": "image", "media_id": image, "image": map[string]string{"id": "1"}}, 422, handoff.CodeInvalid, "body.image"},
		"a name for an image": {map[string]any{"type": "image", "media_id": image, "filename": "a"}, 422, handoff.CodeInvalid, "body.image.filename"},
		"words on a sticker":  {map[string]any{"type": "sticker", "media_id": webp, "caption": "a"}, 422, handoff.CodeInvalid, "body.sticker.caption"},
		"a caption too long": {
			map[string]any{"type": "image", "media_id": image, "caption": strings.Repeat("x", 1025)},
			422, handoff.CodeInvalid,
			"body.caption",
		},
		"a caption without it": {
			map[string]any{"type": "image", "caption": "x", "image": map[string]string{"id": "1"}},
			422, handoff.CodeInvalid,
			"body.caption",
		},
	} {
		got := f.send(t, c.ID, x.body)
		require.Equal(t, x.status, got.status, "%s: %s", name, got.body)
		got.refused(x.status, x.code)
		require.Equal(t, x.place, got.text("errors.0.location"), "%s: %s", name, got.body)
	}
	var outbound int
	require.NoError(t, f.DB.QueryRow(t.Context(), "SELECT count(*) FROM messages WHERE direction = 'outbound'").Scan(&outbound))
	require.Zero(t, outbound)

	// Meta's own forms go on as before.
	f.send(t, c.ID, map[string]any{"type": "image", "image": map[string]string{"link": "https://example.com/a.png"}}).is(http.StatusCreated)
	f.send(t, c.ID, map[string]any{"type": "image", "image": map[string]string{"id": "123"}}).is(http.StatusCreated)
}

func TestTheWindowHoldsForFilesToo(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	id := f.upload(t, "", "image/png", png).is(http.StatusCreated).text("id")
	f.late.Store(int64(25 * time.Hour))
	f.send(t, c.ID, map[string]any{"type": "image", "media_id": id}).refused(http.StatusUnprocessableEntity, handoff.CodeWindowClosed)
}

func TestWithoutAPublicAddressFilesAreNotSent(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t, func(f *fileWorld, _ *http.Server) { f.noLinks = true })
	c := f.conversation(t, "447700900123")
	id := f.upload(t, "", "image/png", png).is(http.StatusCreated).text("id")
	got := f.send(t, c.ID, map[string]any{"type": "image", "media_id": id}).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, got.text("detail"), "HANDOFF_PUBLIC_URL")
	// Agents read files all the same, at an address relative to the API's.
	w := newWorld(t)
	got = w.do(t, "POST", "/v1/media", w.ana, png).is(http.StatusCreated)
	require.Regexp(t, "^/m/", got.text("url"))
	w.do(t, "GET", got.text("url"), "", nil).is(http.StatusOK)
}

// A customer's file may be forwarded; its link may be out before the file is there.
func TestAPendingFileIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	c := f.conversation(t, "447700900123")
	id := handoff.NewID()
	_, err := f.DB.Exec(t.Context(), `INSERT INTO media (id, account_id, inbox_id, contact_id, external_id, kind, state, declared_type, created_at)
		VALUES ($1, $2, $3, $4, '123', 'image', 'pending', 'image/png', now())`, id, c.AccountID, c.InboxID, c.ContactID)
	require.NoError(t, err)
	link, err := f.link(c.AccountID, id, time.Now())
	require.NoError(t, err)
	for _, method := range []string{"GET", "HEAD"} {
		response, _ := fetch(t, method, link)
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		require.Equal(t, "2", response.Header.Get("Retry-After"))
	}
	view := f.do(t, "GET", "/v1/media/"+id.String(), f.ana, nil).is(http.StatusOK)
	require.Equal(t, "pending", view.text("state"))
	require.Nil(t, view.field("url"))

	info, err := f.activities.Store.Write(t.Context(), mediastore.Key(c.AccountID, id), strings.NewReader(png), mediastore.Limits{})
	require.NoError(t, err)
	now, mimeType := time.Now(), "image/png"
	finish := dbsqlc.MediaFinishParams{ID: id, State: handoff.MediaReady, MimeType: &mimeType, Sha256: &info.SHA256, Size: &info.Size, FinishedAt: &now}
	_, err = dbsqlc.New(f.DB).MediaFinish(context.Background(), finish)
	require.NoError(t, err)
	response, body := fetch(t, "GET", link)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, png, body)
	sent := f.send(t, c.ID, map[string]any{"type": "image", "media_id": id}).is(http.StatusCreated)
	content, _ := f.content(t, sent.text("id"))
	_, body = fetch(t, "GET", linkOf(t, content))
	require.Equal(t, png, body)

	_, err = f.DB.Exec(t.Context(), "UPDATE media SET state = 'failed' WHERE id = $1", id)
	require.NoError(t, err)
	response, _ = fetch(t, "GET", link)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

// Why a link leads nowhere, the answer does not tell.
func TestLinksThatLeadNowhere(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	file := f.upload(t, "", "image/png", png).is(http.StatusCreated)
	forAgent := file.text("url")
	public, err := f.link(f.Account.ID, mustID(t, file.text("id")), time.Now())
	require.NoError(t, err)
	absent, err := f.link(f.Account.ID, handoff.NewID(), time.Now())
	require.NoError(t, err)
	foreign, err := f.link(f.strangerWorld.Account.ID, mustID(t, file.text("id")), time.Now())
	require.NoError(t, err)
	bodies := map[string]bool{}
	gone := func(link string) {
		response, body := fetch(t, "GET", link, "X-Request-Id", "same")
		require.Equal(t, http.StatusNotFound, response.StatusCode, link)
		bodies[body] = true
	}
	for _, link := range []string{absent, foreign, public[:len(public)-1], public + "A", f.url + "/m/x"} {
		gone(link)
	}
	for _, x := range []struct {
		late                   time.Duration
		agentWorks, publicWork bool
	}{{0, true, true}, {59 * time.Minute, true, true}, {time.Hour, false, true}, {7*24*time.Hour - time.Minute, false, true}, {7 * 24 * time.Hour, false, false}} {
		f.late.Store(int64(x.late))
		for link, works := range map[string]bool{forAgent: x.agentWorks, public: x.publicWork} {
			if !works {
				gone(link)
				continue
			}
			response, _ := fetch(t, "GET", link)
			require.Equal(t, http.StatusOK, response.StatusCode, x.late)
		}
	}
	require.Len(t, bodies, 1)
	for body := range bodies {
		require.Contains(t, body, "ask for a new one")
	}
}

// Downloads too take as long as they move.
func TestASlowDownloadOutlastsTheServersTimeout(t *testing.T) {
	t.Parallel()
	const timeout, size = 100 * time.Millisecond, 40 << 20
	f := newFileWorld(t, func(_ *fileWorld, server *http.Server) { server.WriteTimeout = timeout })
	url := f.upload(t, "?kind=document", "", strings.Repeat("\x00", size)).is(http.StatusCreated).text("url")
	request, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	<-time.After(3 * timeout) // the connection's buffers are full, and the server waits
	n, err := io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
}
