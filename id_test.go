package handoff_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestIDsSortByTheTimeAtWhichTheyWereMade(t *testing.T) {
	t.Parallel()
	last := handoff.NewID()
	for range 1000 {
		next := handoff.NewID()
		require.Negative(t, bytes.Compare(last[:], next[:]))
		require.EqualValues(t, 7, next.Version())
		last = next
	}
}

// The id is signed as "id.timestamp.body": a dot in it would make two readings of one signature.
func TestWebhookIDsAreMsgAndBase62(t *testing.T) {
	t.Parallel()
	shape, seen := regexp.MustCompile(`^msg_[0-9A-Za-z]{22}$`), map[string]bool{}
	for range 1000 {
		id := handoff.NewWebhookID()
		require.Regexp(t, shape, id)
		require.False(t, seen[id])
		seen[id] = true
	}
}
