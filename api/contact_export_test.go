package api_test

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/mediastore"
)

// unzipped reads a ZIP to its end: what each file holds, by name.
func unzipped(t *testing.T, body string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	out := map[string]string{}
	for _, f := range archive.File {
		require.NotContains(t, f.Name, "..")
		require.False(t, strings.HasPrefix(f.Name, "/"))
		content, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		require.NoError(t, content.Close())
		out[f.Name] = string(text)
	}
	return out
}

func linesOf[T any](t *testing.T, text string) []T {
	t.Helper()
	var out []T
	for line := range strings.Lines(text) {
		var value T
		require.NoError(t, json.Unmarshal([]byte(line), &value), line)
		out = append(out, value)
	}
	return out
}

func TestAContactIsExported(t *testing.T) {
	t.Parallel()
	f := newFileWorld(t)
	story := f.story(t)
	other := f.conversation(t, "447700900124")
	kept, lost := handoff.NewID(), handoff.NewID()
	for id, name := range map[handoff.ID]string{kept: "../../etc/\"pass\r\nport.pdf", lost: "lost.pdf"} {
		f.Exec(t, `INSERT INTO media (id, account_id, inbox_id, contact_id, kind, state, filename, created_at) VALUES ($1, $2, $3, $4, 'document', 'ready', $5, now())`,
			id, f.Account.ID, f.Inbox.ID, story.ContactID, name)
		f.Exec(t, `UPDATE messages SET media_id = $1 WHERE id = (SELECT id FROM messages WHERE contact_id = $2 AND media_id IS NULL ORDER BY id LIMIT 1)`,
			id, story.ContactID)
	}
	_, err := f.activities.Store.Write(t.Context(), mediastore.Key(f.Account.ID, kept), strings.NewReader(aPDF), mediastore.Limits{})
	require.NoError(t, err)
	f.Exec(t, `INSERT INTO ratings (conversation_id, account_id, inbox_id, score, comment, via, given_at, updated_at) VALUES ($1, $2, $3, 4, 'fine', 'link', now(), now())`,
		story.ID, f.Account.ID, f.Inbox.ID)
	get, path := f.serveHTTP(t), "/v1/contacts/"+story.ContactID.String()+"/export"

	got := get(f.adm, path)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "application/zip", got.header.Get("Content-Type"))
	require.Equal(t, `attachment; filename=contact-`+story.ContactID.String()+`.zip`, got.header.Get("Content-Disposition"))
	files := unzipped(t, got.body)
	profile := linesOf[api.ContactProfile](t, files["contact.json"])
	require.Equal(t, story.ContactID, profile[0].ID)
	require.Equal(t, storyPhone, profile[0].Identities[0].Value)
	conversations := linesOf[api.Conversation](t, files["conversations.jsonl"])
	require.Len(t, conversations, 1)
	require.Equal(t, story.ID, conversations[0].ID)
	require.Len(t, linesOf[api.Message](t, files["messages.jsonl"]), 3)
	for name, text := range files {
		require.NotContains(t, text, other.ID.String(), name)
	}
	notes := linesOf[api.Note](t, files["notes.jsonl"])
	require.Equal(t, []string{"He is <angry>", "afterwards"}, []string{notes[0].Text, notes[1].Text})
	require.Equal(t, "fine", linesOf[api.Rating](t, files["ratings.jsonl"])[0].Comment)
	require.Equal(t, aPDF, files["files/"+kept.String()+"-"+mediastore.Filename("../../etc/\"pass\r\nport.pdf")])
	require.Contains(t, files["files/missing.jsonl"], lost.String())
	require.Len(t, files, 7)

	bare := unzipped(t, get(f.adm, path+"?include_notes=false").body)
	require.NotContains(t, bare, "notes.jsonl")
	require.Contains(t, bare, "messages.jsonl")
	require.Equal(t, 2, f.Count(t, "audit_entries", "action = 'export-contact' AND target_id = $1 AND actor_type = 'key'", story.ContactID))

	require.Equal(t, http.StatusForbidden, get(f.ana, path).status)
	require.Equal(t, http.StatusNotFound, get(f.adm, "/v1/contacts/"+handoff.NewID().String()+"/export").status)
	require.Equal(t, http.StatusUnprocessableEntity, get(f.adm, path+"?include_notes=maybe").status)
	require.Equal(t, http.StatusUnprocessableEntity, get(f.adm, "/v1/contacts/nobody/export").status)
	f.Exec(t, "UPDATE contacts SET erasing_at = now() WHERE id = $1", story.ContactID)
	require.Equal(t, http.StatusNotFound, get(f.adm, path).status, "who is being erased is nobody's any more")
}

// TestALongContactIsExportedPageByPage has more messages than a page holds, which come each once.
func TestALongContactIsExportedPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.Exec(t, `INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, type, text, content, shadow, created_at)
		SELECT gen_random_uuid(), $1, $2, $3, 'inbound', 'contact', 'text', 'message ' || n, '{"type":"text"}', true, now() FROM generate_series(1, 2000) n`,
		w.Account.ID, c.InboxID, c.ContactID)
	got := w.serveHTTP(t)(w.adm, "/v1/contacts/"+c.ContactID.String()+"/export")
	seen := map[string]int{}
	for _, m := range linesOf[api.Message](t, unzipped(t, got.body)["messages.jsonl"]) {
		seen[m.Text]++
	}
	for n := 1; n <= 2000; n++ {
		require.Equal(t, 1, seen[fmt.Sprintf("message %d", n)])
	}
}
