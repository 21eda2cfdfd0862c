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

// A link that begins with a mistyped address would be found out by whoever follows it.
func TestAddressesThatLinksBeginWith(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "https://handoff.example.com", "http://127.0.0.1:8080/"} {
		require.NoError(t, checkAddress("HANDOFF_PUBLIC_URL", good), good)
	}
	for _, bad := range []string{"nonsense", "handoff.example.com", "ftp://handoff.example.com", "https://", "http://a b"} {
		require.ErrorContains(t, checkAddress("HANDOFF_PUBLIC_URL", bad), "HANDOFF_PUBLIC_URL must be", bad)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"10.1.0.0/16": "10.1.0.0/16", "10.1.0.7": "10.1.0.7/32", "fd00::1": "fd00::1/128"} {
		got, err := parseNetwork(text)
		require.NoError(t, err)
		require.Equal(t, want, got.String())
		_, err = outboundFlags{AllowedNetworks: []string{text}}.client()
		require.NoError(t, err, "the same for where calls may go")
	}
	_, err := outboundFlags{AllowedNetworks: []string{"inside"}}.client()
	require.EqualError(t, err, `read HANDOFF_ALLOWED_NETWORKS: "inside" is no network, such as 10.0.0.0/8, and no address`)
}
