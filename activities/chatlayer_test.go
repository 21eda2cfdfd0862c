package activities_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fakechatlayer"
	"handoff/internal/fixture"
)

const session = "5f1c-session"

// chatlayerScene is a user of a Chatlayer bot.
type chatlayerScene struct {
	*scene
	vendor *fakechatlayer.Chatlayer
	out    dbsqlc.Endpoint
}

func newChatlayerScene(t *testing.T, resumeCall string) *chatlayerScene {
	t.Helper()
	w := fixture.New(t, dbtest.Pool(t))
	s := &chatlayerScene{scene: &scene{T: t, World: w, now: time.Now().UTC().Truncate(time.Second)}}
	s.vendor, s.out = w.SpeakChatlayer(t, resumeCall)
	s.Activities = w.Activities(t, func() time.Time { return s.now })
	return s
}

func (s *chatlayerScene) leave() time.Duration { return s.lane(s.out.ID) }

// posts takes in what Chatlayer posts, twice: it repeats what it takes for lost.
func (s *chatlayerScene) posts(event any) db.Accepted {
	s.Helper()
	body, err := json.Marshal(event)
	require.NoError(s, err)
	first := s.AcceptChatlayer(s.T, body, s.now)
	for _, item := range s.AcceptChatlayer(s.T, body, s.now).Items {
		require.True(s, item.Duplicate, "the second time nothing is new")
	}
	return first
}

func (s *chatlayerScene) feed(entries ...fakechatlayer.Entry) db.Accepted {
	s.Helper()
	return s.posts(fakechatlayer.Messages{Event: "messages", BotID: "bot1", Version: "LIVE", SessionID: session, Messages: entries})
}

// offload asks for a person and applies it.
func (s *chatlayerScene) offload(transcript ...fakechatlayer.Entry) activities.Snapshot {
	s.Helper()
	accepted := s.posts(fakechatlayer.Offload{
		Event: "offload", BotID: "bot1", Version: "LIVE", SessionID: session, Timestamp: fakechatlayer.Timestamp(s.now),
		Payload: []byte(`{"reason":"wants a person"}`), Transcript: transcript,
	})
	for _, wake := range accepted.Wakes {
		s.ref = s.refOf(wake)
	}
	return s.apply()
}

func (s *chatlayerScene) refOf(wake db.Wake) activities.Ref {
	return activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
}

func (s *chatlayerScene) resolve() activities.Result {
	s.Helper()
	result, err := s.End(context.Background(), activities.EndCommand{Command: s.command("resolve:1", s.Ana), Reason: handoff.EndResolved})
	require.NoError(s, err)
	require.Nil(s, result.Refused)
	return result
}

func (s *chatlayerScene) ago(d time.Duration) time.Time { return s.now.Add(-d) }

func TestAReplyLeavesThroughChatlayersActions(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	id := s.queued("Hi John")
	require.Zero(t, s.leave())
	require.Zero(t, s.leave())
	calls := s.vendor.Calls()
	require.Len(t, calls, 1)
	require.Equal(t, http.StatusOK, calls[0].Status)
	require.Equal(t, "/v1/bots/bot1/conversations/"+session+"/actions", calls[0].Path)
	require.Equal(t, "LIVE", calls[0].Version)
	require.JSONEq(t, `{"sendMessages":[{"textMessageTemplate":{"textMessages":[{"text":"Hi John"}]}}]}`, string(calls[0].Body))
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(id))
}

