package chatlayer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol/chatlayer"
	"handoff/internal/vendorjson"
)

const session = "emulator-714a7b79-d674-4a62-a9a9-49581d7451e5"

// feed is a messages event with one entry.
func feed(actor, message string) []byte {
	return fmt.Appendf(nil, `{"botId":"ko3123ze","version":"DRAFT","sessionId":%q,"event":"messages","channel":"web",
		"messages":[{"actor":%q,"message":%s,"timestamp":"2021-11-15T08:26:13.154Z"}],"timestamp":"2021-11-15T08:26:13.193Z"}`, session, actor, message)
}

func parseOne(t *testing.T, actor, message string) handoff.Item {
	t.Helper()
	in, err := chatlayer.Parse(feed(actor, message))
	require.NoError(t, err, message)
	require.Len(t, in.Items, 1, message)
	return in.Items[0]
}

func TestAMessageOfTheDocumentation(t *testing.T) {
	t.Parallel()
	message := `{"channelType":"web","sender":{"id":"emulator-8f58","botId":"ko3123ze","botType":"web","firstname":"Guest","isEmulator":"true"},` +
		`"timestamp":"2021-11-15T08:26:13.154Z","messageType":"text","text":"hi there","id":"619219a5cdee7f9f1b6ee5f7"}`
	in, err := chatlayer.Parse(feed("user", message))
	require.NoError(t, err)
	require.Equal(t, "messages", in.Event)
	require.Equal(t, []string{session, "ko3123ze", "DRAFT", "web"}, []string{in.SessionID, in.BotID, in.Version, in.Channel})
	require.Len(t, in.Items, 1)
	item := in.Items[0]
	require.Regexp(t, `^chatlayer:[0-9a-f]{64}$`, item.ExternalID)
	item.ExternalID = ""
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemMessage, Location: "messages[0]",
		Contact: &handoff.ItemContact{Name: "Guest", Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: session}}},
		Message: &handoff.ItemMessageBody{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "hi there", Content: json.RawMessage(message),
			At: time.Date(2021, 11, 15, 8, 26, 13, 154e6, time.UTC), Shadow: true,
		},
	}, item)
}

func TestTheWhatsAppUsersNumber(t *testing.T) {
	t.Parallel()
	for sessionID, phone := range map[string]string{
		"wvywhtspp_3225550100_447700900123": "447700900123", "wvywhtspp_+3225550100_+447700900123": "447700900123",
		"wvywhtspp_1_447700900123": "", "wvywhtspp_3225550100_44x": "", "x_wvywhtspp_3225550100_447700900123": "", "1636964964162": "",
	} {
		in, err := chatlayer.Parse(fmt.Appendf(nil, `{"sessionId":%q,"event":"offload"}`, sessionID))
		require.NoError(t, err)
		want := []handoff.Identity{{Kind: handoff.IdentitySession, Value: sessionID}}
		if phone != "" {
			want = append([]handoff.Identity{{Kind: handoff.IdentityPhone, Value: phone}}, want...)
		}
		require.Equal(t, want, in.Items[0].Contact.Identities, sessionID)
	}
}

// documentedOffload is the offload of the documentation, with its long payloads of buttons shortened and a payload and an intro added.
const documentedOffload = `{
    "botId": "ko3123ze", "version": "DRAFT", "sessionId": "emulator-714a7b79-d674-4a62-a9a9-49581d7451e5",
    "timestamp": "2021-11-15T08:36:21.527Z", "event": "offload", "payload": {"reason": "wants a person", "queue": "sales\u0000"},
    "transcript": [
        {"actor": "user", "message": {"messageType": "intro"}, "timestamp": "2021-11-15T08:36:11.990Z"},
        {"actor": "bot", "message": {"text": "Hi Welcome"}, "timestamp": "2021-11-15T08:36:11.991Z"},
        {"actor": "bot", "message": {"text": "Choose what you want to do?", "quick_replies": [{"title": "first options", "payload": "{}", "content_type": "text"}]},
         "timestamp": "2021-11-15T08:36:11.992Z"},
        {"actor": "user", "message": {"parameters": [], "text": "first options", "messageType": "postback", "title": "first options",
         "nextDialogstateId": "13fc7f3e-80e5-45b8-862b-d2ff436eae0e", "channelType": "emulator",
         "sender": {"id": "emulator-714a7b79-d674-4a62-a9a9-49581d7451e5", "botId": "ko3123ze"}}, "timestamp": "2021-11-15T08:36:15.009Z"},
        {"actor": "user", "message": {"messageType": "upload", "urls": ["https://x.example.com/a.png"], "sender": {"firstname": "Ann"}}, "timestamp": 1636965376}
    ]
}`

