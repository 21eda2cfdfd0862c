package chatlayer_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/protocol/chatlayer"
)

// ids are the ids of the messages or turns of a body with these entries.
func ids(t *testing.T, event, entries, timestamp string) []string {
	t.Helper()
	list := map[string]string{"messages": "messages", "offload": "transcript"}[event]
	in, err := chatlayer.Parse(fmt.Appendf(nil, `{"event":%q,"sessionId":"s","botId":"b","timestamp":%s,%q:[%s]}`, event, timestamp, list, entries))
	require.NoError(t, err)
	var found []string
	for _, item := range in.Items {
		if item.Offload == nil {
			found = append(found, item.ExternalID)
			continue
		}
		for _, turn := range item.Offload.Transcript {
			found = append(found, turn.ExternalID)
		}
	}
	return found
}

func feedID(t *testing.T, entry string) string {
	t.Helper()
	found := ids(t, "messages", entry, `"2030-01-01T00:00:00Z"`)
	require.Len(t, found, 1)
	return found[0]
}

func TestAMessageHasOneIDInTheFeedAndInTheTranscript(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{ // as the documentation shows one and the other
			`{"actor":"user","message":{"channelType":"web","sender":{"id":"e","botId":"k","botType":"web","isEmulator":"true"},"timestamp":"2021-11-15T08:33:39.276Z",` +
				`"messageType":"postback","title":"Set Variables","parameters":[],"nextDialogstateId":"071a","id":"6192"},"timestamp":"2021-11-15T08:33:39.276Z"}`,
			`{"actor":"user","message":{"parameters":[],"text":"Set Variables","messageType":"postback","title":"Set Variables","nextDialogstateId":"071a",` +
				`"channelType":"emulator","sender":{"id":"e","botId":"k"}},"timestamp":"2021-11-15T08:33:39.276Z"}`,
		},
		{ // white space, order of keys, escapes
			`{"actor":"bot","message":{"text":"é<b>\/\u0000","quick_replies":[{"title":"x","payload":"{}"}]},"timestamp":"2021-11-15T08:36:11.991Z"}`,
			`{ "timestamp": 1636965371991, "message": { "quick_replies": [ { "payload": "{}", "title": "\u0078" } ], "text": "\u00e9\u003cb>/\ufffd" }, "actor": "bot" }`,
		},
		{ // the time stands in the message only
			`{"actor":"user","message":{"messageType":"text","text":"hi","timestamp":"2021-11-15T08:36:11.991Z","id":"1"}}`,
			`{"actor":"user","message":{"messageType":"text","text":"hi"},"timestamp":"2021-11-15T09:36:11.991+01:00"}`,
		},
	} {
		transcript := ids(t, "offload", pair[1], `"2031-01-01T00:00:00Z"`)
		require.Equal(t, []string{feedID(t, pair[0])}, transcript)
		require.Equal(t, transcript, ids(t, "messages", pair[1], `null`))
	}
	files := `{"actor":"user","message":{"messageType":"upload","urls":["https://x.example.com/a.png","https://x.example.com/b.png"]},"timestamp":1}`
	require.Equal(t, ids(t, "messages", files, `2`), ids(t, "offload", files, `3`))
}

func TestWhatTellsMessagesApart(t *testing.T) {
	t.Parallel()
	const base = `{"actor":"user","message":{"messageType":"text","text":"hi"},"timestamp":"2021-11-15T08:36:11.991Z"}`
	seen := map[string]string{feedID(t, base): base}
	for _, other := range []string{
		`{"actor":"bot","message":{"messageType":"text","text":"hi"},"timestamp":"2021-11-15T08:36:11.991Z"}`,
		`{"actor":"user","message":{"messageType":"text","text":"hi"},"timestamp":"2021-11-15T08:36:11.992Z"}`,
		`{"actor":"user","message":{"messageType":"text","text":"Hi"},"timestamp":"2021-11-15T08:36:11.991Z"}`,
		`{"actor":"user","message":{"messageType":"text","text":"hi","urls":[]},"timestamp":"2021-11-15T08:36:11.991Z"}`,
		`{"actor":"user","message":{"messageType":"postback","title":"hi","parameters":[1]},"timestamp":"2021-11-15T08:36:11.991Z"}`,
		`{"actor":"user","message":{"messageType":"postback","title":"hi","parameters":[1.0]},"timestamp":"2021-11-15T08:36:11.991Z"}`,
		`{"actor":"user","message":{"messageType":"postback","text":"hi"},"timestamp":"2021-11-15T08:36:11.991Z"}`,
		`{"actor":"user","message":{"messageType":"text","text":"hi"},"timestamp":"morning"}`,
		`{"actor":"user","message":{"messageType":"text","text":"hi"}}`,
	} {
		id := feedID(t, other)
		require.NotContains(t, seen, id, other)
		seen[id] = other
	}
	elsewhere, err := chatlayer.Parse([]byte(`{"event":"messages","sessionId":"other","messages":[` + base + `]}`))
	require.NoError(t, err)
	require.NotContains(t, seen, elsewhere.Items[0].ExternalID)
}

