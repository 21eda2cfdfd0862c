package mediastore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/mediastore"
)

func write(t testing.TB, store *mediastore.Store, key, content string) mediastore.Info {
	t.Helper()
	info, err := store.Write(t.Context(), key, strings.NewReader(content), mediastore.Limits{})
	require.NoError(t, err)
	return info
}

func TestWriteKeepsTheBytesAndSaysWhatTheyAre(t *testing.T) {
	t.Parallel()

	for _, size := range []int{1, 4095, 4096, 4097, 32 << 10, 3<<20 + 7} {
		store, dir := folder(t)
		content := strings.Repeat("x", size)
		sum := sha256.Sum256([]byte(content))

		// In short reads, as from a slow peer; the limit is met exactly.
		info, err := store.Write(t.Context(), "media/a/b", iotest.HalfReader(strings.NewReader(content)), mediastore.Limits{MaxBytes: int64(size)})
		require.NoError(t, err)
		require.Equal(t, mediastore.Info{
			Size: int64(size), SHA256: hex.EncodeToString(sum[:]), MIMEType: "text/plain; charset=utf-8",
		}, info)
		require.Equal(t, map[string]string{"media/a/b": content}, files(t, dir), "one file, no sidecar, no temporary file")
		stat, err := os.Stat(filepath.Join(dir, "media/a/b"))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), stat.Mode().Perm())

		reader, err := store.Read(t.Context(), "media/a/b")
		require.NoError(t, err)
		read, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		require.Equal(t, content, string(read))
	}
}

func TestWriteToAStoreThatIsNoFolder(t *testing.T) {
	t.Parallel()

	store, err := mediastore.Open(t.Context(), "mem://")
	require.NoError(t, err)
	require.EqualValues(t, 5, write(t, store, "k", "hello").Size)
	_, err = store.Write(t.Context(), "gone", strings.NewReader("hello"), mediastore.Limits{MaxBytes: 4})
	require.ErrorIs(t, err, mediastore.ErrTooLarge{Limit: 4})
	_, err = store.Read(t.Context(), "gone")
	require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(err))
}

// watched gives zeros without end, and remembers how large the folder ever got and how much was asked of it.
type watched struct {
	dir           string
	read, largest int64
}

