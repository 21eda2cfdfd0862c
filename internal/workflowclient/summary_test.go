package workflowclient

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/workflows"
)

func TestTheSummaryNamesTheInboxAndNobodyElse(t *testing.T) {
	t.Parallel()
	in := workflows.NewConversationInput(handoff.NewID(), handoff.NewID(), handoff.NewID())
	for name, want := range map[string]string{
		"Support":                  "Support (hitlchat)",
		"[a](https://b) *c*\nd":    `\[a\](https\://b) \*c\* d (hitlchat)`,
		strings.Repeat("ü", 1000):  strings.Repeat("ü", summaryLimit/2) + "… (hitlchat)",
		strings.Repeat("a**", 500): "a",
	} {
		c := &Client{Inbox: func(context.Context, handoff.ID) (string, handoff.Protocol, error) {
			return name, handoff.ProtocolHitlChat, nil
		}}
		got := c.summary(t.Context(), in)
		require.True(t, strings.HasPrefix(got, want), got)
		require.Less(t, len(got), 400, "Temporal refuses more")
		require.True(t, utf8.ValidString(got))
	}
	away := &Client{Inbox: func(context.Context, handoff.ID) (string, handoff.Protocol, error) { return "", "", errors.New("away") }}
	require.Equal(t, "inbox "+in.InboxID.String(), away.summary(t.Context(), in), "a database that is away stops no signal")
	require.Equal(t, "inbox "+in.InboxID.String(), (&Client{}).summary(t.Context(), in))
}

func TestAnInboxIsReadOnceAMinute(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	now := time.Now()
	inbox := Inboxes(w.DB, func() time.Time { return now })
	read := func() string {
		name, protocol, err := inbox(t.Context(), w.Inbox.ID)
		require.NoError(t, err)
		require.Equal(t, handoff.ProtocolHitlChat, protocol)
		return name
	}
	before := read()
	w.Exec(t, "UPDATE inboxes SET name = 'Renamed'")
	require.Equal(t, before, read())
	now = now.Add(inboxLife)
	require.Equal(t, "Renamed", read())
	_, _, err := inbox(t.Context(), handoff.NewID())
	require.Error(t, err)
}
