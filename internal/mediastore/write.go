package mediastore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"gocloud.dev/blob"

	"handoff"
)

// Info is what was found out about a file while it was written.
type Info struct {
	Size     int64  // in bytes
	SHA256   string // in lower-case hex
	MIMEType string // from the bytes, by Sniff; nobody's claim
}

// Limits are what a file must keep to.
type Limits struct {
	// MaxBytes is the most it may have; 0 means MaxBytes, the constant.
	MaxBytes int64
	// SHA256 is what it must hash to, in base64 or hex; "" asks for nothing. Meta's webhooks have base64, some versions of its
	// Graph API hex.
	SHA256 string
}

// ErrTooLarge is a file with more bytes than it may have. Its code is CodeTooLarge.
type ErrTooLarge struct{ Limit int64 }

// Error is a sentence for whoever sent the file.
func (e ErrTooLarge) Error() string {
	return "the file has more than " + megabytes(e.Limit) + ": send a smaller one"
}

// Unwrap gives the failure its code.
func (e ErrTooLarge) Unwrap() error { return handoff.Errorf(handoff.CodeTooLarge, "%s", e.Error()) }

// The other ways in which a file is refused. Their code is CodeInvalid.
var (
	// ErrHash is a file that does not have the SHA-256 that was announced for it.
	ErrHash error = handoff.Errorf(handoff.CodeInvalid, "the file is not the one that was announced: its SHA-256 differs")
	// ErrEmpty is a file without a byte.
	ErrEmpty error = handoff.Errorf(handoff.CodeInvalid, "the file is empty: send one that holds something")
)

// Write streams r to a key, hashing it and sniffing its type. It reads at most one byte more than the limit. After any error (one of
// ErrTooLarge, ErrHash and ErrEmpty, or a failure of r, ctx or the store) the key is as it was before. Writing the same bytes again,
// also at the same time, changes nothing.
func (s *Store) Write(ctx context.Context, key string, r io.Reader, limits Limits) (Info, error) {
	if limits.MaxBytes <= 0 {
		limits.MaxBytes = MaxBytes
	}
	want, err := decodeHash(limits.SHA256)
	if err != nil {
		return Info{}, err
	}
	limited := io.LimitReader(r, limits.MaxBytes+1)
	// Not io.ReadFull, whose io.ErrUnexpectedEOF for a short file is also what a download that breaks off answers.
	head, err := io.ReadAll(io.LimitReader(limited, sniffBytes))
	if err != nil {
		return Info{}, fmt.Errorf("read the file for %s: %w", key, err)
	}
	if len(head) == 0 {
		return Info{}, ErrEmpty
	}
	hash := sha256.New()
	size, err := s.write(ctx, key, head, limited, hash, func(size int64) error {
		if size > limits.MaxBytes {
			return ErrTooLarge{Limit: limits.MaxBytes}
		}
		if want != "" && want != string(hash.Sum(nil)) {
			return ErrHash
		}
		return nil
	})
	if err != nil {
		return Info{}, fmt.Errorf("write %s: %w", key, err)
	}
	return Info{Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), MIMEType: Sniff(head)}, nil
}

// write copies head and rest to the key and to hash, and lets the file appear if accept agrees to its size.
func (s *Store) write(
	ctx context.Context, key string, head []byte, rest io.Reader, hash io.Writer, accept func(size int64) error,
) (int64, error) {
	// A blob's writer throws away what it has if its context is cancelled before Close; otherwise Close makes a partial file appear.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File // stays nil if the store is no folder
	writer, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		// Should somebody make the bucket public, then no browser shows what is in it.
		ContentType:    unknown,
		MaxConcurrency: 1, // each part of an upload to S3 is a buffer of 5 MB
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	size, err := copyBoth(io.MultiWriter(writer, hash), head, rest)
	if err == nil {
		err = accept(size)
	}
	if err == nil {
		err = settle(file)
	}
	if err != nil {
		cancel()
		_ = writer.Close() // it answers that it was cancelled
		return 0, err
	}
	return size, writer.Close()
}

func copyBoth(to io.Writer, head []byte, rest io.Reader) (int64, error) {
	n, err := to.Write(head)
	if err != nil {
		return int64(n), err
	}
	size, err := io.Copy(to, rest)
	return size + int64(n), err
}

// settle puts a file on the disk before its name: fileblob renames without a sync, so that a power cut soon after could leave an
// empty file, and Meta keeps the original for seven days only.
func settle(file *os.File) error {
	if file == nil {
		return nil
	}
	if err := file.Chmod(0o600); err != nil {
		return err
	}
	return file.Sync()
}

// decodeHash gives the 32 bytes of a SHA-256 in hex or base64, or "" for none.
func decodeHash(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	decode := base64.RawStdEncoding.DecodeString
	if len(text) == hex.EncodedLen(sha256.Size) {
		decode = hex.DecodeString
	}
	sum, err := decode(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "=")))
	if err != nil || len(sum) != sha256.Size {
		return "", &handoff.Error{
			Code: handoff.CodeInvalid, Message: "the announced SHA-256 is neither 32 bytes of base64 nor 64 hex digits", Err: ErrHash,
		}
	}
	return string(sum), nil
}
