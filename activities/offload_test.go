package activities_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fakechatlayer"
	"handoff/internal/fakegraph"
)

// texts are what the latest conversation shows, in its order.
func (s *scene) texts() (out []string) {
	s.Helper()
	id, start := s.conversation().ID, int64(0)
	rows, err := dbsqlc.New(s.World.DB).MessageListByConversation(context.Background(), dbsqlc.MessageListByConversationParams{
		AccountID: s.Account.ID, ConversationID: &id, AfterSeq: &start, RowLimit: 1000,
	})
	require.NoError(s, err)
	for _, row := range rows {
		out = append(out, *row.Text)
	}
	return out
}

func (s *scene) eventTypes() (out []handoff.EventType) {
	s.Helper()
	for i, e := range s.Events(s.T, s.conversation().ID) {
		require.EqualValues(s, i+1, *e.Seq)
		out = append(out, e.Type)
	}
	return out
}

func TestAnOffloadOpensWithAllThatWasSaidEachOnceInOrder(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	hello := fakechatlayer.UserText(session, "John", "hello", s.ago(50*time.Second))
	hi := fakechatlayer.BotText("hi!", s.ago(40*time.Second))
	s.feed(hello)
	s.feed(hi, fakechatlayer.UserText(session, "John", "only in the feed", s.ago(30*time.Second)))
	s.offload(fakechatlayer.BotText("only in the transcript", s.ago(45*time.Second)), hello, hi, hi,
		fakechatlayer.UserText(session, "John", "a person please", s.ago(10*time.Second)))
	require.Equal(t, []string{"hello", "only in the transcript", "hi!", "only in the feed", "a person please", "wants a person"}, s.texts())
	types := s.eventTypes()
	require.Equal(t, append(slices.Repeat([]handoff.EventType{handoff.EventMessageHistory}, 5), handoff.EventOpened, handoff.EventOffloaded), types)
	require.Equal(t, handoff.StatusWaiting, s.conversation().Status)
	require.Equal(t, handoff.SourceGateway, *s.conversation().Source)
	require.Equal(t, 1, s.Count(t, "messages", "id = $1 AND text = 'a person please'", s.conversation().LastMessageID), "what a list shows")
	require.EqualValues(t, 1, s.conversation().UnreadCount)
	require.Zero(t, s.Count(t, "messages", "shadow"))
	rows := s.Dump(t)
	s.apply()
	s.RequireUnchanged(t, rows)
}

func TestTheNextOffloadDoesNotRepeatWhatWasShown(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	transcript := []fakechatlayer.Entry{
		fakechatlayer.UserText(session, "John", "hello", s.ago(50*time.Second)), fakechatlayer.BotText("hi!", s.ago(40*time.Second)),
	}
	s.feed(transcript[0])
	s.offload(transcript...)
	require.Equal(t, []string{"hello", "hi!", "wants a person"}, s.texts())
	id := s.queued("Hi John")
	require.Zero(t, s.leave())
	s.now = s.now.Add(time.Minute)
	echo := fakechatlayer.BotText("Hi John", s.now)
	s.feed(echo)
	s.apply()
	require.Equal(t, handoff.MessageSent, s.status(id))
	s.resolve()

	s.now = s.now.Add(time.Minute)
	again := fakechatlayer.UserText(session, "John", "it is me again", s.now)
	s.now = s.now.Add(time.Second)
	s.offload(append(transcript, echo, again)...)
	require.Equal(t, []string{"it is me again", "wants a person"}, s.texts())
	require.Equal(t, 2, s.Count(t, "conversations", "true"))
}

