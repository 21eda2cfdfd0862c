package api_test

import "time"

const (
	eventually = 10 * time.Second
	tick       = 50 * time.Millisecond
)
