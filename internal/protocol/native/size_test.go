package native_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/native"
)

func TestDelivery_39_AnEventLeavesOutAsLittleAsItMust(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", native.MaxBody)
	identities := make([]handoff.Identity, 10_000)
	for i := range identities {
		identities[i] = handoff.Identity{Kind: handoff.IdentitySession, Value: "visitor-" + strconv.Itoa(i)}
	}
	details, err := json.Marshal(map[string]string{"reason": large})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change                 func(*protocol.Event)
		said, details, contact bool
	}{
		"text":    {func(e *protocol.Event) { e.Message.Text = large }, false, true, true},
		"content": {func(e *protocol.Event) { e.Message.Content = details }, false, true, true},
		"details": {func(e *protocol.Event) { e.Details = details }, false, false, true},
		"contact": {func(e *protocol.Event) { e.Contact.Identities = identities }, false, false, false},
		"nothing": {func(*protocol.Event) {}, true, true, true},
	} {
		e := queued()
		e.Details, e.Contact = json.RawMessage(`{"a":1}`), protocol.Contact{ID: id("6"), Name: "Ann"}
		c.change(&e)
		got := body(t, e)
		require.LessOrEqual(t, len(got), native.MaxBody, name)
		var read native.EventBody
		require.NoError(t, json.Unmarshal([]byte(got), &read))
		require.Equal(t, !c.said, read.Data.Truncated, name)
		require.Equal(t, c.said, read.Data.Message.Text != "", name)
		require.Equal(t, c.details, read.Data.Details != nil, name)
		require.Equal(t, c.contact, read.Data.Contact.Name != "", name)
		require.Equal(t, id("4"), read.Data.Message.ID, "what it is about is always told")
		if !c.said {
			require.Equal(t, "/v1/conversations/"+id("3").String()+"/messages", read.Data.URL)
		}
	}
}
