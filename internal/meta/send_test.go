package meta_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/meta"
)

func TestSend(t *testing.T) {
	t.Parallel()
	text := json.RawMessage(`{ "preview_url": true, "body": "<Hi> & \u2713" }`)
	for name, tc := range map[string]struct {
		message  handoff.OutboundMessage
		callback string
		want     string
	}{
		"text": {
			message: handoff.OutboundMessage{To: []handoff.Identity{phoneOf("447700900123")}, Type: "text", Content: text},
			want:    `{"messaging_product":"whatsapp","to":"447700900123","type":"text","text":{"preview_url":true,"body":"<Hi> & \u2713"}}`,
		},
		"everything": {
			message:  handoff.OutboundMessage{To: []handoff.Identity{bsuid("GB.1"), phoneOf("447700900123")}, Type: "text", Content: text, ReplyTo: `w"1`},
			callback: "0198", want: `{"messaging_product":"whatsapp","to":"447700900123","type":"text","text":{"preview_url":true,"body":"<Hi> & \u2713"},` +
				`"context":{"message_id":"w\"1"},"biz_opaque_callback_data":"0198"}`,
		},
		"user id": {
			message: handoff.OutboundMessage{To: []handoff.Identity{bsuid("GB.1")}, Type: "text", Content: text},
			want:    `{"messaging_product":"whatsapp","recipient":"GB.1","type":"text","text":{"preview_url":true,"body":"<Hi> & \u2713"}}`,
		},
		"reaction": {
			message: handoff.OutboundMessage{To: []handoff.Identity{phoneOf("1")}, Type: "reaction", Content: json.RawMessage(`{"message_id":"w","emoji":""}`), ReplyTo: "w"},
			want:    `{"messaging_product":"whatsapp","to":"1","type":"reaction","reaction":{"message_id":"w","emoji":""}}`,
		},
		"contacts": {
			message: handoff.OutboundMessage{To: []handoff.Identity{phoneOf("1")}, Type: "contacts", Content: json.RawMessage(`[{"name":{"formatted_name":"A"}}]`)},
			want:    `{"messaging_product":"whatsapp","to":"1","type":"contacts","contacts":[{"name":{"formatted_name":"A"}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := meta.Send(tc.message, tc.callback)
			require.NoError(t, err)
			require.Equal(t, tc.want, string(body))
			requireSchema(t, sendSchema(t), body)
		})
	}
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	for _, m := range []handoff.OutboundMessage{
		{Type: "text", Content: json.RawMessage(`{}`)},
		{Type: "text", Content: json.RawMessage(`{}`), To: []handoff.Identity{{Kind: handoff.IdentityUsername, Value: "ann"}}},
		{Type: "text", Content: json.RawMessage(`{`), To: []handoff.Identity{phoneOf("1")}},
		{Type: "text", To: []handoff.Identity{phoneOf("1")}},
	} {
		_, err := meta.Send(m, "")
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	}
}

func sendSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(corpora.File(tb, "meta", "meta-send-message.repaired.schema.json")))
	require.NoError(tb, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(tb, compiler.AddResource("send.json", document))
	schema, err := compiler.Compile("send.json")
	require.NoError(tb, err)
	return schema
}

func requireSchema(tb testing.TB, schema *jsonschema.Schema, body []byte) {
	tb.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(tb, err)
	require.NoError(tb, schema.Validate(document), "%s", body)
}

// Every body that somebody's SDK sends and that we accept has to come out of Send as one that Meta's schema accepts.
func TestCorpusOfSendRequests(t *testing.T) {
	t.Parallel()
	schema := sendSchema(t)
	accepted, noMessage := 0, 0
	refused := map[string][]string{}
	files := jsonFiles(t, "whatsapp", "send-requests")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var body map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &body), file)
		var kind string
		if json.Unmarshal(body["type"], &kind) != nil || len(body[kind]) == 0 || body[kind][0] == '"' {
			noMessage++ // read marks, calls, and literals whose content is a variable of the SDK
			continue
		}
		if err := meta.ValidateSend(kind, body[kind]); err != nil {
			require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), file)
			folder := filepath.Base(filepath.Dir(file))
			refused[err.Error()] = append(refused[err.Error()], folder+"/"+filepath.Base(file))
			continue
		}
		sent, err := meta.Send(handoff.OutboundMessage{To: []handoff.Identity{phoneOf("15550100")}, Type: kind, Content: body[kind]}, "cb")
		require.NoError(t, err, file)
		requireSchema(t, schema, sent)
		accepted++
	}
	t.Logf("%d bodies: %d accepted, %d no message", len(files), accepted, noMessage)
	for reason, files := range refused {
		t.Logf("refused: %s: %v", reason, files)
	}
	require.Greater(t, accepted, 100)
}
