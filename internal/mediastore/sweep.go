package mediastore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// unfinished are the names of the files that fileblob writes to before they get their own, and of the probe at the start. No key ends so.
var unfinished = regexp.MustCompile(`\.[0-9a-f]+\.tmp$|^\.probe-[0-9]+$`)

// Sweep removes what writes that were killed before a time have left in a folder, and tells how many files that were. In a bucket
// there is nothing of the kind to see: a rule of its own has to end incomplete uploads.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	if s.folder == "" {
		return 0, nil
	}
	removed := 0
	err := filepath.WalkDir(s.folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was finished meanwhile
		}
		if err != nil || entry.IsDir() || !unfinished.MatchString(entry.Name()) {
			return errors.Join(err, ctx.Err())
		}
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			return nil
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, fmt.Errorf("sweep the media store: %w", err)
	}
	return removed, nil
}
