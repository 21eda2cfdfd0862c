package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConversationsAreLinkedToWhereTheOperatorSays(t *testing.T) {
	t.Parallel()
	const template = "https://inbox.example.com/c/{conversation_id}?from=temporal"
	for _, f := range []struct {
		public, given, want string
	}{
		{"", "", ""},
		{"https://handoff.example.com/", "", "https://handoff.example.com/v1/conversations/{conversation_id}"},
		{"https://handoff.example.com", template, template},
	} {
		got, err := vendorFlags{PublicURL: f.public, operatorFlags: operatorFlags{f.given}}.conversationURL()
		require.NoError(t, err)
		require.Equal(t, f.want, got)
	}
	for _, given := range []string{"https://inbox.example.com/c", "javascript:x{conversation_id}", "/c/{conversation_id}", "https://a/{conversation_id}>"} {
		_, err := vendorFlags{operatorFlags: operatorFlags{given}}.conversationURL()
		require.ErrorContains(t, err, "HANDOFF_CONVERSATION_URL", given)
	}
}
