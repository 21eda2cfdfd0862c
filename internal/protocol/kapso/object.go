package kapso

import (
	"bytes"
	"encoding/json"
	"time"

	"handoff"
	"handoff/internal/protocol"
)

// object is a JSON object whose keys stay in order. A value may be raw JSON.
type object []field

type field struct {
	key   string
	value any
}

// MarshalJSON leaves <, > and & as they are.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(f.key); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := encoder.Encode(f.value); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// with adds a key.
func (o object) with(key string, value any) object { return append(o, field{key, value}) }

// withText adds a key if its text is not empty.
func (o object) withText(key, value string) object {
	if value == "" {
		return o
	}
	return o.with(key, value)
}

// encode does not say in its error what could not be encoded: it may be what a contact wrote.
func encode(event string, body object) ([]byte, error) {
	out, err := protocol.Encode(body)
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "the body of %s cannot be written as JSON", event)
	}
	return out, nil
}

// orNull is null for an empty text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func moment(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func momentOrNull(at *time.Time) any {
	if at == nil {
		return nil
	}
	return moment(*at)
}
