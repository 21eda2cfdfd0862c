package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/internal/fakechatlayer"
	"handoff/internal/fixture"
)

func TestWhatIsSaidToTheBotWakesNobody(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	accepted := s.feed(fakechatlayer.UserText(session, "John", "hello", s.now), fakechatlayer.BotText("hi!", s.now))
	require.Empty(t, accepted.Wakes)
	for _, item := range accepted.Items {
		require.Equal(t, db.OutcomeRecorded, item.Outcome)
	}
	require.Zero(t, s.Count(t, "wakes", "raised"))
	require.Zero(t, s.Count(t, "conversations", "true"))
}

func TestAShadowMessageJoinsTheConversationThatIsOpen(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	require.Len(t, s.feed(fakechatlayer.UserText(session, "John", "are you there?", s.now)).Wakes, 1)
	s.apply()
	require.Equal(t, []string{"wants a person", "are you there?"}, s.texts())
	require.EqualValues(t, 2, s.conversation().UnreadCount)
}

// It was said while the conversation was open, and that was over when its turn came. The next conversation shows it.
func TestATurnThatCameAsItsConversationEndedIsNotLost(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	s.feed(fakechatlayer.UserText(session, "John", "one more thing", s.now))
	s.resolve()
	s.apply()
	require.Zero(t, s.unapplied())
	s.now = s.now.Add(time.Minute)
	s.feed(fakechatlayer.BotText("yes?", s.now))
	s.now = s.now.Add(time.Minute)
	s.offload()
	require.Equal(t, []string{"one more thing", "yes?", "wants a person"}, s.texts())
	require.Zero(t, s.Count(t, "messages", "shadow"))
}

// An offload and what follows it are accepted before either is applied.
func TestATurnBehindAnOffloadIsNotShownTwice(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.feed(fakechatlayer.UserText(session, "John", "before", s.ago(time.Minute)))
	accepted := s.posts(fakechatlayer.Offload{
		Event: "offload", BotID: "bot1", Version: "LIVE", SessionID: session, Timestamp: fakechatlayer.Timestamp(s.now), Payload: []byte(`{"reason":"wants a person"}`),
	})
	wake := s.feed(fakechatlayer.UserText(session, "John", "after", s.now))
	require.Empty(t, wake.Wakes, "the flag is up")
	s.ref = s.refOf(accepted.Wakes[0])
	s.apply()
	require.Equal(t, []string{"before", "wants a person", "after"}, s.texts())
}

func TestTheFileOfAShadowMessageIsFetchedWhenAConversationTakesItIn(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	g := fixture.NewGateway(t)
	g.Answer(func(int) (int, string) { return 200, "\x89PNG\r\n\x1a\nthe picture" })
	picture := func(name string) fakechatlayer.Entry {
		return fakechatlayer.Entry{Actor: "bot", Timestamp: fakechatlayer.Timestamp(s.now), Message: []byte(
			`{"attachment":{"type":"image","payload":{"url":"` + g.URL + `/` + name + `"}}}`)}
	}
	s.feed(picture("a.png"))
	s.feed(picture("b.png"))
	require.Equal(t, 2, s.Count(t, "media", "state = 'pending'"))
	require.Zero(t, s.Sum(t, "wakes", "media_pending"))
	files := s.offload().Media
	require.Len(t, files, 2)
	require.Equal(t, 2, s.Sum(t, "wakes", "media_pending"))
	for i, id := range files {
		result, err := s.DownloadMedia(context.Background(), activities.MediaInput{Ref: s.ref, MediaID: id})
		require.NoError(t, err)
		require.Len(t, result.Media, 1-i)
	}
	require.Zero(t, s.Sum(t, "wakes", "media_pending"))
	require.Empty(t, s.apply().Media)
	require.Equal(t, 2, s.Count(t, "media", "state = 'ready'"))
	require.Equal(t, 2, s.Count(t, "events", "type = $1 AND seq IS NOT NULL", handoff.EventMediaReady))
}
