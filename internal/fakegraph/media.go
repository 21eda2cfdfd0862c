package fakegraph

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// How long things live (business-phone-numbers/media).
const (
	urlLife      = 5 * time.Minute
	inboundLife  = 7 * 24 * time.Hour
	uploadedLife = 30 * 24 * time.Hour
)

type media struct {
	mimeType string
	filename string
	content  []byte
	until    time.Time
}

// file is an address that was given out.
type file struct {
	mediaID string
	until   time.Time
}

// AddMedia puts a file of a customer's there, for seven days.
func (g *Graph) AddMedia(id, mimeType, filename string, content []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.media[id] = media{mimeType: mimeType, filename: filename, content: content, until: g.now().Add(inboundLife)}
}

// MediaAt sets where the addresses of files begin, such as http://localhost:8081; without it, with the host that was asked.
func (g *Graph) MediaAt(base string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mediaAt = strings.TrimRight(base, "/")
}

// find is called with the lock held.
func (g *Graph) find(id string) (media, bool) {
	m, ok := g.media[id]
	return m, ok && !g.now().After(m.until)
}

func (m media) sha256() string {
	sum := sha256.Sum256(m.content)
	return hex.EncodeToString(sum[:])
}

// mediaObject is GET /{media-id}: a fresh address each time. It is called with the lock held.
func (g *Graph) mediaObject(r *http.Request, id string, m media) *answer {
	key := rand.Text()
	g.files[key] = file{mediaID: id, until: g.now().Add(urlLife)}
	base := g.mediaAt
	if base == "" {
		base = baseOf(r)
	}
	query := url.Values{"mid": {id}, "ext": {fmt.Sprint(g.now().Add(urlLife).Unix())}}
	return ok(map[string]any{
		"messaging_product": "whatsapp", "id": id, "url": base + "/files/" + key + "?" + query.Encode(),
		"mime_type": m.mimeType, "sha256": m.sha256(), "file_size": len(m.content),
	})
}

func baseOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// file is GET of an address: the bytes, with the token only, and 404 once it has expired.
func (g *Graph) file(r *http.Request, key string) *answer {
	if _, refusal := g.authorize(r); refusal != nil {
		return refusal.answer()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f, known := g.files[key]
	m, there := g.find(f.mediaID)
	if !known || !there || g.now().After(f.until) {
		return &answer{status: http.StatusNotFound}
	}
	return &answer{status: http.StatusOK, body: m.content, mimeType: m.mimeType}
}

// uploadLimits are the types that Meta takes and their sizes in bytes (business-phone-numbers/media, "Supported media types").
var uploadLimits = []struct {
	limit int
	types []string
}{
	{5 << 20, []string{"image/jpeg", "image/png"}},
	{500 << 10, []string{"image/webp"}},
	{16 << 20, []string{"audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg", "video/3gpp", "video/mp4"}},
	{100 << 20, []string{
		"application/msword", "application/pdf", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "text/plain",
	}},
}

func sizeLimit(mimeType string) int {
	base, _, _ := mime.ParseMediaType(mimeType)
	for _, kind := range uploadLimits {
		if slices.Contains(kind.types, base) {
			return kind.limit
		}
	}
	return 0
}

// upload is POST /{phone-number-id}/media, a form with messaging_product, type and file.
func (g *Graph) upload(contentType string, body []byte) *answer {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return invalid("The body has to be multipart/form-data").answer()
	}
	fields := map[string]string{}
	m := media{until: g.now().Add(uploadedLife)}
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return invalid("The form is not valid: %v", err).answer()
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return invalid("The form is cut").answer()
		}
		if part.FormName() == "file" {
			m.content, m.filename, m.mimeType = content, part.FileName(), part.Header.Get("Content-Type")
			continue
		}
		fields[part.FormName()] = string(content)
	}
	limit := sizeLimit(m.mimeType)
	switch {
	case fields["messaging_product"] != "whatsapp":
		return (&refusal{code: 100, message: "The parameter messaging_product is required."}).answer()
	case len(m.content) == 0:
		return invalid("Param file is required.").answer()
	case limit == 0:
		return invalid("Param file must be a file with one of the supported types. Received file of type '%s'.", m.mimeType).answer()
	case len(m.content) > limit:
		return invalid("The file has %d bytes, and %d are allowed", len(m.content), limit).answer()
	}
	id := fmt.Sprint(mathrand.Int64N(9e15) + 1e15)
	g.media[id] = m
	return ok(map[string]any{"id": id})
}

// Media is the file with this id: what was uploaded, or put there.
func (g *Graph) Media(id string) (mimeType, filename string, content []byte, found bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, found := g.find(id)
	return m.mimeType, m.filename, m.content, found
}
