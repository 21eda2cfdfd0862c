package meta

import (
	"strconv"
	"strings"
	"time"

	"handoff/internal/vendorjson"
)

// lastSecond is the end of the year 9999, after which Go refuses to write a time as RFC 3339.
const lastSecond = 253402300799

// object is one of a webhook's.
type object = vendorjson.Object

// timeOf is what an object has as its "timestamp", in seconds since 1970; zero where it is none.
func timeOf(o object) time.Time {
	seconds, err := strconv.ParseInt(strings.TrimSpace(o.Scalar("timestamp")), 10, 64)
	if err != nil || seconds <= 0 || seconds > lastSecond {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
