package routing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Condition is about the values at one path of a payload. In JSON it is
//
//	"gold", 5, true                 the value is this
//	["gold", "silver"]              the value is one of these
//	{"contains": "gold"}            the value, a text, has this in it; a list of several is any of them
//	{"exists": true}                there is a value that is not null; with false: there is none
//
// A list in the payload fits where one of its values does. Texts are compared without regard to case and outer blanks, numbers and
// booleans as they are written: 5 is "5", and is not 5.0.
type Condition struct {
	OneOf    []string
	Contains []string
	Exists   *bool

	given json.RawMessage // as it was read, which tells 5 from "5"
}

// MarshalJSON gives what was read.
func (c Condition) MarshalJSON() ([]byte, error) {
	switch {
	case c.given != nil:
		return c.given, nil
	case c.Exists != nil:
		return json.Marshal(map[string]bool{"exists": *c.Exists})
	case c.Contains != nil:
		return json.Marshal(map[string][]string{"contains": c.Contains})
	}
	return json.Marshal(c.OneOf)
}

// UnmarshalJSON reads the forms above.
func (c *Condition) UnmarshalJSON(text []byte) error {
	text = bytes.Clone(bytes.TrimSpace(text)) // the decoder uses its bytes again
	if len(text) == 0 || text[0] != '{' {
		values, err := scalars(text)
		*c = Condition{OneOf: values, given: text}
		return err
	}
	var object struct {
		Contains json.RawMessage `json:"contains"`
		Exists   *bool           `json:"exists"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&object); err != nil {
		return errors.New(`a condition is a value, a list of values, {"contains": …} or {"exists": true}`)
	}
	*c = Condition{Exists: object.Exists, given: text}
	if object.Contains == nil {
		return nil
	}
	var err error
	c.Contains, err = scalars(object.Contains)
	return err
}

// scalars reads one text, number or boolean, or a list of such.
func scalars(text []byte) ([]string, error) {
	decoded, err := decode(text)
	if err != nil {
		return nil, err
	}
	list, ok := decoded.([]any)
	if !ok {
		list = []any{decoded}
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		value, ok := written(item)
		if !ok {
			return nil, errors.New(`a condition's value is a text, a number or a boolean; for null use {"exists": false}`)
		}
		out = append(out, value)
	}
	return out, nil
}

func (c Condition) check() error {
	given := 0
	for _, is := range []bool{c.OneOf != nil, c.Contains != nil, c.Exists != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return errors.New(`give one condition: a value, a list of values, {"contains": …} or {"exists": true}`)
	}
	if c.Exists != nil {
		return nil
	}
	values := slices.Concat(c.OneOf, c.Contains)
	if len(values) == 0 {
		return errors.New("the list of values is empty: nothing would fit it")
	}
	if c.Contains != nil || len(values) > maxValues {
		return checkTexts("the condition", values, maxValues)
	}
	// An empty text is a value like others.
	for _, value := range values {
		if len(value) > 4*maxText || strings.ContainsRune(value, 0) {
			return fmt.Errorf("a value holds a NUL character or is longer than %d characters: correct it", maxText)
		}
	}
	return nil
}

// fits tells whether the values at the condition's path fit.
func (c Condition) fits(values []any) bool {
	found := slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
	if c.Exists != nil {
		return *c.Exists == (len(found) > 0)
	}
	return slices.ContainsFunc(found, func(v any) bool {
		value, ok := written(v)
		return ok && (slices.ContainsFunc(c.OneOf, func(w string) bool { return same(w, value) }) || containsAny(value, c.Contains))
	})
}

func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

func containsAny(text string, parts []string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, strings.ToLower(strings.TrimSpace(p))) })
}

// written is a text, number or boolean as a text.
func written(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// decode keeps numbers as they are written: an order number may have more digits than a float.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// at gives the values at a path: a list stands for each of its values, also on the way. A field whose own name has dots goes before
// fields of fields.
func at(value any, path string) []any {
	switch v := value.(type) {
	case []any:
		var out []any
		for _, item := range v {
			out = append(out, at(item, path)...)
		}
		return out
	case map[string]any:
		if path == "" {
			return []any{v}
		}
		if field, ok := v[path]; ok {
			return at(field, "")
		}
		for i := range len(path) {
			if path[i] != '.' {
				continue
			}
			if out := at(v[path[:i]], path[i+1:]); out != nil {
				return out
			}
		}
		return nil
	}
	if path == "" {
		return []any{value}
	}
	return nil
}
