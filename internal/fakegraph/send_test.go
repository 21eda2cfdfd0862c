package fakegraph_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
)

func TestASendIsAcceptedAndRemembered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := `{"messaging_product":"whatsapp", "to":"+1 (631) 555-5555","type":"text","text":{"body":"a<b"},"biz_opaque_callback_data":"msg_1"}`
	status, answer := b.send(t, first)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "whatsapp", answer["messaging_product"])
	require.Equal(t, []any{map[string]any{"input": "+1 (631) 555-5555", "wa_id": "16315555555"}}, answer["contacts"])
	second := `{"messaging_product":"whatsapp","recipient":"US.13491208655302741918","type":"text","text":{"body":"b"}}`
	status, answer = b.send(t, second)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []any{map[string]any{"input": "US.13491208655302741918", "user_id": "US.13491208655302741918"}}, answer["contacts"])

	sent := b.Sent()
	require.Len(t, sent, 2)
	require.Equal(t, first, string(sent[0].Body), "the bytes that came")
	require.Equal(t, "16315555555", sent[0].To)
	require.Equal(t, "msg_1", sent[0].CallbackData)
	require.Equal(t, number, sent[0].PhoneNumberID)
	require.Equal(t, second, string(sent[1].Body))
	require.Regexp(t, `^wamid\.[A-Za-z0-9+/]+=*$`, sent[0].ID)
	require.NotEqual(t, sent[0].ID, sent[1].ID)
	require.Equal(t, sent[1].ID, answer["messages"].([]any)[0].(map[string]any)["id"])

	status, page := b.do(t, http.MethodGet, "/", nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, sent[1].ID, page["sent"].([]any)[0].(map[string]any)["id"], "the latest first")
}

// Meta accepts a business-scoped user id in "to" and drops the message without a word.
func TestABSUIDInToIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, answer := b.send(t, `{"messaging_product":"whatsapp","to":"US.13491208655302741918","type":"text","text":{"body":"b"}}`)
	require.Equal(t, http.StatusOK, status)
	require.NotEmpty(t, answer["messages"])
	require.Empty(t, b.Sent())
	require.Len(t, b.Dropped(), 1)
}

func TestMistakesGetMetasErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const start = `{"messaging_product":"whatsapp","to":"16315555555",`
	for body, want := range map[string]struct {
		code    int
		mention string
	}{
		`not json`: {100, "JSON"},
		`{"to":"16315555555","type":"text","text":{"body":"b"}}`:             {100, "messaging_product"},
		`{"messaging_product":"whatsapp","type":"text","text":{"body":"b"}}`: {100, "to is required"},
		`{"messaging_product":"whatsapp","to":"abc","text":{"body":"b"}}`:    {100, "recipient"},
		start + `"type":"text"}`:                                                {131008, "text"},
		start + `"type":"text","text":{}}`:                                      {131008, "body"},
		start + `"type":"text","text":"b"}`:                                     {131008, "text"},
		start + `"type":"poll","poll":{}}`:                                      {100, "TEMPLATE"},
		start + `"text":{"body":"` + strings.Repeat("ü", 4097) + `"}}`:          {100, "4096"},
		start + `"type":"image","image":{"id":"404"}}`:                          {131009, "404"},
		start + `"type":"image","image":{}}`:                                    {131008, "link"},
		start + `"type":"image","image":{"id":"1","link":"https://a.b/c.png"}}`: {131008, "link"},
		start + `"type":"template","template":{"name":"n"}}`:                    {131008, "language"},
		start + `"type":"reaction","reaction":{"emoji":"x"}}`:                   {131008, "message_id"},
		start + `"type":"contacts","contacts":[]}`:                              {131008, "contacts"},

		start + `"type":"interactive","interactive":{"type":"button","body":{"text":"b"},"action":{"buttons":[]}}}`: {100, "1 to 3"},
		start + `"type":"interactive","interactive":{"type":"button","body":{"text":"b"},"action":{"buttons":[
			{"reply":{"title":"` + strings.Repeat("t", 21) + `"}}]}}}`: {100, "20"},
		start + `"type":"interactive","interactive":{"type":"list","body":{"text":"b"},"action":{"sections":[]}}}`: {100, "1 to 10"},
		start + `"text":{"body":"b"},"biz_opaque_callback_data":"` + strings.Repeat("d", 513) + `"}`:               {100, "512"},
		`{"messaging_product":"whatsapp","status":"delivered","message_id":"wamid.x"}`:                             {100, "read"},
		`{"messaging_product":"whatsapp","status":"read"}`:                                                         {100, "message_id"},
	} {
		status, answer := b.send(t, body)
		require.Equal(t, http.StatusBadRequest, status, body)
		problem := answer["error"].(map[string]any)
		require.EqualValues(t, want.code, problem["code"], body)
		require.Contains(t, fmt.Sprint(problem), want.mention, body)
		require.NotEmpty(t, problem["fbtrace_id"])
	}
	require.Empty(t, b.Sent())

	for path, want := range map[string]string{"/v24.0/404/messages": "33", "/v24.0/404": "33", "/v24.0/404/phone_numbers": "33"} {
		method := http.MethodGet
		if strings.HasSuffix(path, "messages") {
			method = http.MethodPost
		}
		status, answer := b.do(t, method, path, []byte(`{}`))
		require.Equal(t, http.StatusBadRequest, status, path)
		require.Equal(t, want, fmt.Sprint(answer["error"].(map[string]any)["error_subcode"]), path)
	}
	_, answer := b.do(t, http.MethodGet, "/v24.0/a/b/c", nil)
	require.EqualValues(t, 2500, answer["error"].(map[string]any)["code"])
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := `{"messaging_product":"whatsapp","to":"16315555555","text":{"body":"b"}}`
	status, _ := b.send(t, text)
	require.Equal(t, http.StatusOK, status, "every token is valid while none is known")
	for _, valid := range []bool{true, false} {
		b.Token(token, valid)
		status, answer := b.send(t, text)
		require.Equal(t, !valid, status == http.StatusUnauthorized)
		_, debug := b.do(t, http.MethodGet, "/v24.0/debug_token?input_token="+token, nil)
		if valid {
			require.Equal(t, true, debug["data"].(map[string]any)["is_valid"])
			continue
		}
		require.EqualValues(t, 190, answer["error"].(map[string]any)["code"])
	}
	response, err := http.Get(b.url + "/v24.0/" + number)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusUnauthorized, response.StatusCode, "no token at all")
}

