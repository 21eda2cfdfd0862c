package chatlayer

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/vendorjson"
)

// object is one of a webhook's, or of a resume call.
type object = vendorjson.Object

// listOf is the list under key; nil where there is none.
func listOf(o object, key string) []json.RawMessage {
	found, _ := o.List(key)
	return found
}

// timestamp is the time of an object: RFC 3339, or a number of seconds or milliseconds since 1970. It is zero for anything else.
func timestamp(o object) time.Time {
	written := strings.TrimSpace(o.Scalar("timestamp"))
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		number, err := strconv.ParseFloat(written, 64)
		if err != nil {
			return time.Time{}
		}
		return epoch(number)
	}
	// Beyond the year 9999, which an offset can reach, Go refuses to write the time down again.
	if at = at.UTC(); at.Year() <= 0 || at.Year() > 9999 {
		return time.Time{}
	}
	return at
}

// firstMilli is where numbers begin to be milliseconds: as seconds it is the year 5138, as milliseconds it is 1973.
const firstMilli = 1e11

// lastMilli is the end of the year 9999.
const lastMilli = 253402300799999

// epoch is a number of seconds or milliseconds since 1970 as a time, to the millisecond; zero where it is none.
func epoch(number float64) time.Time {
	if number < firstMilli {
		number *= 1000
	}
	if math.IsNaN(number) || number < 1 || number > lastMilli {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(number))).UTC()
}

func encode(body any) ([]byte, error) {
	out, err := protocol.Encode(body)
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "encode a call to Chatlayer: %w", err)
	}
	return out, nil
}

func first(values ...string) string {
	for _, value := range values {
		if strings.TrimSpace(value) != "" {
			return value
		}
	}
	return ""
}

// lines joins what is not empty, one below the other.
func lines(parts ...string) string {
	var full []string
	for _, part := range parts {
		if strings.TrimSpace(part) != "" {
			full = append(full, part)
		}
	}
	return strings.Join(full, "\n")
}
