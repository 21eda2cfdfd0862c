package searchindex

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
)

func TestTextsAreCompared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, query string }{
		{"Where is my ORDER?", "order where"},
		{"Ｆｕｌｌ ｗｉｄｔｈ １２３", "full width 123"},
		{"full width 123", "ＷＩＤＴＨ"},
		{"Crème brûlée", "creme BRULEE"},
		{"creme brulee", "brûlée"},
		{"Straße", "STRASSE"},
		{"ﬁnd the oﬃce", "find office"},
		{"İstanbul", "istanbul"},
		{"我想申请退款,谢谢", "退款"},
		{"我想申请退款,谢谢", "款"},
		{"注文をキャンセルしたい", "ｷｬﾝｾﾙ"},
		{"주문을 취소하고 싶어요", "취소"},
		{"order 退款123", "款12"},
		{"I ♥ it 👍", "👍"},
		{"ref ORD-1234567-B of May", "234567"},
		{"ref ORD-1234567-B of May", "ord-12"},
		{"call me on +44 (0)20 7946-0958", "79460958"},
		{"call me on +44 (0)20 7946-0958", "7946 0958"},
		{"call me on 447700900123", "+44 7700 900123"},
		{"+447700900123", "+44 7700 900-123"},
		{"+447700900123", "7700900"},
		{"555.123.4567", "555-123-4567"},
		{"one\n two\t three", `"one two three"`},
		{"it costs 1.50 a piece", "1.50 costs"},
		{"100% sure_thing", `"100% sure_thing"`},
		{"a back\\slash", `back\slash`},
		{"แมวน้ำ ทะเล", "น้ำ"},
		{"नमस्ते दुनिया", "नमस्ते"},
		{"said “hello there” twice", "„hello there”"},
	} {
		query, err := ParseQuery(c.query)
		require.NoError(t, err, c.query)
		text := Normalise(c.text)
		require.True(t, query.Matches(text), "%q finds %q: %q in %q", c.query, c.text, query.Terms, text)
		requireSubset(t, query, text)
		marked := slices.ContainsFunc(Excerpt(c.text, query), func(p Part) bool { return p.Match })
		require.True(t, marked, "%q is shown in %q", c.query, c.text)
	}
	for _, c := range []struct{ text, query string }{
		{"two three one", `"one two"`},
		{"退回款项", "退款"},
		{"1 50", "1.50"},
		{"が", "か"},
		{"order", "orders"},
	} {
		query, err := ParseQuery(c.query)
		if err != nil {
			continue
		}
		require.False(t, query.Matches(Normalise(c.text)), "%q does not find %q", c.query, c.text)
	}
}

func TestQueriesThatAreTooShortAreRefused(t *testing.T) {
	t.Parallel()
	for _, q := range []string{"ab", "a b c", "12", "+44", "\"a b\"", "é", "ok 12"} {
		_, err := ParseQuery(q)
		require.ErrorContains(t, err, "too short", q)
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	}
	for _, q := range []string{"", "  ", "!?", `""`, "\x00", "- +"} {
		_, err := ParseQuery(q)
		require.ErrorContains(t, err, "no word", q)
	}
	for _, q := range []string{"退", "か", "ab 123", "123", "が"} {
		_, err := ParseQuery(q)
		require.NoError(t, err, q)
	}
}

// alphabet has what is hard: letters that fold and decompose, wide ones, those without spaces, digits and what groups them.
var alphabet = []rune("abcABCéÉßｱアガか゛が한글韩退款订单١٢123456789０ー-+(). \n\t%_\\\"'«»ﬁİıΣσςйё👍♥\u0301\u3099")

func TestWhatATextHoldsIsFoundByItsGrams(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom(alphabet), 0, 60, -1).Draw(t, "text")
		normalised := Normalise(text)
		query, err := ParseQuery(rapid.StringOfN(rapid.SampledFrom(alphabet), 1, 6, -1).Draw(t, "query"))
		if err == nil && query.Matches(normalised) {
			requireSubset(t, query, normalised)
		}
		// Each piece of a text is found as a phrase, however it is written.
		runes := []rune(strings.SplitN(normalised, "\n", 2)[0])
		if len(runes) == 0 {
			return
		}
		from := rapid.IntRange(0, len(runes)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, len(runes)).Draw(t, "to")
		piece := Query{Terms: []string{string(runes[from:to])}}
		require.True(t, piece.Matches(normalised))
		requireSubset(t, piece, normalised)
		if joined := joinParts(Excerpt(text, piece)); len(runes) < excerptRunes {
			require.Contains(t, text, joined, "an excerpt is what was written")
		}
	})
}

func TestNormalTextsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once, _ := fold(rapid.StringOfN(rapid.SampledFrom(alphabet), 0, 40, -1).Draw(t, "text"))
		twice, _ := fold(string(once))
		require.Equal(t, string(once), string(twice))
	})
}

func TestOneAccountsGramsAreNotAnothers(t *testing.T) {
	t.Parallel()
	mine, theirs := Grams(handoff.NewID(), "hello world"), Grams(handoff.NewID(), "hello world")
	require.Len(t, mine, 6)
	for _, gram := range mine {
		require.NotContains(t, theirs, gram)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	text := Normalise(strings.Repeat("word ", maxRunes) + "end")
	require.LessOrEqual(t, len(text), maxRunes)
	require.NotContains(t, text, "end")
	require.Len(t, Grams(handoff.ID{}, text), 2)
}

func TestExcerptsShowTheFirstMatch(t *testing.T) {
	t.Parallel()
	query, err := ParseQuery("refund 7946-0958")
	require.NoError(t, err)
	long := strings.Repeat("blah ", 100)
	parts := Excerpt(long+"a Ｒefund for +44 20 7946 0958, please. "+long, query)
	var matches []string
	for _, p := range parts {
		if p.Match {
			matches = append(matches, p.Text)
		}
	}
	require.Equal(t, []string{"Ｒefund", "7946 0958"}, matches)
	joined := joinParts(parts)
	require.True(t, strings.HasPrefix(joined, "…") && strings.HasSuffix(joined, "…"))
	require.Len(t, []rune(joined), excerptRunes+2)
	require.Equal(t, []Part{{Text: "nothing here"}}, Excerpt("nothing here", query))
	require.Empty(t, Excerpt("", query))
}

func joinParts(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func requireSubset(t require.TestingT, query Query, text string) {
	account := handoff.ID{7}
	has := Grams(account, text)
	for _, gram := range query.Grams(account) {
		require.Contains(t, has, gram, "%q in %q", query.Terms, text)
	}
}