func TestAnOffloadOfAnOpenConversationIsOnlyRecorded(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	_, err := s.Claim(context.Background(), s.command("claim:1", s.Ana))
	require.NoError(t, err)
	s.now = s.now.Add(time.Minute)
	s.offload(fakechatlayer.UserText(session, "John", "hello", s.now))
	require.Equal(t, []handoff.EventType{handoff.EventOpened, handoff.EventOffloaded, handoff.EventClaimed, handoff.EventOffloaded}, s.eventTypes())
	require.Equal(t, handoff.StatusAssigned, s.conversation().Status)
	require.Equal(t, s.now, s.conversation().LastActivityAt.UTC())
	require.Equal(t, 1, s.Count(t, "conversations", "true"))
}

// ends are what a gateway posts to end a conversation and to ask anew, in one body.
func (s *chatlayerScene) item(kind handoff.ItemKind, id string) handoff.Item {
	item := handoff.Item{Kind: kind, ExternalID: id, Contact: &handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: session}}}}
	if kind == handoff.ItemOffload {
		item.Offload = &handoff.ItemOffloadBody{Reason: id, Source: handoff.SourceGateway, At: s.now}
	} else {
		item.Reason = id
	}
	return item
}

func TestAnEndAndANewOffloadInOnePassMakeTwoConversations(t *testing.T) {
	t.Parallel()
	s := newChatlayerScene(t, "")
	s.offload()
	first := s.conversation().ID
	s.now = s.now.Add(time.Second)
	s.AcceptItems(t, []byte(`{}`), []handoff.Item{s.item(handoff.ItemEnd, "end:1"), s.item(handoff.ItemOffload, "offload:2"), s.item(handoff.ItemEnd, "end:2")}, s.now)
	s.now = s.now.Add(time.Second)
	s.AcceptItems(t, []byte(`{}`), []handoff.Item{s.item(handoff.ItemEnd, "end:1"), s.item(handoff.ItemOffload, "offload:3")}, s.now)
	s.apply()
	require.Equal(t, 3, s.Count(t, "conversations", "true"))
	require.Equal(t, 2, s.Count(t, "conversations", "status = 'ended' AND end_reason = 'gateway'"))
	events := s.Events(t, first)
	require.Equal(t, handoff.EventEnded, events[len(events)-1].Type)
	require.EqualValues(t, len(events), *events[len(events)-1].Seq)
	require.Equal(t, []string{"offload:3"}, s.texts())
	require.Equal(t, []handoff.EventType{handoff.EventOpened, handoff.EventOffloaded}, s.eventTypes())
	rows := s.Dump(t)
	s.apply()
	s.RequireUnchanged(t, rows)
}

func TestControlThatMetaPassedIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.lane(s.Endpoint.ID)
	_, err := s.End(context.Background(), activities.EndCommand{Command: s.command("resolve:0", s.Ana), Reason: handoff.EndResolved})
	require.NoError(t, err)
	require.Zero(t, s.leave())
	require.Empty(t, s.meta.Controls(), "nobody had passed this one")

	s.AcceptItems(t, []byte(`{}`), []handoff.Item{{
		Kind: handoff.ItemOffload, ExternalID: "handover:1", Contact: &handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: john}}},
		Offload: &handoff.ItemOffloadBody{Reason: "Meta passed control", Source: handoff.SourceMeta},
	}}, s.now)
	s.apply()
	s.meta.Fail(fakegraph.Fault{Path: "/thread_control", Code: 100})
	s.meta.Fail(fakegraph.Fault{Path: "/thread_control", Status: 502, Body: "<html>"})
	s.meta.Fail(fakegraph.Fault{Path: "/thread_control", Before: true})
	_, err = s.End(context.Background(), activities.EndCommand{Command: s.command("resolve:1", s.Ana), Reason: handoff.EndResolved})
	require.NoError(t, err)
	for _, want := range []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute} {
		require.Equal(t, want, s.leave())
		s.now = s.now.Add(want)
	}
	require.Zero(t, s.leave())
	require.Zero(t, s.leave())
	controls := s.meta.Controls()
	require.Len(t, controls, 1)
	require.Equal(t, "release", controls[0].Action)
	require.Equal(t, john, controls[0].Customer)
}
