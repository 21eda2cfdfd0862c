// Package mediastore keeps the files of messages in blob storage, checks them, and serves them safely.
//
// Storage is a folder (file:///var/lib/handoff/media) or an S3 bucket (s3://bucket?region=eu-west-1), through gocloud.dev/blob. A
// file is written once under a key made of ids, is hashed and typed from its bytes on the way in, and either appears whole or not
// at all. What a file is called and said to be is kept in the database and never in the store.
package mediastore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/s3blob"   // s3://
	"gocloud.dev/gcerrors"

	"handoff"
)

// Store is one place for files. It is safe for concurrent use.
type Store struct {
	// Log takes what goes wrong while a file is served; nil means slog.Default. Set it before the store is used.
	Log    *slog.Logger
	bucket *blob.Bucket
	folder string // "" if the store is none
}

// Key is where the file of a message lies. It holds ids only, so it may be logged.
func Key(account, media handoff.ID) string {
	return "media/" + account.String() + "/" + media.String()
}

// Open opens the store at a URL: file:///a/folder, which is made if it is missing, or s3://bucket?region=…
// (https://gocloud.dev/howto/blob/#s3 lists the parameters). A folder is tried by writing to it; a bucket is not contacted.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	parsed, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("open media store: its URL cannot be read: write file:///var/lib/handoff/media or s3://bucket?region=eu-west-1")
	}
	if err := checkURL(parsed); err != nil {
		return nil, fmt.Errorf("open media store %s: %w", parsed.Redacted(), err)
	}
	var folder string
	if parsed.Scheme == "file" {
		if folder, err = prepareFolder(parsed); err != nil {
			return nil, fmt.Errorf("open media store: %w", err)
		}
	}
	bucket, err := blob.OpenBucket(ctx, parsed.String())
	if err != nil {
		return nil, fmt.Errorf("open media store %s: %w", parsed.Redacted(), err)
	}
	return &Store{bucket: bucket, folder: folder}, nil
}

// Close gives up the store. Files stay.
func (s *Store) Close() error {
	if err := s.bucket.Close(); err != nil {
		return fmt.Errorf("close media store: %w", err)
	}
	return nil
}

// Read opens a file to read it whole, such as for an upload to Meta. The error is a CodeNotFound if it is gone.
func (s *Store) Read(ctx context.Context, key string) (io.ReadCloser, error) {
	reader, err := s.open(ctx, key)
	if err != nil {
		return nil, err
	}
	return reader, nil
}

// Delete removes a file. One that is gone already is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

func (s *Store) open(ctx context.Context, key string) (*blob.Reader, error) {
	reader, err := s.bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, handoff.Errorf(handoff.CodeNotFound, "the file is gone from the media store")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return reader, nil
}

// checkURL refuses what the drivers would read otherwise than it was meant: fileblob ignores a host, so file://data/media would
// quietly be /media.
func checkURL(parsed *url.URL) error {
	switch {
	case parsed.Scheme == "":
		return errors.New("it has no scheme: write file:///var/lib/handoff/media for a folder or s3://bucket for a bucket")
	case !blob.DefaultURLMux().ValidBucketScheme(parsed.Scheme):
		return fmt.Errorf("unknown scheme %s: this build knows %s", parsed.Scheme, strings.Join(blob.DefaultURLMux().BucketSchemes(), ", "))
	case parsed.Scheme == "s3" && parsed.Host == "":
		return errors.New("it names no bucket: write s3://bucket?region=eu-west-1")
	case parsed.Scheme != "file":
		return nil
	case parsed.Host != "" && parsed.Host != "." && parsed.Host != "localhost":
		return errors.New("its folder would lose its first part: write three slashes, as in file:///var/lib/handoff/media")
	case parsed.Opaque != "" || strings.Trim(parsed.Path, "/") == "":
		return errors.New("it names no folder: write file:///var/lib/handoff/media")
	}
	return nil
}

// prepareFolder makes the folder and gives its path, sees that it can be written to, and sets what fileblob must do whatever the operator wrote.
// Sidecar files with metadata are off, as the database has it; temporary files lie in the same folder, as a file cannot be renamed
// out of /tmp when that is another file system.
func prepareFolder(parsed *url.URL) (string, error) {
	folder := filepath.FromSlash(parsed.Path)
	if parsed.Host == "." {
		folder = strings.TrimPrefix(folder, string(filepath.Separator))
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make its folder: %w: choose one that the server may make, or make it", err)
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return "", fmt.Errorf("write to its folder: %w: let the server's user write there", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return "", fmt.Errorf("write to its folder and remove: %w: let the server's user write there", err)
	}
	query := parsed.Query()
	query.Set("create_dir", "true")
	query.Set("dir_file_mode", "0700")
	query.Set("metadata", "skip")
	query.Set("no_tmp_dir", "true")
	parsed.RawQuery = query.Encode()
	return folder, nil
}
