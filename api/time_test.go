package api_test

import "time"

const (
	eventually = time.Minute
	tick       = 50 * time.Millisecond
)
