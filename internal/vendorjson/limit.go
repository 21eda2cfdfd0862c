// Package vendorjson reads JSON that others write, of which nothing is sure: it may be hostile, its fields may be of any type, and its
// texts may hold what PostgreSQL does not take.
package vendorjson

import "handoff"

const (
	// MaxDepth is how deep objects and lists may nest. The deepest sample of a vendor's body that we know has 13 levels.
	MaxDepth = 64
	// MaxValues is how many objects, lists and commas there may be. A thousand messages, the most that Meta sends at once, have a tenth.
	MaxValues = 200_000
)

// Check refuses what would cost a decoder much more than its bytes: decoders recurse, and make an object of each {}. It looks at nothing but nesting and number: what it passes need not be JSON. Its errors are malformed and too_large.
func Check(text []byte) error {
	depth, values, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			values++
		case c == ',':
			values++
		case c == '}' || c == ']':
			depth--
		}
		if depth > MaxDepth {
			return handoff.Errorf(handoff.CodeMalformed, "the JSON nests deeper than %d levels", MaxDepth)
		}
		if values > MaxValues {
			return handoff.Errorf(handoff.CodeTooLarge, "the JSON has more than %d values: split it", MaxValues)
		}
	}
	return nil
}
