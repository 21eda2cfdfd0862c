package kapso_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// TestEveryMessageOfTheCorpusIsTold takes what Meta's SDKs and documents show of messages through Meta's parser and into both versions.
func TestEveryMessageOfTheCorpusIsTold(t *testing.T) {
	t.Parallel()
	told := 0
	err := filepath.WalkDir(filepath.Join(corpora.Dir(t), "whatsapp", "webhooks"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		webhook, err := meta.Parse(raw)
		if err != nil {
			return nil // not all of them are bodies; internal/meta says which
		}
		for _, item := range webhook.Items {
			if item.Message == nil {
				continue
			}
			e := eventOf(item)
			for _, e.Endpoint.PayloadVersion = range []string{"v1", "v2"} {
				body := parseTree(t, tellAll(t, e)[0].Body)
				require.Equal(t, string(e.Message.Direction) == "inbound", body.at("is_new_conversation").scalar, path)
				told++
			}
			require.NotNil(t, parseTree(t, tellAll(t, e)[0].Body).at("message.kapso.origin"), path)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, told, 100)
}

func eventOf(item handoff.Item) protocol.Event {
	e := hello()
	if item.Message.Direction == handoff.Outbound {
		e.Type = handoff.EventMessageSent
	}
	e.Contact = protocol.Contact{Name: item.Contact.Name, Identities: item.Contact.Identities}
	e.Message = &protocol.Message{
		ID: handoff.NewID(), Direction: item.Message.Direction, Author: item.Message.Author, Type: item.Message.Type, Text: item.Message.Text,
		Content: item.Message.Content, ExternalID: item.ExternalID, ReplyTo: item.Message.ReplyTo, SentAt: item.Message.At,
	}
	return e
}