func TestAnOffload(t *testing.T) {
	t.Parallel()
	in, err := chatlayer.Parse([]byte(documentedOffload))
	require.NoError(t, err)
	require.Equal(t, "offload", in.Event)
	require.Len(t, in.Items, 1)
	item := in.Items[0]
	require.Equal(t, handoff.ItemOffload, item.Kind)
	require.Regexp(t, `^chatlayer-offload:[0-9a-f]{64}$`, item.ExternalID)
	require.Equal(t, "Ann", item.Contact.Name)
	offload := item.Offload
	require.Equal(t, "wants a person", offload.Reason)
	require.Equal(t, `{"reason":"wants a person","queue":"sales\ufffd"}`, string(offload.Payload))
	require.Equal(t, handoff.SourceGateway, offload.Source)
	require.Equal(t, time.Date(2021, 11, 15, 8, 36, 21, 527e6, time.UTC), offload.At)
	require.Len(t, offload.Transcript, 4)
	texts := []string{}
	for _, turn := range offload.Transcript {
		texts = append(texts, string(turn.Author)+" "+turn.Type+" "+turn.Text)
		require.NotEmpty(t, turn.ExternalID)
		require.False(t, turn.At.IsZero())
	}
	require.Equal(t, []string{
		"bot text Hi Welcome", "bot interactive Choose what you want to do?\n• first options", "contact interactive first options",
		"contact image https://x.example.com/a.png",
	}, texts)
}