func TestEqualMessagesWithoutATime(t *testing.T) {
	t.Parallel()
	const hi, ho = `{"actor":"user","message":{"messageType":"text","text":"hi"}}`, `{"actor":"bot","message":{"text":"ho"}}`
	early := ids(t, "offload", hi+","+hi+","+ho, `1`)
	require.Len(t, distinct(early), 3)
	late := ids(t, "offload", hi+","+hi+","+ho+","+hi, `2`)
	require.Equal(t, early, late[:3], "a later transcript begins with the earlier one")
	require.Len(t, distinct(late), 4)
	require.NotEqual(t, ids(t, "messages", hi, `1636965371`), ids(t, "messages", hi, `1636965372`), "said again later")
	require.Equal(t, ids(t, "messages", hi, `1636965371`), ids(t, "messages", hi, `1636965371000`), "a repeat of one request")
	require.Len(t, distinct(ids(t, "messages", hi+","+hi, `1636965371`)), 2, "equal messages of one body that has a time")
}

func distinct(values []string) map[string]bool {
	found := map[string]bool{}
	for _, value := range values {
		found[value] = true
	}
	return found
}

func TestOffloadIDs(t *testing.T) {
	t.Parallel()
	id := func(body string) string {
		in, err := chatlayer.Parse([]byte(body))
		require.NoError(t, err)
		return in.Items[0].ExternalID
	}
	first := id(`{"event":"offload","sessionId":"s","botId":"b","version":"LIVE","timestamp":"2021-11-15T08:36:21Z","payload":{"a":1,"b":2},"transcript":[]}`)
	require.Equal(t, first, id(`{"type":"offload","sessionId":"s","botId":"b","version":"LIVE","timestamp":1636965381000,"payload":{ "b":2,"a":1},"transcript":[7]}`))
	for _, other := range []string{
		`{"event":"offload","sessionId":"t","botId":"b","version":"LIVE","timestamp":"2021-11-15T08:36:21Z","payload":{"a":1,"b":2}}`,
		`{"event":"offload","sessionId":"s","botId":"c","version":"LIVE","timestamp":"2021-11-15T08:36:21Z","payload":{"a":1,"b":2}}`,
		`{"event":"offload","sessionId":"s","botId":"b","version":"DRAFT","timestamp":"2021-11-15T08:36:21Z","payload":{"a":1,"b":2}}`,
		`{"event":"offload","sessionId":"s","botId":"b","version":"LIVE","timestamp":"2021-11-15T08:36:22Z","payload":{"a":1,"b":2}}`,
		`{"event":"offload","sessionId":"s","botId":"b","version":"LIVE","timestamp":"2021-11-15T08:36:21Z","payload":{"a":1,"b":3}}`,
	} {
		require.NotEqual(t, first, id(other), other)
	}
	timeless := id(`{"event":"offload","sessionId":"s","transcript":[1]}`)
	require.Equal(t, timeless, id(`{"event":"offload","sessionId":"s","transcript":[ 1 ]}`))
	require.NotEqual(t, timeless, id(`{"event":"offload","sessionId":"s","transcript":[1,2]}`), "the transcript has grown by the next offload")
}

func FuzzOneIDInBothEvents(f *testing.F) {
	f.Add("hi", "2021-11-15T08:36:21Z", true)
	f.Add("\x00\xff", "", false)
	f.Fuzz(func(t *testing.T, text, timestamp string, user bool) {
		actor := map[bool]string{true: "user", false: "bot"}[user]
		message := map[string]any{"messageType": "text", "text": text}
		entry, err := json.Marshal(map[string]any{"actor": actor, "message": message, "timestamp": timestamp + "x"})
		require.NoError(t, err)
		require.Equal(t, ids(t, "messages", string(entry), `null`), ids(t, "offload", string(entry), `"2021-11-15T08:36:21Z"`))
	})
}
