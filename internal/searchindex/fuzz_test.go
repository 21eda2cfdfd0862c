package searchindex

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff"
)

// Whatever is looked for in whatever text: a query that is taken has grams, and an excerpt is made of pieces of the text.
func FuzzQuery(f *testing.F) {
	f.Add("my order 55 123", `"order 55"`)
	for _, seed := range []string{"", `"`, `""`, `"""`, "a b", "日本", "ﬃ ﬃﬃ", "İıßẞ", "+34 910-00 00/00", "\xff\xfe", "e\u0301e\u0301e\u0301", "%_\\", strings.Repeat("x ", 500), "“quoted„"} {
		f.Add(seed, seed)
		f.Add("Straße "+seed, "strasse")
	}
	f.Fuzz(func(t *testing.T, text, query string) {
		q, err := ParseQuery(query)
		if err != nil {
			require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
			return
		}
		require.NotEmpty(t, q.Grams(handoff.ID{}))
		for _, part := range Excerpt(text, q) {
			require.True(t, part.Text == "…" || strings.Contains(text, strings.Trim(part.Text, "…")) || !utf8.ValidString(text), "%q is not of %q", part.Text, text)
		}
	})
}
