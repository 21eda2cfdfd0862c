package vendorjson_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/vendorjson"
)

func TestTextsThatCostMoreThanTheirBytesAreRefused(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string { return strings.Repeat(`{"a":[`, levels/2) + strings.Repeat("]}", levels/2) }
	list := func(values int) string { return "[" + strings.Repeat("1,", values-1) + "1]" }
	for text, code := range map[string]handoff.Code{
		nested(vendorjson.MaxDepth):                                      "",
		nested(vendorjson.MaxDepth + 2):                                  handoff.CodeMalformed,
		list(vendorjson.MaxValues):                                       "",
		list(vendorjson.MaxValues + 1):                                   handoff.CodeTooLarge,
		"[" + strings.Repeat("{},", vendorjson.MaxValues/2) + "{}]":      handoff.CodeTooLarge,
		`"` + strings.Repeat(`[{,\"`, vendorjson.MaxValues) + `"`:        "", // in a text
		`["\\", "` + strings.Repeat("[", vendorjson.MaxDepth) + `", []]`: "",
		"": "", "{": "", "]]]": "", `"\`: "", // no JSON, which is for others to say
	} {
		err := vendorjson.Check([]byte(text))
		if code == "" {
			require.NoError(t, err, "%.40s", text)
			continue
		}
		var refused *handoff.Error
		require.ErrorAs(t, err, &refused, "%.40s", text)
		require.Equal(t, code, refused.Code, "%.40s", text)
	}
}
