package mediastore_test

import (
	"mime"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff/internal/mediastore"
)

// hostile are names as senders write them, with what is left of them.
var hostile = map[string]string{
	"":                            "file",
	"invoice.pdf":                 "invoice.pdf",
	"my  holiday photo.jpg":       "my holiday photo.jpg",
	"Café-Rechnung №5.pdf":        "Café-Rechnung №5.pdf",
	"発票.pdf":                      "発票.pdf",
	"\"\r\nX: y":                  "_ X_ y",
	"a\"; filename=\"b.html":      "a_; filename=_b.html",
	"../../x":                     "x",
	`..\..\windows\x.ini`:         "x.ini",
	"/etc/passwd":                 "passwd",
	"dir/":                        "file",
	"..":                          "file",
	" . . ":                       "file",
	".htaccess":                   "htaccess",
	"a.exe.":                      "a.exe",
	"a\x00b\x1b[31mc.txt":         "ab[31mc.txt",
	"photo\u202egpj.exe":          "photogpj.exe",
	"\u2066a\u2069\u200f\ufeff.t": "a.t",
	"a\u2028b\u2029c":             "a b c",
	"C:\\CON<>:|?*.txt":           "CON______.txt",
	"bad\xff\xfeutf8.txt":         "bad_utf8.txt",
	"%0d%0aX:y":                   "%0d%0aX_y",
}

func TestFilename(t *testing.T) {
	t.Parallel()

	for name, want := range hostile {
		require.Equal(t, want, mediastore.Filename(name), "%q", name)
	}
	long := mediastore.Filename(strings.Repeat("é", 500) + ".pdf")
	require.LessOrEqual(t, len(long), 150)
	require.True(t, utf8.ValidString(long))
	require.True(t, strings.HasSuffix(long, "é.pdf"))
	require.LessOrEqual(t, len(mediastore.Filename("a."+strings.Repeat("x", 500))), 150)
}

func checkFilename(t *testing.T, name string) {
	t.Helper()
	clean := mediastore.Filename(name)
	require.NotEmpty(t, clean)
	require.LessOrEqual(t, len(clean), 150)
	require.True(t, utf8.ValidString(clean))
	require.NotContains(t, []string{".", ".."}, clean)
	for _, r := range clean {
		require.True(t, r == ' ' || unicode.IsGraphic(r) || unicode.Is(unicode.Cn, r) || unicode.Is(unicode.Mn, r), "%q in %q", r, clean)
		require.NotContains(t, `/\"`, string(r))
	}
	require.Equal(t, clean, mediastore.Filename(clean), "a clean name stays")
}

func FuzzFilename(f *testing.F) {
	for name := range hostile {
		f.Add(name)
	}
	f.Add(strings.Repeat("é", 500) + ".pdf")
	f.Add(strings.Repeat(" .", 100) + strings.Repeat("x", 149) + ". .a")
	store, _ := folder(f)
	write(f, store, "k", "hello")
	f.Fuzz(func(t *testing.T, name string) {
		checkFilename(t, name)

		answer := httptest.NewRecorder()
		store.Serve(answer, httptest.NewRequest("GET", "/m/x", nil), mediastore.File{Key: "k", Filename: name})
		how, params, err := mime.ParseMediaType(answer.Header().Get("Content-Disposition"))
		require.NoError(t, err)
		require.Equal(t, "attachment", how)
		require.Equal(t, map[string]string{"filename": mediastore.Filename(name)}, params)
		for _, b := range []byte(answer.Header().Get("Content-Disposition")) {
			require.True(t, b >= 0x20 && b < 0x7f, "%q", name)
		}
	})
}
