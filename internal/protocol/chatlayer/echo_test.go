package chatlayer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/protocol/chatlayer"
)

func TestAnEchoIsKnownByItsWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, content, echo string }{
		{"text", `{"body":" Hello\n  there "}`, `{"text":"Hello there"}`},
		{"text", `{"body":"Hello"}`, `{"text":"Hello","quick_replies":[{"title":"x"}]}`},
		{"image", `{"link":"https://x.example.com/a.png"}`, `{"attachment":{"type":"image","payload":{"url":"https://x.example.com/a.png","is_reusable":true}}}`},
		{"interactive", reply, `{"text":"Random Message One","quick_replies":[{"title":"Set A"}]}`},
		{
			"interactive", `{"type":"cta_url","body":{"text":"x"},"action":{"parameters":{"display_text":"y","url":"https://z"}}}`,
			`{"attachment":{"type":"template","payload":{"template_type":"button","text":"x"}}}`,
		},
	} {
		keys := chatlayer.SentKeys(message(c.kind, c.content))
		echo := parseOne(t, "bot", c.echo).Message
		require.Equal(t, []string{chatlayer.EchoKey(*echo)}, keys, c.content)
		require.Equal(t, []string{echo.EchoKey}, keys, "an item brings its key along")
		require.NotContains(t, keys[0], "Hello", "a key does not show the words")
	}
}

func TestWhatIsNoEcho(t *testing.T) {
	t.Parallel()
	keys := chatlayer.SentKeys(message("text", `{"body":"Hello"}`))
	require.NotEqual(t, keys[0], chatlayer.EchoKey(*parseOne(t, "bot", `{"text":"hello"}`).Message))
	require.Empty(t, chatlayer.EchoKey(*parseOne(t, "user", `{"messageType":"text","text":"Hello"}`).Message), "the user says the same")
	require.Empty(t, chatlayer.EchoKey(*parseOne(t, "bot", `{"attachment":{"type":"video","payload":{"url":"https://x"}}}`).Message))
	require.Empty(t, chatlayer.EchoKey(*parseOne(t, "bot", `{"text":" "}`).Message))
	require.Len(t, chatlayer.SentKeys(message("image", `{"link":"https://x.example.com/a.png","caption":"c"}`)), 2)
}
