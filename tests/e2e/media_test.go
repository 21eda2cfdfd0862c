package e2e_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
)

// file is what the API says of a file.
type file struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	MIMEType string `json:"mime_type"`
	Filename string `json:"filename"`
	Size     int    `json:"size"`
	URL      string `json:"url"`
	Reason   string `json:"reason"`
}

// TestMedia is a customer who sends files through a HitlChat gateway, and an agent who answers with one.
func TestMedia(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.relay()
	gate := s.gate()
	customer := s.graph.Customer("447700900123", "John")
	photo := picture(t, func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) })

	s.graph.AddMedia("photo", "image/jpeg", "", photo)
	requirePosted(t)(customer.File("image", "photo", "My broken lamp"))
	conv := s.open()
	first := s.photoArrives(conv.ID, gate, photo)
	s.workerDiesFetching(conv.ID, gate)
	gate.open()
	requirePosted(t)(customer.Message("document", map[string]any{
		"id": s.hostile(), "mime_type": "application/pdf", "filename": "../../etc/\"inv\r\noice\u202efdp.html",
	}))
	s.hostileDocument(conv.ID)
	requirePosted(t)(customer.Message("image", map[string]any{"id": "long-gone", "mime_type": "image/jpeg", "caption": "Remember?"}))
	s.unknownFile(conv.ID)

	require.Equal(t, http.StatusOK, s.command(s.anaKey, conv.ID, "claim", nil).status)
	link := s.agentSendsUpload(conv.ID)
	s.agentSendsForm(conv.ID)
	s.agentSendsBack(conv.ID, first)
	into[conversation](t, s.command(s.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	require.Equal(t, []string{"media.failed", "media.ready", "media.ready", "media.ready"}, s.mediaEvents(conv.ID), "each file is told once")
	s.nothingLeaks(conv, "lamp", "oice", "Remember", "447700900123", "John", link[strings.LastIndex(link, "/")+1:])
}

// relay is the gateway's side of Meta's webhooks: it posts each body on as it came.
func (s *stack) relay() {
	s.Helper()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var a answer
			if a, err = send(http.MethodPost, s.url+"/v1/public/inbound", s.gatewayKey, body); err == nil {
				w.WriteHeader(a.status)
				return
			}
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	s.Cleanup(gateway.Close)
	s.graph.Notify(gateway.URL, "", "")
}

// requirePosted checks that a webhook of Meta's was taken.
func requirePosted(t *testing.T) func(fakegraph.Posted, error) fakegraph.Posted {
	t.Helper()
	return func(posted fakegraph.Posted, err error) fakegraph.Posted {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, posted.Status, "%s", posted.Body)
		return posted
	}
}

// gate stands before the files of the fake Meta: each download waits until it is let through.
type gate struct {
	arrived chan struct{}
	pass    chan struct{}
}

func (s *stack) gate() gate {
	s.Helper()
	g := gate{make(chan struct{}, 16), make(chan struct{}, 16)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.arrived <- struct{}{}
		select {
		case <-g.pass:
			s.graph.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	s.Cleanup(server.Close)
	s.graph.MediaAt(server.URL)
	return g
}

// open lets everything through from now on.
func (g gate) open() { close(g.pass) }

func (g gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.arrived:
	case <-time.After(readyWithin):
		t.Fatal("nobody fetches the file")
	}
}

func picture(t *testing.T, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, encode(&out, image.NewGray(image.Rect(0, 0, 64, 64))))
	return out.Bytes()
}

// nth waits for the nth message, from 1.
func (s *stack) nth(conversation string, n int) message {
	s.Helper()
	var said []message
	until(s.T, readyWithin, "the message is here", func() bool {
		said = s.messages(conversation)
		return len(said) >= n
	})
	return said[n-1]
}

func (s *stack) file(id string) file {
	s.Helper()
	return into[file](s.T, s.get("/v1/media/"+id), http.StatusOK)
}

// settled waits until a file is there or given up.
func (s *stack) settled(id string) file {
	s.Helper()
	var f file
	until(s.T, readyWithin, "the file is settled", func() bool {
		f = s.file(id)
		return f.State != "pending"
	})
	return f
}

