package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/outbound"
)

const (
	// MaxMedia is the size of the largest file that WhatsApp carries, a document, in bytes (business-phone-numbers/media).
	MaxMedia = 100 << 20
	// URLLife is how long an address of Media's works (business-phone-numbers/media: "valid for 5 minutes").
	URLLife = 5 * time.Minute
)

var (
	// ErrURLExpired asks for a new address: call Media again, then Download.
	ErrURLExpired = errors.New("the address of the file has expired: ask Meta for a new one")
	// ErrMediaGone is final: Meta keeps what customers send for 7 days and uploads for 30, and another account's media are hidden.
	ErrMediaGone = errors.New("Meta has no such file any more, or this token may not see it: ask the customer to send it again")
)

// MediaInfo is what Meta knows of a file.
type MediaInfo struct {
	URL      string // works for URLLife, with the same token
	MIMEType string
	SHA256   string // as Meta writes it: hex, or base64 as in the webhooks
	Size     int64  // in bytes; 0 where Meta does not say
}

// Media asks where the file of a webhook or of an upload is (business-phone-numbers/media, "Get media URL"). The phone_number_id that
// the reference offers as a check is left out: Meta then hides files that came in before a number was moved.
//
// The errors are ErrMediaGone, a meta.SendError for a token, permission or limit at fault, and unavailable where no answer came.
func (c *Client) Media(ctx context.Context, token, mediaID string) (MediaInfo, error) {
	if err := checkID("media id", mediaID); err != nil {
		return MediaInfo{}, fmt.Errorf("%w (%w)", ErrMediaGone, err)
	}
	var answer struct {
		URL      string `json:"url"`
		MIMEType string `json:"mime_type"`
		SHA256   string `json:"sha256"`
		Size     number `json:"file_size"`
	}
	err := c.get(ctx, token, "/"+mediaID, &answer)
	var e meta.SendError
	if errors.As(err, &e) && e.Action() == meta.ActionFix && (e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest) {
		return MediaInfo{}, fmt.Errorf("%w (%w)", ErrMediaGone, e)
	}
	if err != nil {
		return MediaInfo{}, fmt.Errorf("get the address of a file: %w", err)
	}
	if err := c.name(answer.URL); err != nil {
		return MediaInfo{}, err
	}
	return MediaInfo{URL: answer.URL, MIMEType: answer.MIMEType, SHA256: answer.SHA256, Size: int64(answer.Size)}, nil
}

// name remembers that the token may go to the host of address, for as long as the address works.
func (c *Client) name(address string) error {
	u, err := url.Parse(address)
	host := origin(address)
	if err != nil || host == "" || u.Scheme != "https" && host != c.origin && !isLoopback(u.Hostname()) {
		return handoff.Errorf(handoff.CodeUnavailable, "Meta named no https address for the file: try again")
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for known, until := range c.named {
		if now.After(until) {
			delete(c.named, known)
		}
	}
	c.named[host] = now.Add(URLLife)
	return nil
}

// mayReceive tells whether the token may go to the host of address.
func (c *Client) mayReceive(address string) bool {
	host := origin(address)
	if host == "" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	until, named := c.named[host]
	return host == c.origin || named && !c.now().After(until)
}

// Download opens the file at an address that Media has given (business-phone-numbers/media, "Download media"), of at most MaxMedia
// bytes. Close the stream. The address that a webhook carries works too, once Media has named its host.
//
// The errors are ErrURLExpired, also for a host that Media has not named in the last five minutes, which gets no request; a
// meta.SendError; outbound.ErrRedirect; outbound.ErrTooLarge; and *outbound.Error where no answer came.
func (c *Client) Download(ctx context.Context, token, address string) (*outbound.Stream, error) {
	if !c.mayReceive(address) {
		return nil, ErrURLExpired
	}
	stream, err := c.http.Get(ctx, address, bearer(token), MaxMedia)
	if err != nil {
		return nil, fmt.Errorf("download a file: %w", err)
	}
	if stream.Status >= 200 && stream.Status < 300 {
		return stream, nil
	}
	defer func() { _ = stream.Close() }()
	if stream.Status == http.StatusNotFound || stream.Status == http.StatusGone {
		return nil, ErrURLExpired
	}
	body, _ := io.ReadAll(io.LimitReader(stream, outbound.MaxBody)) // the status alone is an answer too
	return nil, fmt.Errorf("download a file: %w", sendError(token, stream.Status, body))
}

// number is an integer that Meta writes with or without quotes; what is none is 0.
type number int64

// UnmarshalJSON never fails: a size that cannot be read is no reason to lose a file.
func (n *number) UnmarshalJSON(raw []byte) error {
	parsed, _ := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	*n = number(max(parsed, 0))
	return nil
}
