package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks, in the lower case in which the specification writes them. http.Header.Get and Set take
// them as they are.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how far a timestamp may be from the receiver's clock, either way. The specification leaves it open; every
// official library takes five minutes.
const Tolerance = 5 * time.Minute

const (
	maxIDLength = 128
	// maxEntries bounds the work that one header can ask for. Senders rotate over a handful of keys (Svix keeps ten).
	maxEntries = 32
	// maxTimestampDigits reaches to the year 33658, and keeps time.Unix from overflowing.
	maxTimestampDigits = 12
)

// The ways in which Verify refuses a request.
var (
	ErrMissingHeader = errors.New("webhook-id, webhook-timestamp and webhook-signature must all be present")
	ErrBadID         = errors.New("webhook id must be 1 to 128 letters, digits, _ or -, without a dot")
	ErrBadTimestamp  = errors.New("webhook timestamp must be whole seconds since 1970, in digits")
	ErrTooOld        = errors.New("webhook timestamp is more than five minutes in the past")
	ErrTooNew        = errors.New("webhook timestamp is more than five minutes in the future")
	ErrNoMatch       = errors.New("no signature matches: check that the secret is the endpoint's and that the raw body was verified")
)

// Verifier is a key that can check signatures: a Secret or a PublicKey.
type Verifier interface {
	verifies(content []byte, entries []entry) bool
}

// entry is one "version,base64" of the header webhook-signature.
type entry struct {
	version   string
	signature []byte
}

// Sign makes the three Standard Webhooks headers of one attempt.
//
// at is the time of this attempt, not of the event: receivers refuse a timestamp that is five minutes old, and a retry may
// come three days later. The id stays the same over all attempts. Each secret adds one entry, in the order given, so that
// during a rotation the old and the new one both verify.
func Sign(secrets []Secret, id string, at time.Time, body []byte) (http.Header, error) {
	if err := CheckID(id); err != nil {
		return nil, fmt.Errorf("sign webhook: %w", err)
	}
	if at.Unix() < 0 {
		return nil, fmt.Errorf("sign webhook %s: %w", id, ErrBadTimestamp)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("sign webhook %s: the endpoint has no secret: generate one", id)
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	content := signedContent(id, timestamp, body)
	entries := make([]string, len(secrets))
	for i, secret := range secrets {
		if secret.key == nil {
			return nil, fmt.Errorf("sign webhook %s: secret %d is empty: parse or generate it first", id, i+1)
		}
		entries[i] = secret.key.version() + "," + base64.StdEncoding.EncodeToString(secret.key.sign(content))
	}
	header := http.Header{}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, timestamp)
	header.Set(HeaderSignature, strings.Join(entries, " "))
	return header, nil
}

// Verify checks that one of the keys signed this body under these headers, and that the timestamp is within Tolerance of now.
//
// The errors are ErrMissingHeader, ErrBadID, ErrBadTimestamp, ErrTooOld, ErrTooNew and ErrNoMatch. Entries of unknown versions
// are passed over, as the specification asks, so that a sender can add schemes.
func Verify(header http.Header, body []byte, now time.Time, keys ...Verifier) error {
	id, timestamp, signatures := header.Get(HeaderID), header.Get(HeaderTimestamp), header.Get(HeaderSignature)
	if id == "" || timestamp == "" || signatures == "" {
		return ErrMissingHeader
	}
	if err := CheckID(id); err != nil {
		return err
	}
	at, err := parseTimestamp(timestamp)
	if err != nil {
		return err
	}
	if now.Sub(at) > Tolerance {
		return ErrTooOld
	}
	if at.Sub(now) > Tolerance {
		return ErrTooNew
	}
	content, entries := signedContent(id, timestamp, body), parseEntries(signatures)
	for _, key := range keys {
		if key.verifies(content, entries) {
			return nil
		}
	}
	return ErrNoMatch
}

// CheckID refuses what cannot be a webhook-id. A dot would make the signed content "id.timestamp.body" ambiguous, and a wamid
// has one; the other limits keep the id a plain header value.
func CheckID(id string) error {
	if id == "" || len(id) > maxIDLength {
		return ErrBadID
	}
	for _, c := range []byte(id) {
		if !isIDByte(c) {
			return ErrBadID
		}
	}
	return nil
}

func isIDByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// parseTimestamp takes digits only. strconv would also take "+1" and "-1", and the text itself is signed.
func parseTimestamp(text string) (time.Time, error) {
	if len(text) > maxTimestampDigits {
		return time.Time{}, ErrBadTimestamp
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return time.Time{}, ErrBadTimestamp
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, ErrBadTimestamp
	}
	return time.Unix(seconds, 0), nil
}

// parseEntries reads the header webhook-signature and leaves out what is not "version,base64".
func parseEntries(header string) []entry {
	var entries []entry
	for text := range strings.FieldsSeq(header) {
		if len(entries) == maxEntries {
			break
		}
		version, encoded, found := strings.Cut(text, ",")
		if !found || version == "" || encoded == "" {
			continue
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			continue
		}
		entries = append(entries, entry{version: version, signature: signature})
	}
	return entries
}

func signedContent(id, timestamp string, body []byte) []byte {
	content := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	content = append(content, id...)
	content = append(content, '.')
	content = append(content, timestamp...)
	content = append(content, '.')
	return append(content, body...)
}