func TestAnOffloadWithFaults(t *testing.T) {
	t.Parallel()
	in, err := chatlayer.Parse([]byte(`{"type":"offload","sessionId":7,"botId":11,"payload":"vip","timestamp":"soon","transcript":[
		null,7,{"actor":"bot","message":{"text":"fine"}},{"actor":"bot"},{"actor":"agent","message":{"text":"x"}},{"message":{}}]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"offload", "7", "11"}, []string{in.Event, in.SessionID, in.BotID})
	require.Empty(t, in.Items[0].Offload.Payload)
	require.True(t, in.Items[0].Offload.At.IsZero())
	require.Len(t, in.Items[0].Offload.Transcript, 1)
	var places []string
	for _, item := range in.Items[1:] {
		require.Equal(t, handoff.ItemIgnored, item.Kind)
		require.NotEmpty(t, item.Reason)
		places = append(places, item.Location)
	}
	require.Equal(t, []string{"payload", "transcript[0]", "transcript[1]", "transcript[3]", "transcript[4]", "transcript[5]"}, places)
}

func TestABadEntrySpoilsNoOther(t *testing.T) {
	t.Parallel()
	in, err := chatlayer.Parse([]byte(`{"event":"messages","sessionId":"s","messages":[[],{"actor":"user","message":"hi"},{"actor":1,"message":{}},
		{"actor":"user","message":{"messageType":"text","text":"fine"}}]}`))
	require.NoError(t, err)
	kinds := []handoff.ItemKind{}
	for _, item := range in.Items {
		kinds = append(kinds, item.Kind)
		require.Equal(t, handoff.Route{}, item.Route)
	}
	require.Equal(t, []handoff.ItemKind{handoff.ItemIgnored, handoff.ItemIgnored, handoff.ItemIgnored, handoff.ItemMessage}, kinds)
	require.Equal(t, "messages[3]", in.Items[3].Location)
	in, err = chatlayer.Parse([]byte(`{"event":"messages","sessionId":"s","messages":{"actor":"bot"}}`))
	require.NoError(t, err)
	require.Equal(t, handoff.ItemIgnored, in.Items[0].Kind)
	for _, none := range []string{`null`, `[]`} {
		in, err = chatlayer.Parse([]byte(`{"event":"messages","sessionId":"s","messages":` + none + `}`))
		require.NoError(t, err)
		require.Empty(t, in.Items)
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	second := time.Date(2021, 11, 15, 8, 36, 15, 0, time.UTC)
	for written, want := range map[string]time.Time{
		`"2021-11-15T08:36:15.009Z"`: second.Add(9 * time.Millisecond), `"2021-11-15T09:36:15+01:00"`: second,
		`1636965375`: second, `1636965375000`: second, `"1636965375"`: second, `1636965375.009`: second.Add(9 * time.Millisecond),
		`"yesterday"`: {}, `null`: {}, `{}`: {}, `-1`: {}, `0`: {}, `1e400`: {}, `"NaN"`: {}, `1e300`: {}, `"9999-12-31T23:59:59-23:00"`: {}, `true`: {},
	} {
		in, err := chatlayer.Parse([]byte(`{"event":"messages","sessionId":"s","messages":[{"actor":"bot","message":{"text":"x"},"timestamp":` + written + `}]}`))
		require.NoError(t, err, written)
		require.Equal(t, want, in.Items[0].Message.At, written)
		in, err = chatlayer.Parse([]byte(`{"event":"offload","sessionId":"s","timestamp":` + written + `}`))
		require.NoError(t, err, written)
		require.Equal(t, want, in.Items[0].Offload.At, written)
	}
	in, err := chatlayer.Parse([]byte(`{"event":"messages","sessionId":"s","timestamp":1636965375,"messages":[{"actor":"bot","message":{"text":"x"},"timestamp":"?"}]}`))
	require.NoError(t, err)
	require.Equal(t, second, in.Items[0].Message.At, "an entry without a time has that of its body")
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for body, code := range map[string]handoff.Code{
		``: handoff.CodeMalformed, `{`: handoff.CodeMalformed, `{"event":"messages"} x`: handoff.CodeMalformed,
		strings.Repeat("[", 200) + strings.Repeat("]", 200): handoff.CodeMalformed,
		`[]`: handoff.CodeInvalid, `null`: handoff.CodeInvalid, `{}`: handoff.CodeInvalid, `{"event":"messages"}`: handoff.CodeInvalid,
		`{"sessionId":"s"}`: handoff.CodeInvalid, `{"sessionId":"s","event":"ended"}`: handoff.CodeInvalid, `{"sessionId":"s","event":7}`: handoff.CodeInvalid,
		`{"sessionId":{},"event":"offload"}`: handoff.CodeInvalid, `{"sessionId":" ","event":"offload"}`: handoff.CodeInvalid,
		`{"sessionId":"` + strings.Repeat("s", 600) + `","event":"offload"}`:                                              handoff.CodeInvalid,
		`{"sessionId":"s","event":"messages","messages":[` + strings.Repeat("0,", 10_000) + `0]}`:                         handoff.CodeTooLarge,
		`{"sessionId":"s","event":"offload","transcript":[` + strings.Repeat("0,", 10_000) + `0]}`:                        handoff.CodeTooLarge,
		`{"sessionId":"s","event":"messages","messages":[{"actor":"user","message":` + manyFiles(10_001) + `}]}`:          handoff.CodeTooLarge,
		`{"sessionId":"s","event":"offload","transcript":[` + manyEntries(1_001) + `]}`:                                   handoff.CodeTooLarge,
		`{"sessionId":"s","event":"messages","messages":[{"actor":"user","message":{"messageType":"upload","urls":[]}}]}`: "",
	} {
		_, err := chatlayer.Parse([]byte(body))
		require.Equal(t, code, handoff.ErrorCode(err), "%.100s", body)
		var refusal *handoff.Error
		if code == handoff.CodeInvalid {
			require.ErrorAs(t, err, &refusal)
			require.NotEmpty(t, refusal.Details)
			require.NotEmpty(t, refusal.Details[0].Location)
		}
	}
}

func manyFiles(n int) string {
	var links []string
	for i := range n {
		links = append(links, fmt.Sprintf(`"https://x.example.com/%d.png"`, i))
	}
	return `{"messageType":"upload","urls":[` + strings.Join(links, ",") + `]}`
}

func manyEntries(n int) string {
	entry := `{"actor":"user","message":` + manyFiles(10) + `}`
	return strings.TrimSuffix(strings.Repeat(entry+",", n), ",")
}

// requireStorable demands what the database demands: everything can be written as JSON that jsonb takes, and nothing wakes anybody.
func requireStorable(t testing.TB, in chatlayer.Inbound) {
	t.Helper()
	for _, item := range in.Items {
		raw, err := json.Marshal(item)
		require.NoError(t, err)
		require.Equal(t, string(vendorjson.Sanitize(raw)), string(raw), "jsonb takes it")
		if item.Message != nil {
			require.True(t, item.Message.Shadow)
			require.False(t, item.Message.Opens)
			require.True(t, json.Valid(item.Message.Content))
			require.Equal(t, string(vendorjson.Sanitize(item.Message.Content)), string(item.Message.Content))
		}
		if item.Kind != handoff.ItemIgnored {
			require.NotEmpty(t, item.ExternalID)
			require.NotEmpty(t, item.Contact.Identities)
		}
	}
}

func TestNaughtyStringsAndParserCases(t *testing.T) {
	t.Parallel()
	var texts []string
	require.NoError(t, json.Unmarshal(corpora.File(t, "adversarial", "blns", "blns.json"), &texts))
	require.NotEmpty(t, texts)
	for _, text := range texts {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		item := parseOne(t, "user", fmt.Sprintf(`{"messageType":"text","text":%s,"sender":{"firstname":%s}}`, quoted, quoted))
		require.Equal(t, vendorjson.SanitizeText(text), item.Message.Text)
		requireStorable(t, chatlayer.Inbound{Items: []handoff.Item{item}})
	}
	files, err := filepath.Glob(filepath.Join(corpora.Dir(t), "adversarial", "JSONTestSuite", "test_parsing", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		value, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, body := range [][]byte{
			value, feed("user", string(value)), feed("bot", `{"text":`+string(value)+`}`),
			bytes.Replace([]byte(documentedOffload), []byte(`"2021-11-15T08:36:21.527Z"`), value, 1),
		} {
			in, err := chatlayer.Parse(body)
			require.NotEqual(t, handoff.CodeInternal, handoff.ErrorCode(err), file)
			if strings.HasPrefix(filepath.Base(file), "n_") && !json.Valid(body) {
				require.Equal(t, handoff.CodeMalformed, handoff.ErrorCode(err), file)
			}
			requireStorable(t, in)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"offloadSuccess":false,"pauseBot":false}`, string(chatlayer.OffloadAnswer(false)))
	require.Equal(t, compact(t, corpora.File(t, "vendors", "chatlayer-actions", "offload-response.json")), string(chatlayer.OffloadAnswer(true)))
	healthy := compact(t, corpora.File(t, "vendors", "chatlayer-actions", "health-response.json"))
	require.Equal(t, healthy, string(chatlayer.Healthy))
	require.Equal(t, "challenge.verifyToken", chatlayer.VerifyTokenParameter)
}

// compact takes the line breaks out of a vendor's example. Nothing else may differ.
func compact(t *testing.T, example []byte) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, example))
	return out.String()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(documentedOffload))
	f.Add(feed("user", `{"messageType":"upload","urls":["https://x.example.com/a.png","b"]}`))
	f.Add(feed("bot", `{"attachment":{"type":"template","payload":{"elements":[{"buttons":[{"title":"x"}]}]}}}`))
	f.Add([]byte(`{"type":"messages","sessionId":"wvywhtspp_3225550100_447700900123","messages":[{"actor":"bot","message":{}},{"actor":"bot","message":{}}]}`))
	f.Add([]byte(`{"event":"offload","sessionId":1,"payload":{"reason":"\u0000"},"timestamp":1e999}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := chatlayer.Parse(body)
		if err != nil {
			require.NotEqual(t, handoff.CodeInternal, handoff.ErrorCode(err))
			return
		}
		requireStorable(t, in)
		again, err := chatlayer.Parse(body)
		require.NoError(t, err)
		require.Equal(t, in, again, "a repeat is the same")
	})
}