func (w *watched) Read(p []byte) (int, error) {
	var total int64
	err := filepath.WalkDir(w.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	w.largest = max(w.largest, total)
	w.read += int64(len(p))
	clear(p)
	return len(p), err
}

func TestAFileOverTheLimitIsAbortedAndLeavesNothing(t *testing.T) {
	t.Parallel()

	for _, limit := range []int64{1, 100, 4095, 4096, 5000, 1 << 20} {
		store, dir := folder(t)
		endless := &watched{dir: dir}

		_, err := store.Write(t.Context(), "media/a/b", endless, mediastore.Limits{MaxBytes: limit})

		var tooLarge mediastore.ErrTooLarge
		require.ErrorAs(t, err, &tooLarge)
		require.Equal(t, limit, tooLarge.Limit)
		require.Equal(t, handoff.CodeTooLarge, handoff.ErrorCode(err))
		require.LessOrEqual(t, endless.largest, limit+64<<10)
		require.LessOrEqual(t, endless.read, limit+64<<10)
		require.Empty(t, files(t, dir))
	}
	require.Equal(t, "the file has more than 5 MB: send a smaller one", mediastore.ErrTooLarge{Limit: 5 << 20}.Error())
}

func TestWithoutALimitThereIsTheLargest(t *testing.T) {
	t.Parallel()

	store, dir := folder(t)
	_, err := store.Write(t.Context(), "k", io.LimitReader(&watched{dir: filepath.Join(dir)}, mediastore.MaxBytes+1), mediastore.Limits{})
	require.ErrorIs(t, err, mediastore.ErrTooLarge{Limit: mediastore.MaxBytes})
	require.Empty(t, files(t, dir))
}

func TestTheAnnouncedHashIsChecked(t *testing.T) {
	t.Parallel()

	// Its hash has both letters that base64 and base64url write differently, as the loop sees to.
	content := "x"
	sum := sha256.Sum256([]byte(content))
	for !strings.ContainsAny(base64.StdEncoding.EncodeToString(sum[:]), "+") || !strings.Contains(base64.StdEncoding.EncodeToString(sum[:]), "/") {
		content += "x"
		sum = sha256.Sum256([]byte(content))
	}
	for name, text := range map[string]string{
		"base64": base64.StdEncoding.EncodeToString(sum[:]), "unpadded": base64.RawStdEncoding.EncodeToString(sum[:]),
		"base64url": base64.URLEncoding.EncodeToString(sum[:]), "hex": hex.EncodeToString(sum[:]),
		"upper hex": strings.ToUpper(hex.EncodeToString(sum[:])), "none": "",
	} {
		store, _ := folder(t)
		_, err := store.Write(t.Context(), "k", strings.NewReader(content), mediastore.Limits{SHA256: text})
		require.NoError(t, err, name)
		if text == "" {
			continue
		}
		dir := ""
		store, dir = folder(t)
		_, err = store.Write(t.Context(), "k", strings.NewReader(content+"y"), mediastore.Limits{SHA256: text})
		require.ErrorIs(t, err, mediastore.ErrHash, name)
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
		require.Empty(t, files(t, dir), name)
	}
	for _, bad := range []string{"q0==", "not a hash", strings.Repeat("g", 64), strings.Repeat("A", 200)} {
		store, dir := folder(t)
		_, err := store.Write(t.Context(), "k", strings.NewReader(content), mediastore.Limits{SHA256: bad})
		require.ErrorIs(t, err, mediastore.ErrHash, bad)
		require.Empty(t, files(t, dir))
	}
}

// A download that breaks off must not become a short file, wherever it breaks: Go's HTTP client answers io.ErrUnexpectedEOF.
func TestABrokenDownloadLeavesWhatWasThere(t *testing.T) {
	t.Parallel()

	for _, got := range []int{0, 10, 4096, 5000, 1 << 20} {
		for _, cause := range []error{io.ErrUnexpectedEOF, errors.New("connection reset")} {
			store, dir := folder(t)
			write(t, store, "media/a/b", "the earlier file")
			_, err := store.Write(t.Context(), "media/a/b", io.MultiReader(bytes.NewReader(make([]byte, got)), iotest.ErrReader(cause)), mediastore.Limits{})
			require.ErrorIs(t, err, cause)
			require.Equal(t, map[string]string{"media/a/b": "the earlier file"}, files(t, dir))
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestACancelledWriteLeavesNothing(t *testing.T) {
	t.Parallel()

	store, dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := 10
	_, err := store.Write(ctx, "k", readerFunc(func(p []byte) (int, error) {
		if left--; left == 0 {
			cancel()
			return 0, io.EOF
		}
		return len(p), nil
	}), mediastore.Limits{})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, files(t, dir))
}

func TestAnEmptyFileIsRefused(t *testing.T) {
	t.Parallel()

	store, dir := folder(t)
	_, err := store.Write(t.Context(), "k", strings.NewReader(""), mediastore.Limits{})
	require.ErrorIs(t, err, mediastore.ErrEmpty)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	require.Empty(t, files(t, dir))
}

// An activity may run twice at the same time. Whoever reads sees a whole file at any moment.
func TestTheSameFileWrittenManyTimesAtOnce(t *testing.T) {
	t.Parallel()

	store, dir := folder(t)
	content := strings.Repeat("0123456789abcdef", 20_000)
	write(t, store, "media/a/b", content)
	var group sync.WaitGroup
	errs := make(chan error, 64)
	for range 16 {
		group.Go(func() {
			_, err := store.Write(t.Context(), "media/a/b", strings.NewReader(content), mediastore.Limits{})
			errs <- err
		})
		group.Go(func() {
			reader, err := store.Read(t.Context(), "media/a/b")
			if err != nil {
				errs <- err
				return
			}
			defer reader.Close()
			read, err := io.ReadAll(reader)
			if err == nil && string(read) != content {
				err = errors.New("a reader saw part of a file")
			}
			errs <- err
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, map[string]string{"media/a/b": content}, files(t, dir))
}
