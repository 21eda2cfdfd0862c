package workflows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
)

// picture is a body with a picture of John's.
func (s *story) picture(id string) []byte {
	return s.Envelope(map[string]any{"messages": []any{map[string]any{
		"from": john, "id": "wamid." + id, "timestamp": "1733670000", "type": "image", "image": map[string]string{"id": id, "caption": "look"},
	}}})
}

func TestARunDoesNotCompleteBeforeTheFileIsThrough(t *testing.T) {
	t.Parallel()
	s, meta, _ := newGraphStory(t)
	meta.Fail(fakegraph.Fault{Method: http.MethodGet, Code: 131000, Times: -1})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.accept(s.picture("media1")) })
	s.at(2*time.Minute, func() {
		require.Equal(t, 2, s.Count(t, "messages", "seq IS NOT NULL"), "the message does not wait for its file")
		s.Exec(t, "UPDATE media SET created_at = $1", s.env.Now().Add(time.Hour-7*24*time.Hour))
		s.resolveBy(s.Ana)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, 1, s.Count(t, "media", "state = 'failed' AND failure_code = 'expired'"))
	require.Greater(t, s.passed(), time.Hour)
	require.Less(t, s.passed(), time.Hour+20*time.Minute)
	require.Zero(t, s.Sum(t, "wakes", "media_pending"))
}

func TestManyFilesAreAllFetched(t *testing.T) {
	t.Parallel()
	s, meta, _ := newGraphStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() {
		for i := range 22 {
			id := "media" + string(rune('a'+i))
			meta.AddMedia(id, "image/png", "a.png", []byte("\x89PNG\r\n\x1a\n"+id))
			s.Accept(t, s.picture(id), s.env.Now())
		}
		s.wake()
		s.resolveBy(s.Ana)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, 22, s.Count(t, "media", "state = 'ready'"))
	require.Equal(t, 22, s.Count(t, "events", "type = $1", handoff.EventMediaReady), "each once")
	require.Zero(t, s.Sum(t, "wakes", "media_pending"))
}

// The contact writes again while a file of the conversation that is over is still to be fetched: the next run fetches it.
func TestTheNextConversationTakesOverTheFileOfTheLast(t *testing.T) {
	t.Parallel()
	s, meta, _ := newGraphStory(t)
	meta.Token(fixture.VendorToken, false)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.accept(s.picture("media1")) })
	s.at(2*time.Minute, func() { s.resolveBy(s.Ana) })
	s.at(time.Hour, func() { s.accept(s.Body(john, "me again")) })
	s.run()
	require.True(t, s.continued())
	require.Less(t, s.passed(), 2*time.Hour)
	require.Equal(t, 1, s.Count(t, "media", "state = 'pending'"))

	meta.Token(fixture.VendorToken, true)
	meta.AddMedia("media1", "image/png", "a.png", []byte("\x89PNG\r\n\x1a\npicture"))
	s.restart()
	s.at(3*time.Hour, func() {
		require.Equal(t, 1, s.Count(t, "media", "state = 'ready'"))
		require.Equal(t, 1, s.Count(t, "events", "type = $1 AND seq IS NULL", handoff.EventMediaReady), "its conversation is over")
		s.resolveBy(s.Ana)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
}
