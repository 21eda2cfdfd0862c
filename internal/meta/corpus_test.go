package meta_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/meta"
	"handoff/internal/vendorjson"
)

func jsonFiles(tb testing.TB, elements ...string) []string {
	tb.Helper()
	var files []string
	root := filepath.Join(append([]string{corpora.Dir(tb)}, elements...)...)
	require.NoError(tb, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".json") {
			files = append(files, path)
		}
		return err
	}))
	require.NotEmpty(tb, files)
	return files
}

// notMeta are the files among the webhooks that are no webhook of Meta's: Kapso's own batch format.
var notMeta = map[string]bool{"kapso-batch-2.json": true}

func TestCorpusOfWebhooks(t *testing.T) {
	t.Parallel()
	files := append(jsonFiles(t, "whatsapp", "webhooks"), jsonFiles(t, "whatsapp", "doc-derived")...)
	kinds, types, reasons := map[handoff.ItemKind]int{}, map[string]int{}, map[string]int{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		webhook, err := meta.Parse(body)
		if notMeta[filepath.Base(file)] {
			require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), file)
			continue
		}
		require.NoError(t, err, file)
		checkItems(t, file, body, webhook.Items)
		for _, item := range webhook.Items {
			kinds[item.Kind]++
			if item.Message != nil {
				types[item.Message.Type]++
			}
			if item.Kind == handoff.ItemIgnored {
				reasons[item.Reason]++
			}
		}
	}
	t.Logf("%d bodies: %v; messages: %v; ignored: %v", len(files), kinds, types, reasons)
}

// What a person of the business wrote in the app is an agent's, and no transcript of a bot's.
func TestCorpusOfEchoes(t *testing.T) {
	t.Parallel()
	echoes := 0
	for _, file := range append(jsonFiles(t, "whatsapp", "webhooks"), jsonFiles(t, "whatsapp", "doc-derived")...) {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		webhook, err := meta.Parse(body)
		if err != nil {
			continue
		}
		for _, item := range webhook.Items {
			if item.Message == nil || !strings.Contains(item.Location, ".message_echoes[") {
				continue
			}
			echoes++
			require.Equal(t, handoff.Outbound, item.Message.Direction, file)
			require.Equal(t, handoff.AuthorAgent, item.Message.Author, file)
			require.False(t, item.Message.Shadow, file)
			require.False(t, item.Message.Opens, file)
		}
	}
	require.NotZero(t, echoes)
}

// checkItems asserts what has to hold for every body: each element has exactly one item, no item is empty, everything can be
// stored, and nobody is two contacts.
func checkItems(t *testing.T, name string, body []byte, items []handoff.Item) {
	t.Helper()
	at := map[string]int{}
	owners := map[handoff.Identity]handoff.Identity{}
	for _, item := range items {
		at[item.Location]++
		switch item.Kind {
		case handoff.ItemMessage:
			require.NotNil(t, item.Message, name)
			require.NotNil(t, item.Contact, name)
			require.True(t, json.Valid(item.Message.Content), name)
			require.Equal(t, string(item.Message.Content), string(vendorjson.Sanitize(item.Message.Content)), name)
			require.Equal(t, item.Message.Text, vendorjson.SanitizeText(item.Message.Text), name)
		case handoff.ItemStatus:
			require.NotNil(t, item.Status, name)
			require.NotEmpty(t, item.ExternalID, name)
		case handoff.ItemOffload:
			require.NotNil(t, item.Offload, name)
			require.NotNil(t, item.Contact, name)
		default:
			require.NotEmpty(t, item.Reason, name)
		}
		if item.Contact == nil {
			continue
		}
		require.NotEmpty(t, item.Contact.Identities, name)
		strongest := item.Contact.Identities[0]
		for _, identity := range item.Contact.Identities {
			require.NotEmpty(t, identity.Value, name)
			owner, seen := owners[identity]
			require.True(t, !seen || owner == strongest, "%s: %v belongs to %v and %v", name, identity, owner, strongest)
			owners[identity] = strongest
		}
	}
	for _, location := range elementsOf(t, body) {
		require.Equal(t, 1, at[location], "%s: items at %s", name, location)
	}
}

// elementsOf lists the places of which each needs an item, found without the code under test.
func elementsOf(t *testing.T, body []byte) []string {
	t.Helper()
	var top struct {
		Entry []json.RawMessage `json:"entry"`
	}
	require.NoError(t, json.Unmarshal(body, &top))
	var places []string
	for i, raw := range top.Entry {
		var entry struct {
			Changes []json.RawMessage `json:"changes"`
		}
		if json.Unmarshal(raw, &entry) != nil || len(entry.Changes) == 0 {
			places = append(places, place("entry[%d]", i))
		}
		for j, raw := range entry.Changes {
			places = append(places, elementsOfChange(raw, place("entry[%d]", i)+place(".changes[%d]", j))...)
		}
	}
	return places
}

