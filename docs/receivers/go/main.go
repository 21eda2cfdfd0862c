// Command receiver takes the webhooks of handoff: it verifies each, keeps it once, answers at once, and works afterwards.
package main

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	tolerance  = 5 * time.Minute
	maxBody    = 8 << 20
	maxWaiting = 1000
)

var idShape = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// key verifies: a shared secret (whsec_…) or the public half of an ed25519 key (whpk_…). The other field is nil.
type key struct {
	secret []byte
	public ed25519.PublicKey
}

func parseKey(text string) (key, error) {
	prefix, encoded, _ := strings.Cut(text, "_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err == nil && prefix == "whsec" && len(raw) >= 24: // an empty HMAC key would verify for everybody
		return key{secret: raw}, nil
	case err == nil && prefix == "whpk" && len(raw) == ed25519.PublicKeySize:
		return key{public: raw}, nil
	}
	return key{}, errors.New("HANDOFF_WEBHOOK_KEY must be the endpoint's whsec_… or whpk_…")
}

// verify checks the signature over the bytes as they came. The header lists one for each key while the sender changes keys.
func (k key) verify(header http.Header, body []byte) error {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !idShape.MatchString(id) {
		return errors.New("webhook-id or webhook-timestamp is missing or malformed")
	}
	if age := time.Now().Unix() - seconds; age > int64(tolerance.Seconds()) || age < -int64(tolerance.Seconds()) {
		return errors.New("webhook-timestamp is more than five minutes off")
	}
	content := slices.Concat([]byte(id+"."+timestamp+"."), body)
	mac := hmac.New(sha256.New, k.secret)
	mac.Write(content)
	want := mac.Sum(nil)
	for _, entry := range strings.Fields(header.Get("webhook-signature")) {
		version, encoded, _ := strings.Cut(entry, ",")
		got, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		if version == "v1" && k.secret != nil && hmac.Equal(got, want) { // hmac.Equal takes the same time wherever they differ
			return nil
		}
		if version == "v1a" && k.public != nil && ed25519.Verify(k.public, content, got) {
			return nil
		}
	}
	return errors.New("no signature matches")
}

// webhook is what is kept of a request. Body is a string and no parsed JSON, so that it stays as it came.
type webhook struct {
	ID           string `json:"id"`
	Event        string `json:"event"`
	Conversation string `json:"conversation,omitempty"`
	Sequence     int64  `json:"sequence,omitempty"` // the event's number in its conversation; 0 without one
	Attempt      int    `json:"attempt"`
	Gap          bool   `json:"gap"` // an earlier event of this contact did not get through
	Body         string `json:"body"`
}

func read(header http.Header, body []byte) webhook {
	w := webhook{
		ID: header.Get("webhook-id"), Event: header.Get("Handoff-Event"), Conversation: header.Get("Handoff-Conversation"),
		Gap: header.Get("Handoff-Gap") == "true", Body: string(body),
	}
	w.Sequence, _ = strconv.ParseInt(header.Get("Handoff-Sequence"), 10, 64) // absent: 0
	w.Attempt, _ = strconv.Atoi(header.Get("Handoff-Attempt"))
	return w
}

// inbox is a folder with one file for each webhook, and a second one, .done, when it was worked on. It stands for a table of your
// database whose primary key is the webhook-id. Forget a webhook-id after a month at the earliest.
type inbox struct {
	dir   string
	mu    sync.Mutex // keeps the order in which webhooks of a conversation come
	queue chan webhook
	last  map[string]int64 // the highest sequence that was worked on, by conversation
}

// open reads what earlier runs kept: what they answered 2xx for and did not work on is worked on now.
func open(dir string) (*inbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	in := &inbox{dir: dir, last: map[string]int64{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var waiting []webhook
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var w webhook
		if err := json.Unmarshal(text, &w); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if _, err := os.Stat(in.path(w.ID, ".done")); err != nil {
			waiting = append(waiting, w)
			continue
		}
		in.last[w.Conversation] = max(in.last[w.Conversation], w.Sequence)
	}
	slices.SortFunc(waiting, func(a, b webhook) int { return cmp.Compare(a.Sequence, b.Sequence) })
	in.queue = make(chan webhook, len(waiting)+maxWaiting)
	for _, w := range waiting {
		in.queue <- w
	}
	return in, nil
}

func (in *inbox) path(id, extension string) string { return filepath.Join(in.dir, id+extension) }

var errFull = errors.New("too much is waiting")

// put keeps a webhook, unless it is here already. When it returns nil, a crash loses nothing.
func (in *inbox) put(w webhook) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) == cap(in.queue) {
		return errFull
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(in.dir, "draft-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.Write(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	err = os.Link(draft.Name(), in.path(w.ID, ".json")) // fails if the name is taken: the file appears whole, and once
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		in.queue <- w
	}
	return err
}

// work takes one webhook after the other. A crash between handle and .done repeats handle: let your work bear that, or commit its
// effect and the mark in one transaction.
func (in *inbox) work() {
	for w := range in.queue {
		late := w.Sequence > 0 && w.Sequence < in.last[w.Conversation]
		if err := handle(w, late); err != nil {
			log.Printf("webhook %s stays in %s: %v", w.ID, in.dir, err) // your queue's retry belongs here; this one retries at the next start
			continue
		}
		in.last[w.Conversation] = max(in.last[w.Conversation], w.Sequence)
		if err := os.WriteFile(in.path(w.ID, ".done"), nil, 0o600); err != nil {
			log.Printf("webhook %s will be worked on again: %v", w.ID, err)
		}
	}
}

// handle is your work. late says that a later event of the conversation came before this one, which had failed for long or was sent again
// by hand: do not let it undo what the later one did. Pass over events that you do not know.
func handle(w webhook, late bool) error {
	return json.NewEncoder(os.Stdout).Encode(struct {
		webhook
		Late bool `json:"late"`
	}{w, late})
}

// receive answers. Everything slow comes after the answer: a request is given up after 15 seconds, and sent again.
func (in *inbox) receive(k key) http.HandlerFunc {
	stop := os.Getenv("STOP") != ""
	return func(out http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			out.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxBody))
		if err != nil {
			out.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		if err := k.verify(r.Header, body); err != nil {
			http.Error(out, err.Error(), http.StatusUnauthorized)
			return
		}
		if stop {
			out.WriteHeader(http.StatusGone) // send nothing more to this URL
			return
		}
		if !utf8.Valid(body) || !json.Valid(body) {
			out.Header().Set("webhook-delivery", "abort-message") // no repeat of these bytes can be read
			out.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		if err := in.put(read(r.Header, body)); err != nil {
			out.Header().Set("Retry-After", "30")
			http.Error(out, "not kept: try again", http.StatusServiceUnavailable)
			return
		}
		out.WriteHeader(http.StatusNoContent) // also for what was here before, or it would come again
	}
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	k, err := parseKey(os.Getenv("HANDOFF_WEBHOOK_KEY"))
	if err != nil {
		return err
	}
	in, err := open("webhooks")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT")) // a proxy in front of it speaks TLS
	if err != nil {
		return err
	}
	log.Printf("listening on http://%s", listener.Addr())
	go in.work()
	server := &http.Server{Handler: in.receive(k), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	return server.Serve(listener)
}