// photoArrives shows the text at once, and the file when Meta has given it out.
func (s *stack) photoArrives(conv string, g gate, photo []byte) message {
	s.Helper()
	m := s.nth(conv, 1)
	require.Equal(s, "My broken lamp", m.Text)
	require.Equal(s, "pending", m.Media.State, "the text does not wait for the file")
	g.wait(s.T)
	require.Empty(s, s.file(m.Media.ID).URL)
	g.pass <- struct{}{}
	f := s.settled(m.Media.ID)
	require.Equal(s, "ready", f.State, f.Reason)
	require.Equal(s, len(photo), f.Size)
	shown := call(s.T, http.MethodGet, f.URL, "", nil)
	require.Equal(s, http.StatusOK, shown.status)
	require.Equal(s, photo, shown.body)
	require.Equal(s, "image/jpeg", shown.header.Get("Content-Type"))
	require.Equal(s, "ready", s.nth(conv, 1).Media.State)
	return m
}

// workerDiesFetching kills the worker while a file is on its way. Another one fetches it.
func (s *stack) workerDiesFetching(conv string, g gate) {
	s.Helper()
	content := bytes.Repeat([]byte("voice"), 1000)
	s.graph.AddMedia("voice", "audio/amr", "", append([]byte("#!AMR\n"), content...))
	requirePosted(s.T)(s.graph.Customer("447700900123", "John").File("audio", "voice", ""))
	m := s.nth(conv, 2)
	g.wait(s.T)
	s.worker.kill()
	require.NoError(s, s.worker.start())
	g.wait(s.T)
	for range cap(g.pass) / 2 { // whichever of the requests is alive
		g.pass <- struct{}{}
	}
	f := s.settled(m.Media.ID)
	require.Equal(s, "ready", f.State, f.Reason)
	require.Equal(s, "audio/amr", f.MIMEType)
	require.Equal(s, len(content)+6, f.Size)
}

// hostile is a page that calls itself a PDF.
func (s *stack) hostile() string {
	s.graph.AddMedia("page", "application/pdf", "", []byte("<!DOCTYPE html><html><script>alert(1)</script></html>"))
	return "page"
}

func (s *stack) hostileDocument(conv string) {
	s.Helper()
	f := s.settled(s.nth(conv, 3).Media.ID)
	require.Equal(s, "ready", f.State, f.Reason)
	a := call(s.T, http.MethodGet, f.URL, "", nil)
	require.Equal(s, http.StatusOK, a.status)
	require.Equal(s, "application/octet-stream", a.header.Get("Content-Type"), "no browser runs it")
	require.Equal(s, "nosniff", a.header.Get("X-Content-Type-Options"))
	require.Contains(s, a.header.Get("Content-Security-Policy"), "sandbox")
	disposition := a.header.Get("Content-Disposition")
	require.Regexp(s, `^attachment; filename=`, disposition)
	for _, part := range []string{"..", "/", "\\", "\r", "\n", "\u202e", "%E2%80%AE"} {
		require.NotContains(s, disposition, part)
	}
}

func (s *stack) unknownFile(conv string) {
	s.Helper()
	m := s.nth(conv, 4)
	require.Equal(s, "Remember?", m.Text)
	f := s.settled(m.Media.ID)
	require.Equal(s, "failed", f.State)
	require.NotEmpty(s, f.Reason)
	require.Empty(s, f.URL)
	require.NotContains(s, f.Reason, s.metaToken)
}

// mediaEvents are the types of the events about files, sorted, of a conversation that is over.
func (s *stack) mediaEvents(conv string) []string {
	s.Helper()
	counts := map[string]int{}
	for _, e := range s.eventsUntil(conv, "conversation.ended") {
		counts[e.Type]++
	}
	var types []string
	for _, name := range []string{"media.failed", "media.ready"} {
		for range counts[name] {
			types = append(types, name)
		}
	}
	return types
}

// eventsUntil are a conversation's events once one of the type is among them: an event shows when every transaction that began before
// it is done, other tests' included.
func (s *stack) eventsUntil(conv, kind string) []event {
	s.Helper()
	var all []event
	until(s.T, readyWithin, "the event "+kind, func() bool {
		all = pages[event](s.T, s.url+"/v1/conversations/"+conv+"/events", s.anaKey)
		return slices.ContainsFunc(all, func(e event) bool { return e.Type == kind })
	})
	return all
}

// sentLink is the link of the file in the nth webhook.
func (s *stack) sentLink(n int, kind string) string {
	s.Helper()
	var sent struct {
		Event   string                     `json:"event"`
		Payload map[string]json.RawMessage `json:"meta_payload"`
	}
	gateway := &receiver{s.gateway, s.endpoint, s.secret}
	require.NoError(s, json.Unmarshal([]byte(gateway.hook(s.T, n).Body), &sent))
	require.Equal(s, "outbound_message", sent.Event)
	require.JSONEq(s, `"`+kind+`"`, string(sent.Payload["type"]))
	var object struct {
		Link string `json:"link"`
	}
	require.NoError(s, json.Unmarshal(sent.Payload[kind], &object))
	return object.Link
}

