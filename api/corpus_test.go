package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/corpora"
)

// Every webhook body that open SDKs and Meta's own examples show is accepted: stored byte for byte, each element accounted for.
func TestEveryKnownWebhookIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bodies := 0
	for _, folder := range []string{"webhooks", "doc-derived"} {
		for name, body := range files(t, corpora.Dir(t), "whatsapp", folder) {
			body = w.addressed(t, body)
			got := w.do(t, "POST", "/v1/public/inbound", w.gateway, body)
			if !bytes.Contains(body, []byte(`"entry"`)) {
				got.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid) // another vendor's
				continue
			}
			require.Equal(t, http.StatusOK, got.status, "%s: %s", name, got.body)

			row, err := dbsqlc.New(w.DB).ReceiptGet(context.Background(), dbsqlc.ReceiptGetParams{
				AccountID: w.Account.ID, ID: uuidOf(t, got.text("receipt_id")),
			})
			require.NoError(t, err, name)
			require.True(t, bytes.Equal(body, row.Body), "%s is not stored as it came", name)
			receipt := w.do(t, "GET", "/v1/receipts/"+got.text("receipt_id"), w.gateway, nil).is(http.StatusOK)
			require.Len(t, receipt.field("items"), len(got.field("items").([]any)), name)
			require.GreaterOrEqual(t, len(got.field("items").([]any)), elements(t, body), "%s: an element is not accounted for", name)
			bodies++
		}
	}
	require.Greater(t, bodies, 300)
}

// What no parser takes is malformed; whatever some parser takes is never the server's fault.
func TestNoJSONBreaksTheIntake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	envelope := string(w.Body("447700900123", "PLACEHOLDER"))
	for name, content := range files(t, corpora.Dir(t), "adversarial", "JSONTestSuite", "test_parsing") {
		base := filepath.Base(name)
		got := w.do(t, "POST", "/v1/public/inbound", w.gateway, content)
		require.Less(t, got.status, 500, "%s: %s", name, got.body)
		if strings.HasPrefix(base, "n_") {
			require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", name, got.body)
		}
		embedded := strings.Replace(envelope, `"PLACEHOLDER"`, string(content), 1)
		got = w.do(t, "POST", "/v1/public/inbound", w.gateway, embedded)
		require.Less(t, got.status, 500, "%s embedded: %s", name, got.body)

		for _, path := range []string{"/v1/agents", "/v1/inboxes"} {
			got = w.do(t, "POST", path, w.adm, content)
			require.Less(t, got.status, 500, "%s to %s: %s", name, path, got.body)
			got = w.do(t, "POST", path, w.adm, `{"name":`+string(content)+`}`)
			require.Less(t, got.status, 500, "%s to %s: %s", name, path, got.body)
		}
	}
}

// Naughty strings come out of every text as they went in, or are refused.
func TestNaughtyStrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	var naughty []string
	require.NoError(t, json.Unmarshal(corpora.File(t, "adversarial", "blns", "blns.json"), &naughty))
	for _, text := range naughty {
		note := w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/notes", w.ana, map[string]string{"text": text})
		if note.status == http.StatusCreated {
			require.Equal(t, text, note.text("text"))
		} else {
			note.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		}
		inbox := w.do(t, "PATCH", "/v1/inboxes/"+w.Inbox.ID.String(), w.adm, map[string]string{"resolved_status": text})
		if inbox.status == http.StatusOK {
			require.Equal(t, text, inbox.text("resolved_status"))
		} else {
			inbox.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		}
	}
}

func files(t *testing.T, root string, elements ...string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(append([]string{root}, elements...)...), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

// addressed rewrites a body so that it is for the inbox and repeats no message of another file.
func (w *world) addressed(t *testing.T, body []byte) []byte {
	t.Helper()
	var top map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&top))
	for _, value := range changes(top, func(entry map[string]any) { entry["id"] = w.Inbox.WABAID }) {
		if metadata, ok := value["metadata"].(map[string]any); ok {
			metadata["phone_number_id"] = w.Inbox.PhoneNumberID
		}
		for _, key := range []string{"messages", "message_echoes"} {
			list, _ := value[key].([]any)
			for _, message := range list {
				if message, ok := message.(map[string]any); ok {
					message["id"] = "wamid." + handoff.NewID().String()
				}
			}
		}
	}
	rewritten, err := json.Marshal(top)
	require.NoError(t, err)
	return rewritten
}

// elements counts what a body says of messages.
func elements(t *testing.T, body []byte) int {
	t.Helper()
	var top map[string]any
	require.NoError(t, json.Unmarshal(body, &top))
	n := 0
	for field, value := range changes(top, func(map[string]any) {}) {
		if field != "messages" {
			continue
		}
		for _, key := range []string{"messages", "statuses"} {
			list, _ := value[key].([]any)
			n += len(list)
		}
	}
	return n
}

// changes walks the changes of a body, by field and value.
func changes(top map[string]any, each func(entry map[string]any)) iter.Seq2[any, map[string]any] {
	return func(yield func(any, map[string]any) bool) {
		entries, _ := top["entry"].([]any)
		for _, entry := range entries {
			entry, ok := entry.(map[string]any)
			if !ok {
				continue
			}
			each(entry)
			list, _ := entry["changes"].([]any)
			for _, change := range list {
				change, _ := change.(map[string]any)
				if value, ok := change["value"].(map[string]any); ok && !yield(change["field"], value) {
					return
				}
			}
		}
	}
}