func TestReadMarksAndTyping(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, answer := b.send(t, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.1"}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, map[string]any{"success": true}, answer)
	_, _ = b.send(t, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.2","typing_indicator":{"type":"text"}}`)
	marks := b.Marks()
	require.Len(t, marks, 2)
	require.False(t, marks[0].Typing)
	require.Equal(t, "wamid.2", marks[1].MessageID)
	require.True(t, marks[1].Typing)
	require.Empty(t, b.Sent())
}

// Control goes back once; writing to the customer takes it again, and to take it without writing needs a right.
func TestThreadControl(t *testing.T) {
	t.Parallel()
	b := setup(t)
	control := func(action string) int {
		status, _ := b.do(t, http.MethodPost, "/v24.0/"+number+"/thread_control",
			fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":"+16315555555","action":%q}`, action))
		return status
	}
	require.Equal(t, http.StatusOK, control("release"))
	require.Equal(t, http.StatusForbidden, control("release"), "it is not ours any more")
	status, _ := b.send(t, `{"messaging_product":"whatsapp","to":"16315555555","text":{"body":"b"}}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, http.StatusOK, control("pass"))
	require.Equal(t, http.StatusBadRequest, control("take"))
	b.Partner(true)
	require.Equal(t, http.StatusOK, control("take"))
	require.Equal(t, http.StatusBadRequest, control("give"))
	var actions []string
	for _, c := range b.Controls() {
		require.Equal(t, "16315555555", c.Customer)
		actions = append(actions, c.Action)
	}
	require.Equal(t, []string{"release", "pass", "take"}, actions)
}

// unfilled are the bodies of the corpus in which a placeholder stands for a list or an object of the content, or for all of it.
var unfilled = []string{
	"ericvera_whatsapp-cloudapi/013-send-interactive.button.json", "ericvera_whatsapp-cloudapi/036-send-interactive.list.json",
	"fbsamples_whatsapp-business-jaspers-market/002-send-interactive.button.json",
	"ignacio-chiazzo_ruby_whatsapp_sdk/009-send-template.json", "netflie_whatsapp-cloud-api/010-send-interactive.product_list.json",
	"renzojohnson_whatsapp-cloud-api/002-send-contacts.json",
}

// notSend is true for the bodies of the corpus without content, or without a recipient, and for those that are made to be refused.
func notSend(body map[string]any) bool {
	if body["status"] != nil {
		return body["status"] != "read"
	}
	kind, _ := body["type"].(string)
	if kind == "" && body["text"] != nil {
		kind = "text"
	}
	_, object := body[kind].(map[string]any)
	_, list := body[kind].([]any)
	return !object && !list || body["to"] == nil && body["recipient"] == nil
}

func TestCorpusOfSendRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	root := filepath.Join(corpora.Dir(t), "whatsapp", "send-requests")
	accepted, refused, types := 0, 0, map[string]int{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			return nil
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var body map[string]any
		require.NoError(t, json.Unmarshal(raw, &body), path)
		b.fillIn(body)
		filled, err := json.Marshal(body)
		require.NoError(t, err)
		status, answer := b.send(t, string(filled))
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		if notSend(body) || slices.Contains(unfilled, name) {
			refused++
			require.Equal(t, http.StatusBadRequest, status, path)
			return nil
		}
		accepted++
		require.Equal(t, http.StatusOK, status, "%s: %v", path, answer)
		kind, _ := body["type"].(string)
		types[kind]++
		return nil
	}))
	t.Logf("%d accepted: %v; %d are no sends", accepted, types, refused)
	require.Greater(t, accepted, 200)
	require.Equal(t, accepted, len(b.Sent())+len(b.Marks()))
}

// fillIn puts a number for a placeholder, and makes the files known that the body names.
func (b bundle) fillIn(body map[string]any) {
	if to, ok := body["to"].(string); ok && !strings.ContainsAny(to, "0123456789") {
		body["to"] = "15550100100"
	}
	for _, kind := range []string{"audio", "document", "image", "sticker", "video"} {
		file, _ := body[kind].(map[string]any)
		if id, ok := file["id"].(string); ok {
			b.AddMedia(id, "image/png", "", []byte("x"))
		}
	}
	if _, ok := body["message_id"].(string); !ok && slices.Contains([]any{"read"}, body["status"]) {
		body["message_id"] = "wamid.x"
	}
}