func TestWhatChatlayerAnswersDecides(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fail    func(*fakechatlayer.Chatlayer)
		wait    time.Duration
		message handoff.MessageStatus
		state   handoff.DeliveryState
		taken   int // acts of Chatlayer's in the end
	}{
		"refused":              {func(c *fakechatlayer.Chatlayer) { c.Fail(1, 400) }, 0, handoff.MessageFailed, handoff.DeliveryFailed, 0},
		"unavailable":          {func(c *fakechatlayer.Chatlayer) { c.Fail(1, 503) }, 5 * time.Second, handoff.MessageQueued, handoff.DeliveryPending, 1},
		"broken":               {func(c *fakechatlayer.Chatlayer) { c.Fail(1, 500) }, 0, handoff.MessageUncertain, handoff.DeliveryFailed, 0},
		"the answer is lost":   {func(c *fakechatlayer.Chatlayer) { c.Hang(1) }, 0, handoff.MessageUncertain, handoff.DeliveryFailed, 1},
		"limited, without how": {func(c *fakechatlayer.Chatlayer) { c.Fail(1, 429) }, 5 * time.Second, handoff.MessageQueued, handoff.DeliveryPending, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newChatlayerScene(t, "")
			s.offload()
			tt.fail(s.vendor)
			id := s.queued("Hi John")
			require.Equal(t, tt.wait, s.leave())
			require.Equal(t, tt.message, s.status(id))
			require.Equal(t, tt.state, s.sendOf(id).State)
			s.now = s.now.Add(100 * time.Hour)
			require.Zero(t, s.leave())
			acted := 0
			for _, call := range s.vendor.Calls() {
				if call.Acted {
					acted++
				}
			}
			require.Equal(t, tt.taken, acted)
		})
	}
}

func TestChatlayersLimitPausesEverything(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	s.vendor.SetLimit(1)
	first, second := s.queued("first"), s.queued("second")
	wait := s.leave()
	if wait == 0 { // the first was the last one that was allowed
		wait = s.leave()
	}
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(first))
	require.Equal(t, handoff.MessageQueued, s.status(second))
	require.Len(t, s.vendor.Calls(), 1, "x-ratelimit-remaining was 0: the second was not even tried")
	require.InDelta(t, time.Minute, wait, float64(10*time.Second), "until x-ratelimit-reset")
	s.vendor.SetLimit(0)
	s.now = s.now.Add(wait)
	refused := s.leave()
	require.InDelta(t, time.Minute, refused, float64(2*time.Minute), "and 429 as well")
	require.Zero(t, s.sendOf(second).Step, "which does not count")
	s.vendor.SetLimit(100)
	s.now = s.now.Add(refused)
	require.Zero(t, s.leave())
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(second))
}

func TestATokenThatChatlayerRefusesDisablesTheEndpoint(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, `{"unpause":true}`)
	s.offload()
	s.vendor.Fail(1, 401)
	id := s.queued("Hi John")
	require.Zero(t, s.leave())
	require.Equal(t, handoff.EndpointDisabled, s.EndpointState(t, s.out.ID).State)
	require.Contains(t, s.EndpointState(t, s.out.ID).Reason, "access_token")
	require.Equal(t, handoff.DeliveryHeld, s.sendOf(id).State)
	s.resolve()
	require.Equal(t, 2, s.Count(t, "deliveries", "state = 'held'"))
}

func TestTheBotIsResumedHoweverOftenItTakes(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, `{"path":"/api/webview","body":{"botId":"{{botId}}","senderId":"{{sessionId}}","action":{"nextDialogstate":"back"}}}`)
	s.offload()
	s.vendor.Fail(1, 400)
	s.vendor.Fail(1, 500)
	s.vendor.Hang(1)
	s.resolve()
	for _, want := range []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute} {
		require.Equal(t, want, s.leave())
		s.now = s.now.Add(want)
	}
	require.Zero(t, s.leave())
	require.Zero(t, s.leave())
	calls := s.vendor.Calls()
	require.Len(t, calls, 4)
	require.Equal(t, "/api/webview", calls[3].Path)
	require.JSONEq(t, `{"botId":"bot1","senderId":"`+session+`","action":{"nextDialogstate":"back"}}`, string(calls[3].Body))
	require.Equal(t, http.StatusOK, calls[3].Status)
}

// The call that resumes the bot cannot be made. That is no reason to keep a conversation open for ever.
func TestAConversationEndsThoughItsBotCannotBeResumed(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, `{"unpause":true}`)
	s.offload()
	s.Exec(t, "UPDATE inboxes SET bot_id = ''")
	result := s.resolve()
	require.False(t, result.Conversation.Open())
	require.Equal(t, handoff.DeliveryFailed, s.delivery().State)
	require.Equal(t, "resume_bot", s.delivery().EventType)
	require.Contains(t, *s.delivery().Failure, "bot id")
	require.Zero(t, s.leave())
	require.Empty(t, s.vendor.Calls())
}