// agentSendsUpload is an upload of bytes, and what Meta's fetcher does with the link: no key, no redirect, HEAD and Range.
func (s *stack) agentSendsUpload(conv string) string {
	s.Helper()
	manual := picture(s.T, png.Encode)
	a := call(s.T, http.MethodPost, s.url+"/v1/media?kind=image&filename=manual.png", s.anaKey, manual,
		"Content-Type", "image/png", "Idempotency-Key", "upload-1")
	uploaded := into[file](s.T, a, http.StatusCreated)
	again := call(s.T, http.MethodPost, s.url+"/v1/media?kind=image&filename=manual.png", s.anaKey, manual,
		"Content-Type", "image/png", "Idempotency-Key", "upload-1")
	require.Equal(s, uploaded.ID, into[file](s.T, again, http.StatusCreated).ID)
	body := map[string]string{"type": "image", "media_id": uploaded.ID, "caption": "Page 3"}
	into[message](s.T, s.command(s.anaKey, conv, "messages", body), http.StatusCreated)

	link := s.sentLink(1, "image")
	for _, c := range []struct {
		method, bytes string
		status        int
		want          []byte
	}{
		{http.MethodGet, "", http.StatusOK, manual},
		{http.MethodHead, "", http.StatusOK, []byte{}},
		{http.MethodGet, "bytes=10-19", http.StatusPartialContent, manual[10:20]},
		{http.MethodGet, "bytes=999999-", http.StatusRequestedRangeNotSatisfiable, nil},
	} {
		status, header, content := fetch(s.T, c.method, link, c.bytes)
		require.Equal(s, c.status, status, "%s %s", c.method, c.bytes)
		if c.want == nil {
			continue
		}
		require.Equal(s, c.want, content)
		require.Equal(s, "image/png", header.Get("Content-Type"))
		require.Equal(s, "bytes", header.Get("Accept-Ranges"))
	}
	status, _, _ := fetch(s.T, http.MethodGet, link[:len(link)-2]+"AA", "")
	require.Equal(s, http.StatusNotFound, status, "a link that was guessed")
	return link
}

// fetch makes a request as Meta's fetcher does: without credentials, following nothing.
func fetch(t *testing.T, method, link, part string) (int, http.Header, []byte) {
	t.Helper()
	request, err := http.NewRequest(method, link, nil)
	require.NoError(t, err)
	if part != "" {
		request.Header.Set("Range", part)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, content
}

// agentSendsForm is an upload as a browser makes it.
func (s *stack) agentSendsForm(conv string) {
	s.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", "terms.txt")
	require.NoError(s, err)
	_, err = part.Write([]byte("Two years of warranty."))
	require.NoError(s, err)
	require.NoError(s, writer.Close())
	a := call(s.T, http.MethodPost, s.url+"/v1/media", s.anaKey, form.Bytes(), "Content-Type", writer.FormDataContentType())
	uploaded := into[file](s.T, a, http.StatusCreated)
	require.Equal(s, "terms.txt", uploaded.Filename)
	body := map[string]string{"type": "image", "media_id": uploaded.ID}
	requireProblem(s.T, s.command(s.anaKey, conv, "messages", body), http.StatusUnprocessableEntity, "invalid")
	body["type"] = "document"
	into[message](s.T, s.command(s.anaKey, conv, "messages", body), http.StatusCreated)
	status, header, content := fetch(s.T, http.MethodGet, s.sentLink(2, "document"), "")
	require.Equal(s, http.StatusOK, status)
	require.Equal(s, "Two years of warranty.", string(content))
	require.Contains(s, header.Get("Content-Disposition"), "terms.txt")
}

// agentSendsBack sends the customer's own file, by the id under which the message shows it.
func (s *stack) agentSendsBack(conv string, m message) {
	s.Helper()
	body := map[string]string{"type": "image", "media_id": m.Media.ID}
	into[message](s.T, s.command(s.anaKey, conv, "messages", body), http.StatusCreated)
	status, _, content := fetch(s.T, http.MethodGet, s.sentLink(3, "image"), "")
	require.Equal(s, http.StatusOK, status)
	require.NotEmpty(s, content)
}
