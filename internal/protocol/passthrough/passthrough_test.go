package passthrough_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol"
	"handoff/internal/protocol/passthrough"
)

// template is the request of the vendor's page.
const template = `{
"recipient": "34600000000",
"channel": "whatsapp",
"type": "template",
"template": {
"name": "shipping_update",
"language": {
"code": "en_US"
},
"components": [
{
"type": "body",
"parameters": [
{
"type": "text",
"text": "Your order #12345 is on its way!"
}
]
}
]
}
}`

var (
	phone = handoff.Identity{Kind: handoff.IdentityPhone, Value: "34600000000"}
	user  = handoff.Identity{Kind: handoff.IdentityBSUID, Value: "US.13491208655302741918"}
)

func parse(t *testing.T, body string) passthrough.Send {
	t.Helper()
	send, err := passthrough.ParseSend([]byte(body))
	require.NoError(t, err)
	return send
}

func TestThePagesTemplateReachesMeta(t *testing.T) {
	t.Parallel()
	send := parse(t, template)
	require.True(t, send.Vendor)
	require.Equal(t, "template", send.Type)
	require.Equal(t, []handoff.Identity{phone}, send.To.Identities)
	require.Contains(t, template, string(send.Content), "the content is exactly as it came")

	id := uuid.MustParse("01980000-0000-7000-8000-000000000001")
	call, err := passthrough.Protocol.Send(protocol.Inbox{PhoneNumberID: "777"}, protocol.Contact{Identities: send.To.Identities},
		handoff.OutboundMessage{ID: id, CallbackData: id.String(), Type: send.Type, Content: send.Content})
	require.NoError(t, err)
	require.Equal(t, "/777/messages", call.Path)
	require.Equal(t, `{"messaging_product":"whatsapp","to":"34600000000","type":"template","template":{"name":"shipping_update",`+
		`"language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"Your order #12345 is on its way!"}]}]},`+
		`"biz_opaque_callback_data":"01980000-0000-7000-8000-000000000001"}`, string(call.Body))
}