func TestAnEchoIsProofAndNoMessage(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	s.vendor.Hang(1)
	first, second := s.queued("Hi"), s.draft(s.Ana, "Hi")
	require.Zero(t, s.leave())
	require.Equal(t, handoff.MessageUncertain, s.status(first))
	_, err := s.Reply(context.Background(), activities.ReplyCommand{Command: s.command("again", s.Ana), MessageID: second, Type: "text"})
	require.NoError(t, err)
	require.Zero(t, s.leave())
	messages := s.Count(t, "messages", "true")

	s.now = s.now.Add(time.Second)
	s.feed(fakechatlayer.BotText("Hi", s.now))
	s.apply()
	require.Equal(t, handoff.MessageSent, s.status(first), "of two equal ones the older")
	require.Equal(t, handoff.MessageDeliveredToGateway, s.status(second))
	s.now = s.now.Add(time.Second)
	s.feed(fakechatlayer.BotText("Hi", s.now))
	s.apply()
	require.Equal(t, handoff.MessageSent, s.status(second))
	require.Equal(t, messages, s.Count(t, "messages", "true"))

	s.now = s.now.Add(time.Second)
	s.feed(fakechatlayer.BotText("Hi", s.now))
	s.apply()
	require.Equal(t, messages+1, s.Count(t, "messages", "true"), "the third is the bot's own")
}

// A picture with its caption is two messages of the bot's, which come back one by one.
func TestTheEchoOfEveryPartIsKnownWhenItIsRepeated(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	id := s.draft(s.Ana, "look")
	s.Exec(t, `UPDATE messages SET type = 'image', content = '{"link":"https://example.com/a.png","caption":"look"}' WHERE id = $1`, id)
	_, err := s.Reply(context.Background(), activities.ReplyCommand{Command: s.command("image", s.Ana), MessageID: id, Type: "image"})
	require.NoError(t, err)
	require.Zero(t, s.leave())
	messages := s.Count(t, "messages", "true")
	picture := fakechatlayer.Entry{
		Actor: "bot", Timestamp: fakechatlayer.Timestamp(s.now),
		Message: []byte(`{"attachment":{"type":"image","payload":{"url":"https://example.com/a.png"}}}`),
	}
	s.feed(picture)
	s.feed(fakechatlayer.BotText("look", s.now.Add(time.Millisecond)))
	s.apply()
	require.Equal(t, messages, s.Count(t, "messages", "true"))
	require.Equal(t, handoff.MessageSent, s.status(id))
}

// It waited behind a limit for an hour. Its echo is as old as its send, and not as its text.
func TestTheEchoOfAReplyThatWaitedIsKnown(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	s.vendor.Fail(1, 503)
	id := s.queued("Hi John")
	s.leave()
	messages := s.Count(t, "messages", "true")
	s.now = s.now.Add(time.Hour)
	require.Zero(t, s.leave())
	s.feed(fakechatlayer.BotText("Hi John", s.now))
	s.apply()
	require.Equal(t, messages, s.Count(t, "messages", "true"))
	require.Equal(t, handoff.MessageSent, s.status(id))
}

// The bot says the same while the reply has not left: that is no proof of anything.
func TestWhatTheBotSaysBeforeTheReplyLeftIsItsOwn(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	id := s.queued("Hi John")
	s.feed(fakechatlayer.BotText("Hi John", s.now))
	s.apply()
	require.Equal(t, handoff.MessageQueued, s.status(id))
	require.Equal(t, 1, s.Count(t, "messages", "author_type = 'bot'"))
}

func TestAnswersGoToTheVersionOfTheBotThatAsked(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, `{"resume":"{{sessionId}}"}`)
	accepted := s.posts(fakechatlayer.Offload{
		Event: "offload", BotID: "bot1", Version: "DRAFT", SessionID: session, Timestamp: fakechatlayer.Timestamp(s.now),
	})
	s.ref = s.refOf(accepted.Wakes[0])
	s.apply()
	s.queued("Hi, builder")
	s.leave()
	s.resolve()
	s.leave()
	calls := s.vendor.Calls()
	require.Len(t, calls, 2)
	for _, call := range calls {
		require.Equal(t, "DRAFT", call.Version, "the inbox says LIVE; the emulator's session is unknown there")
	}

	s.now = s.now.Add(time.Hour)
	s.offload()
	s.queued("Hi John")
	s.leave()
	require.Equal(t, "LIVE", s.vendor.Calls()[2].Version)
}
