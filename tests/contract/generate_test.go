package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// canary begins every text that a body is given: no refusal may repeat one.
const canary = "zq"

// generator makes values of schemas.
type generator struct {
	*rapid.T
	ids     *ids
	gateway string // every URL is one of it: nothing is asked that is not ours
}

func (g *generator) chance(percent int, what string) bool {
	return rapid.IntRange(1, 100).Draw(g.T, what) <= percent
}

func pick[V any](g *generator, what string, from []V) V {
	return rapid.SampledFrom(from).Draw(g.T, what)
}

// value is one that schema allows, as encoding/json has it.
func (g *generator) value(ref *openapi3.SchemaRef, name string, depth int) any {
	if ref == nil || ref.Value == nil {
		return map[string]any{}
	}
	s := ref.Value
	if alternatives := slices.Concat(s.OneOf, s.AnyOf); len(alternatives) > 0 {
		return g.value(pick(g, name, alternatives), name, depth)
	}
	switch {
	case len(s.Enum) > 0:
		return pick(g, name, s.Enum)
	case s.Const != nil:
		return s.Const
	case len(s.Examples) > 0 && g.chance(25, name):
		return pick(g, name, s.Examples)
	}
	switch {
	case s.Type.Includes("object"):
		return g.object(s, depth)
	case s.Type.Includes("array"):
		most := min(int(s.MinItems)+3, limit(s.MaxItems, 1000))
		out := []any{}
		for range rapid.IntRange(int(s.MinItems), most).Draw(g.T, name) {
			out = append(out, g.value(s.Items, name, depth+1))
		}
		return out
	case s.Type.Includes("boolean"):
		return rapid.Bool().Draw(g.T, name)
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		low, high := 0, 1000
		if s.Min != nil {
			low = int(*s.Min)
		}
		if s.Max != nil {
			high = int(*s.Max)
		}
		return rapid.IntRange(low, max(low, high)).Draw(g.T, name)
	case s.Type.Includes("string"):
		return g.text(s, name)
	}
	return g.any(name, depth) // a schema that allows everything
}

func limit(most *uint64, otherwise int) int {
	if most == nil {
		return otherwise
	}
	return int(*most)
}

func (g *generator) object(s *openapi3.Schema, depth int) any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if slices.Contains(s.Required, name) || (depth < 5 && g.chance(40, name)) {
			out[name] = g.value(s.Properties[name], name, depth+1)
		}
	}
	if s.AdditionalProperties.Schema != nil || (s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has) {
		for i := range rapid.IntRange(0, 2).Draw(g.T, "more") {
			out[fmt.Sprint("key_", i)] = g.value(s.AdditionalProperties.Schema, "more", depth+1)
		}
	}
	return out
}

// any is a value of no schema.
func (g *generator) any(name string, depth int) any {
	choices := []any{canary + "free", 7, true, map[string]any{}, []any{}}
	if depth < 4 {
		choices = append(choices, map[string]any{"text": canary + "nested", "list": []any{1, nil, "x"}})
	}
	return pick(g, name, choices)
}

func (g *generator) text(s *openapi3.Schema, name string) string {
	switch {
	case s.Format == "uuid":
		return g.ids.any(g)
	case s.Format == "date-time":
		return time.Now().Add(time.Duration(rapid.IntRange(-48, 48).Draw(g.T, name)) * time.Hour).UTC().Format(time.RFC3339)
	case s.Format == "uri" || name == "url" || strings.HasSuffix(name, "_url"):
		return g.gateway + "/" + canary + "path"
	case name == "phone" || name == "to" || name == "recipient":
		return fmt.Sprint("4477009", rapid.IntRange(10000, 99999).Draw(g.T, name))
	case s.Pattern != "":
		return rapid.StringMatching(s.Pattern).Draw(g.T, name)
	}
	text := canary + rapid.StringMatching(`[a-z]{4,12}`).Draw(g.T, name)
	if g.chance(30, name) {
		text += rapid.SampledFrom([]string{" ", "'; --", "\u202eß🙋‍♀️", "<b>&amp;", "\\u0000%00", "\n\t", `"}`, "{{.}}"}).Draw(g.T, name)
	}
	if most := limit(s.MaxLength, 1000); len([]rune(text)) > most {
		text = string([]rune(text)[:most])
	}
	for len([]rune(text)) < int(s.MinLength) {
		text += "x"
	}
	return text
}

// Bytes that are wrong whatever the schema says.
var brokenBodies = []string{"", "{", "null", "[]", `"` + canary + `text"`, "{\"a\":\xff}", `{"a":1}{"b":2}`, strings.Repeat("[", 20000), "\x00", "{\"a\":01}"}

// What a value is replaced by.
var brokenValues = []any{
	nil, canary + "notthis", -1, 1e300, 3.5, true, "",
	[]any{},
	map[string]any{},
	[]any{nil},
	map[string]any{canary + "unknown": canary + "value"},
	canary + "a\x00b", strings.Repeat(canary+"long", 4000), json.RawMessage(`"` + canary + `\ud800"`), json.RawMessage("123456789012345678901234567890"),
	"00000000-0000-0000-0000-000000000000", "2026-02-30T25:00:00Z", "0000-01-01T00:00:00Z", "javascript:alert(1)", "http://[::1", "ftp://x",
}

// broken alters a value in one place.
func (g *generator) broken(v any) any {
	switch node := v.(type) {
	case map[string]any:
		out := maps.Clone(node)
		keys := slices.Sorted(maps.Keys(out))
		switch how := rapid.IntRange(0, 5).Draw(g.T, "how"); {
		case len(keys) == 0 || how == 0:
			out[canary+"unknown"] = canary + "value"
		case how == 1:
			delete(out, pick(g, "lost", keys))
		case how == 2:
			return pick(g, "instead", brokenValues)
		default:
			key := pick(g, "key", keys)
			out[key] = g.broken(out[key])
		}
		return out
	case []any:
		if len(node) == 0 || g.chance(30, "how") {
			return pick(g, "instead", brokenValues)
		}
		out := slices.Clone(node)
		i := rapid.IntRange(0, len(out)-1).Draw(g.T, "index")
		out[i] = g.broken(out[i])
		return out
	}
	return pick(g, "instead", brokenValues)
}

// encoded writes a body as JSON, without the escapes by which a text would no longer be found in an answer.
func encoded(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return []byte("{}")
	}
	return out.Bytes()
}

// secrets are what not even a refusal of a setting may repeat. Of other settings, which are names, addresses and options, it may: an
// operator has to find the wrong one.
var secrets = []string{"access_token", "app_secret", "headers", "secret", "vendor_secret", "verify_token"}

// texts are the texts of a value that a refusal may not repeat: all but those of settings.
func texts(v any, name string, setting bool) []string {
	if slices.Contains(secrets, name) {
		setting = false
	}
	var out []string
	switch node := v.(type) {
	case string:
		if strings.HasPrefix(node, canary) && !setting {
			return []string{node[:min(len(node), 40)]}
		}
	case map[string]any:
		for key, value := range node {
			out = append(out, texts(value, key, setting)...)
		}
	case []any:
		for _, value := range node {
			out = append(out, texts(value, name, setting)...)
		}
	}
	return out
}