func TestMetasOwnForm(t *testing.T) {
	t.Parallel()
	send := parse(t, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+34 600-000-000","type":"text",
		"text":{"body":"<Hi> 12345678901234567890"},"context":{"message_id":"wamid.1"},"biz_opaque_callback_data":"mine"}`)
	require.Equal(t, passthrough.Send{
		To: handoff.ItemContact{Identities: []handoff.Identity{phone}}, Type: "text", Content: json.RawMessage(`{"body":"<Hi> 12345678901234567890"}`),
		ReplyTo: "wamid.1", CallbackData: "mine",
	}, send)
}

func TestAMissingTypeIsTextInMetasForm(t *testing.T) {
	t.Parallel()
	require.Equal(t, "text", parse(t, `{"messaging_product":"whatsapp","to":"34600000000","text":{"body":"Hi"}}`).Type)
	_, err := passthrough.ParseSend([]byte(`{"channel":"whatsapp","recipient":"34600000000","text":{"body":"Hi"}}`))
	require.ErrorContains(t, err, "type has to be the message's type")
}

func TestUserIDsAreRecipientsUnderAnyKey(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		`"messaging_product":"whatsapp","to":"US.13491208655302741918"`,
		`"messaging_product":"whatsapp","recipient":"US.13491208655302741918"`,
		`"channel":"whatsapp","recipient":"US.13491208655302741918"`,
	} {
		require.Equal(t, []handoff.Identity{user}, parse(t, `{`+to+`,"type":"text","text":{"body":"Hi"}}`).To.Identities)
	}
	both := parse(t, `{"messaging_product":"whatsapp","to":"34600000000","recipient":"US.13491208655302741918","text":{"body":"Hi"}}`)
	require.Equal(t, []handoff.Identity{user, phone}, both.To.Identities)
}

func TestRefusalsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	const rest = `"type":"text","text":{"body":"Hi"}}`
	for body, want := range map[string]struct {
		code     handoff.Code
		location string
		message  string
	}{
		`{`:        {handoff.CodeMalformed, "", "not JSON"},
		`[]`:       {handoff.CodeInvalid, "", "has to be an object"},
		`null`:     {handoff.CodeInvalid, "", "has to be an object"},
		`{` + rest: {handoff.CodeInvalid, "body.messaging_product", `neither "channel":"whatsapp" nor`},
		`{"channel":"sms","recipient":"34600000000",` + rest:                                             {handoff.CodeInvalid, "body.channel", `channel has to be "whatsapp"`},
		`{"channel":"whatsapp",` + rest:                                                                  {handoff.CodeInvalid, "body.recipient", "is missing"},
		`{"messaging_product":"whatsapp",` + rest:                                                        {handoff.CodeInvalid, "body.to", "is missing"},
		`{"messaging_product":"whatsapp","to":34600000000,` + rest:                                       {handoff.CodeInvalid, "body.to", "has to be a text"},
		`{"messaging_product":"whatsapp","to":"call me",` + rest:                                         {handoff.CodeInvalid, "body.to", "has to be a phone number"},
		`{"messaging_product":"whatsapp","to":"US.1 2",` + rest:                                          {handoff.CodeInvalid, "body.to", "has to be a phone number"},
		`{"messaging_product":"whatsapp","recipient_type":"group","to":"34600000000",` + rest:            {handoff.CodeInvalid, "body.recipient_type", `has to be "individual"`},
		`{"messaging_product":"whatsapp","to":"34600000000","context":7,` + rest:                         {handoff.CodeInvalid, "body.context", "has to be an object"},
		`{"messaging_product":"whatsapp","to":"34600000000","context":{},` + rest:                        {handoff.CodeInvalid, "body.context.message_id", "quoted"},
		`{"messaging_product":"whatsapp","to":"34600000000","recipient_identity_key_hash":"x",` + rest:   {handoff.CodeInvalid, "body.recipient_identity_key_hash", "would not reach Meta"},
		`{"messaging_product":"whatsapp","to":"34600000000","type":"image","text":{}}`:                   {handoff.CodeInvalid, "body.text", "would not reach Meta"},
		`{"messaging_product":"whatsapp","to":"34600000000","type":"fax","fax":{}}`:                      {handoff.CodeInvalid, "body.type", `no message type "fax"`},
		`{"messaging_product":"whatsapp","to":"34600000000","type":"text","text":{"body":""}}`:           {handoff.CodeInvalid, "body.text.body", "not empty"},
		`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.1"}`:                        {handoff.CodeInvalid, "body.status", "not messages"},
		`{"messaging_product":"whatsapp","to":"34600000000","biz_opaque_callback_data":"\u0000",` + rest: {handoff.CodeInvalid, "body.biz_opaque_callback_data", "plain text"},
	} {
		_, err := passthrough.ParseSend([]byte(body))
		var refusal *handoff.Error
		require.ErrorAs(t, err, &refusal, body)
		require.Equal(t, want.code, refusal.Code, body)
		require.ErrorContains(t, err, want.message, body)
		if want.location == "" {
			continue
		}
		var locations []string
		for _, detail := range refusal.Details {
			locations = append(locations, detail.Location)
		}
		require.Contains(t, locations, want.location, body)
	}
}

// placeholder is a recipient that is a variable of the SDK's source.
var placeholder = regexp.MustCompile(`"(to|recipient)": *"(?:<|\{\{)[^"]*"`)

// Every message that somebody's SDK sends either passes or is refused as invalid, and what passes reaches Meta whole.
func TestCorpusOfSendRequests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpora.Dir(t), "whatsapp", "send-requests", "*", "*.json"))
	require.NoError(t, err)
	accepted := 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		body = placeholder.ReplaceAll(body, []byte(`"$1":"15550100"`))
		send, err := passthrough.ParseSend(body)
		if err != nil {
			require.Contains(t, []handoff.Code{handoff.CodeInvalid, handoff.CodeMalformed}, handoff.ErrorCode(err), file)
			continue
		}
		accepted++
		require.Contains(t, string(body), string(send.Content), file)
		_, err = passthrough.Protocol.Send(protocol.Inbox{PhoneNumberID: "1"}, protocol.Contact{},
			handoff.OutboundMessage{ID: handoff.NewID(), To: send.To.Identities, Type: send.Type, Content: send.Content, ReplyTo: send.ReplyTo})
		require.NoError(t, err, file)
	}
	t.Logf("%d of %d accepted", accepted, len(files))
	require.Greater(t, accepted, 140, "the others hold variables of their SDK, or are read marks")
}

func TestSendWithoutANumberOrAnAddressee(t *testing.T) {
	t.Parallel()
	m := handoff.OutboundMessage{Type: "text", Content: json.RawMessage(`{"body":"x"}`)}
	_, err := passthrough.Protocol.Send(protocol.Inbox{}, protocol.Contact{Identities: []handoff.Identity{phone}}, m)
	require.ErrorContains(t, err, "no phone number id")
	_, err = passthrough.Protocol.Send(protocol.Inbox{PhoneNumberID: "1"}, protocol.Contact{}, m)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
}

func TestAnswersHaveTheFormOfTheirRequest(t *testing.T) {
	t.Parallel()
	sent := json.RawMessage(`{"messages": [{"id":"wamid.<1>"}]}`)
	require.Equal(t, `{"statusCode":200,"message":"OK","data":{"messages":[{"id":"wamid.<1>"}]}}`, string(passthrough.Answer(true, 200, sent, "OK")))
	require.Equal(t, string(sent), string(passthrough.Answer(false, 200, sent, "OK")))
	require.Equal(t, `{"statusCode":503,"message":"Meta did not answer","data":null}`, string(passthrough.Answer(true, 503, nil, "Meta did not answer")))
	for _, meta := range []string{"", "<html>"} {
		require.Equal(t, `{"error":{"message":"a & b","type":"HandoffException","code":502}}`, string(passthrough.Answer(false, 502, json.RawMessage(meta), "a & b")))
	}
}

func FuzzParseSend(f *testing.F) {
	f.Add([]byte(template))
	f.Add([]byte(`{"messaging_product":"whatsapp","to":"34600000000","text":{"body":"Hi"},"context":{"message_id":"w"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		send, err := passthrough.ParseSend(body)
		if err != nil {
			require.NotEqual(t, handoff.CodeInternal, handoff.ErrorCode(err))
			return
		}
		call, err := passthrough.Protocol.Send(protocol.Inbox{PhoneNumberID: "1"}, protocol.Contact{},
			handoff.OutboundMessage{To: send.To.Identities, Type: send.Type, Content: send.Content, ReplyTo: send.ReplyTo})
		require.NoError(t, err)
		require.True(t, json.Valid(call.Body))
		require.True(t, strings.HasPrefix(call.Path, "/"))
	})
}
