package contract_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff/api/client"
)

// An agent's day, in Go: a conversation is found, claimed, answered, noted upon and resolved.
func testGoClient(t *testing.T, s *server) {
	t.Helper()
	a := s.newAccount(t)
	ctx := t.Context()
	c, err := client.New(s.url, a.agentKey, client.Options{HTTP: s.client, UserAgent: "test"})
	require.NoError(t, err)

	waiting := []string{"waiting"}
	found, err := c.ListConversationsWithResponse(ctx, &client.ListConversationsParams{Status: &waiting})
	require.NoError(t, err)
	require.Len(t, found.JSON200.Items, 1)
	require.Equal(t, "John", *found.JSON200.Items[0].Contact.Name)
	id := found.JSON200.Items[0].ID

	claimed, err := c.ClaimConversationWithResponse(ctx, id, nil, client.ClaimConversationJSONRequestBody{})
	require.NoError(t, err)
	require.Equal(t, "Ana", claimed.JSON200.Assignee.Name)

	text, kind := "Hi John, happy to help!", client.SendBodyType("text")
	sent, err := c.SendMessageWithResponse(ctx, id, nil, client.SendMessageJSONRequestBody{Type: kind, Text: &text})
	require.NoError(t, err)
	require.Equal(t, text, *sent.JSON201.Text)
	noted, err := c.AddNoteWithResponse(ctx, id, nil, client.AddNoteJSONRequestBody{Text: "A regular"})
	require.NoError(t, err)
	require.Equal(t, "A regular", noted.JSON201.Text)
	until(t, "the gateway has the answer", func() bool {
		for _, request := range s.gateway.Requests() {
			if strings.Contains(request.Body, a.phone) && strings.Contains(request.Body, text) {
				return true
			}
		}
		return false
	})

	resolved, err := c.ResolveConversationWithResponse(ctx, id, nil, client.ResolveConversationJSONRequestBody{})
	require.NoError(t, err)
	require.EqualValues(t, "resolved", *resolved.JSON200.EndReason)

	_, err = c.ClaimConversationWithResponse(ctx, id, nil, client.ClaimConversationJSONRequestBody{})
	var refused *client.Error
	require.ErrorAs(t, err, &refused)
	require.EqualValues(t, "conflict", refused.Code)
	_, err = c.GetConversationWithResponse(ctx, uuid.New(), nil)
	require.ErrorAs(t, err, &refused)
	require.EqualValues(t, 404, refused.Status)
}