func elementsOfChange(raw json.RawMessage, at string) []string {
	var change struct {
		Field string                     `json:"field"`
		Value map[string]json.RawMessage `json:"value"`
	}
	treated := map[string]bool{"": true, "messages": true, "smb_message_echoes": true, "standby": true}
	if json.Unmarshal(raw, &change) != nil || change.Value == nil || !treated[change.Field] {
		return []string{at}
	}
	places := elementsOfLists(change.Value, at+".value")
	var standby map[string]json.RawMessage
	if change.Field == "standby" && json.Unmarshal(change.Value["standby"], &standby) == nil {
		places = append(places, elementsOfLists(standby, at+".value.standby")...)
	}
	if len(places) == 0 {
		return []string{at}
	}
	return places
}

func elementsOfLists(value map[string]json.RawMessage, at string) (places []string) {
	for _, key := range []string{"messages", "message_echoes", "statuses", "errors"} {
		var list []json.RawMessage
		if json.Unmarshal(value[key], &list) != nil {
			continue
		}
		for i := range list {
			places = append(places, at+"."+key+place("[%d]", i))
		}
	}
	return places
}

func place(format string, i int) string { return fmt.Sprintf(format, i) }

func TestJSONTestSuiteAsBody(t *testing.T) {
	t.Parallel()
	codes := map[handoff.Code]int{}
	for _, file := range jsonFiles(t, "adversarial", "JSONTestSuite") {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = meta.Parse(body)
		code := handoff.ErrorCode(err)
		codes[code]++
		require.NotEqual(t, handoff.CodeInternal, code, file)
		if strings.HasPrefix(filepath.Base(file), "n_") {
			require.Equal(t, handoff.CodeMalformed, code, file)
		}
		if strings.HasPrefix(filepath.Base(file), "y_") {
			require.Equal(t, handoff.CodeInvalid, code, file)
		}
	}
	t.Logf("refused: %v", codes)
}

func TestJSONTestSuiteInsideMessage(t *testing.T) {
	t.Parallel()
	kept := 0
	for _, file := range jsonFiles(t, "adversarial", "JSONTestSuite") {
		value, err := os.ReadFile(file)
		require.NoError(t, err)
		body := message(`"type":"text","text":{"body":"hi"},"strange":` + string(value))
		webhook, err := meta.Parse(body)
		if !json.Valid(value) || strings.Contains(file, "500_nested") {
			require.Equal(t, handoff.CodeMalformed, handoff.ErrorCode(err), file)
			continue
		}
		require.NoError(t, err, file)
		require.Len(t, webhook.Items, 1, file)
		checkItems(t, file, body, webhook.Items)
		require.Equal(t, "hi", webhook.Items[0].Message.Text)
		var content map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(webhook.Items[0].Message.Content, &content), file)
		require.Contains(t, content, "strange", file)
		kept++
	}
	t.Logf("%d values kept", kept)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"entry":[]}`))
	f.Add(message(`"type":"text","text":{"body":"hi\u0000\ud83d"}`))
	f.Add(inMessages(`"statuses":[{"id":"w","status":"failed","errors":[{"code":1e999}]}],"messages":[{"type":"edit","edit":{}}]`))
	f.Add([]byte(standbyBody))
	f.Add([]byte(controlPassed))
	f.Add(handoverOf(`"type":"control_passed","control_passed":{"a":1e999,"conversation_context":{"summary":{"text":"\u0000"},"history":{"items":[7,{"from":1}]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		webhook, err := meta.Parse(body)
		if err != nil {
			require.Contains(t, []handoff.Code{handoff.CodeMalformed, handoff.CodeInvalid, handoff.CodeTooLarge}, handoff.ErrorCode(err))
			return
		}
		for _, item := range webhook.Items {
			require.NotEmpty(t, item.Location)
			_, err := json.Marshal(item)
			require.NoError(t, err)
			if item.Message != nil {
				require.Equal(t, string(item.Message.Content), string(vendorjson.Sanitize(item.Message.Content)))
			}
			if item.Offload == nil {
				continue
			}
			require.Equal(t, handoff.SourceMeta, item.Offload.Source)
			require.NotEmpty(t, item.Contact.Identities)
			requireStorable(t, item.Offload.Payload)
			require.Equal(t, item.Offload.Reason, vendorjson.SanitizeText(item.Offload.Reason))
			for _, turn := range item.Offload.Transcript {
				require.Equal(t, turn.Text, vendorjson.SanitizeText(turn.Text))
				requireStorable(t, turn.Content)
			}
		}
	})
}

func requireStorable(t *testing.T, raw json.RawMessage) {
	t.Helper()
	if len(raw) > 0 {
		require.Equal(t, string(raw), string(vendorjson.Sanitize(raw)))
	}
}
