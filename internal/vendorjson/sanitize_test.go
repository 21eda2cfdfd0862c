package vendorjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
	"handoff/internal/vendorjson"
)

func TestSanitize(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("9", 401)
	for in, want := range map[string]string{
		`{ "a" : [ 1 , "b c" ] }`: `{"a":[1,"b c"]}`,
		`"a\u0000b"`:              `"a\ufffdb"`,
		`{"\u0000":1}`:            `{"\ufffd":1}`,
		`"\\u0000"`:               `"\\u0000"`,
		`"\ud83d\ude00"`:          `"\ud83d\ude00"`,
		`"\ud83d"`:                `"\ufffd"`,
		`"\ude00\ud83d"`:          `"\ufffd\ufffd"`,
		`"\ud83dx"`:               `"\ufffdx"`,
		`"\ud83d\ud83d\ude00"`:    `"\ufffd\ud83d\ude00"`,
		`"\ud83d\n"`:              `"\ufffd\n"`,
		`"\ud83d\u0041"`:          `"\ufffd\u0041"`,
		"\"\xff\"":                "\"\uFFFD\"",
		"\"\xed\xa0\x80\"":        "\"\uFFFD\uFFFD\uFFFD\"",
		`"<&>\/é"`:                `"<&>\/é"`,
		`12345678901234567890123`: `12345678901234567890123`,
		`-1.5E+09`:                `-1.5E+09`,
		`[1e999999,-1E-999999]`:   `["1e999999","-1E-999999"]`,
		`1e131071`:                `"1e131071"`,
		digits:                    `"` + digits + `"`,
		`nope`:                    `"nope"`,
		``:                        `""`,
	} {
		got := vendorjson.Sanitize(json.RawMessage(in))
		require.Equal(t, want, string(got), in)
		require.True(t, json.Valid(got), in)
		require.Equal(t, string(got), string(vendorjson.Sanitize(got)), "a second time changes nothing: %s", in)
	}
}

func TestSanitizeText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\uFFFDb\uFFFD", vendorjson.SanitizeText("a\x00b\xff"))
	require.Equal(t, "plain 👍", vendorjson.SanitizeText("plain 👍"))
}

func naughtyStrings(tb testing.TB) []string {
	tb.Helper()
	var naughty []string
	require.NoError(tb, json.Unmarshal(corpora.File(tb, "adversarial", "blns", "blns.json"), &naughty))
	return append(naughty, strings.Repeat("é", 70_000))
}

func TestNaughtyStringsAreKept(t *testing.T) {
	t.Parallel()
	naughty := naughtyStrings(t)
	for _, s := range naughty {
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		var back string
		require.NoError(t, json.Unmarshal(vendorjson.Sanitize(quoted), &back))
		require.Equal(t, vendorjson.SanitizeText(s), back)
		if !strings.ContainsRune(s, 0) && utf8.ValidString(s) {
			require.Equal(t, s, back)
		}
	}
	t.Logf("%d naughty strings", len(naughty))
}
