package meta_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
	"handoff/internal/meta"
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
		got := meta.Sanitize(json.RawMessage(in))
		require.Equal(t, want, string(got), in)
		require.True(t, json.Valid(got), in)
		require.Equal(t, string(got), string(meta.Sanitize(got)), "a second time changes nothing: %s", in)
	}
}

func TestSanitizeText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\uFFFDb\uFFFD", meta.SanitizeText("a\x00b\xff"))
	require.Equal(t, "plain 👍", meta.SanitizeText("plain 👍"))
}

func naughtyStrings(tb testing.TB) []string {
	tb.Helper()
	var naughty []string
	require.NoError(tb, json.Unmarshal(corpora.File(tb, "adversarial", "blns", "blns.json"), &naughty))
	return append(naughty, strings.Repeat("é", 70_000))
}

func TestNaughtyStringsSurvive(t *testing.T) {
	t.Parallel()
	naughty := naughtyStrings(t)
	for _, s := range naughty {
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		var back string
		require.NoError(t, json.Unmarshal(meta.Sanitize(quoted), &back))
		require.Equal(t, meta.SanitizeText(s), back)
		if !strings.ContainsRune(s, 0) && utf8.ValidString(s) {
			require.Equal(t, s, back)
		}
		q := string(quoted)
		item := one(t, []byte(`{"entry":[{"changes":[{"value":{"contacts":[{"profile":{"name":`+q+`},"wa_id":"1"}],"messages":[
			{"from":"1","id":"m","type":"document","document":{"id":"5","caption":`+q+`,"filename":`+q+`}}]}}]}]}`))
		require.Equal(t, back, item.Message.Text)
		require.Equal(t, back, item.Message.Media.Filename)
		require.Equal(t, back, item.Contact.Name)
		item = one(t, message(`"type":"text","text":{"body":`+q+`}`))
		require.Equal(t, back, item.Message.Text)
	}
	t.Logf("%d naughty strings as text, name, caption and filename", len(naughty))
}
