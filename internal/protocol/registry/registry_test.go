package registry_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/registry"
)

func TestEveryProtocolIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	var names []handoff.Protocol
	for _, p := range registry.All {
		names = append(names, p.Name)
	}
	require.Equal(t, handoff.Protocols, names)
	for _, name := range names {
		p, ok := registry.Of(name)
		require.True(t, ok)
		require.Equal(t, name, p.Name)
	}
	_, ok := registry.Of("smoke-signals")
	require.False(t, ok)
}

func TestWhatAProtocolDeclaresHoldsTogether(t *testing.T) {
	t.Parallel()
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(p.Events))), len(p.Events), "an event is named once")
			require.NotContains(t, p.Events, "")
			for _, name := range p.Defaults {
				prefix, wild := strings.CutSuffix(name, "*")
				require.True(t, slices.ContainsFunc(p.Events, func(e string) bool { return e == name || wild && strings.HasPrefix(e, prefix) }), name)
			}
			for _, told := range p.Tells {
				require.Contains(t, handoff.EventTypes, told, "only events that may leave are told")
			}
			require.Equal(t, p.Webhooks == nil, len(p.Tells) == 0, "what is rendered is declared")
			if p.Transport == handoff.TransportWebhook {
				require.Contains(t, p.Events, p.Carrier, "a webhook brings agents' messages to the gateway")
				require.Contains(t, p.Tells, handoff.EventMessageQueued)
				require.Nil(t, p.Send)
				return
			}
			require.Contains(t, []handoff.Transport{handoff.TransportGraph, handoff.TransportChatlayer}, p.Transport)
			require.Empty(t, p.Carrier)
			require.NotNil(t, p.Send, "the transport takes agents' messages out")
		})
	}
}

var eventTypes = append([]handoff.EventType{handoff.EventNoteAdded, handoff.EventMessageHistory, "conversation.invented"}, handoff.EventTypes...)

func TestWebhooksAreValidDeclaredAndTheSameEveryTime(t *testing.T) {
	t.Parallel()
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			if p.Webhooks == nil {
				t.Skip("no event is rendered")
			}
			told := map[handoff.EventType]bool{}
			for e := range events() {
				webhooks, err := p.Webhooks(e)
				if err != nil {
					requireExcuse(t, e, err)
					continue
				}
				for _, webhook := range webhooks {
					told[e.Type] = true
					require.Contains(t, p.Events, webhook.Event, e.Type)
					require.True(t, json.Valid(webhook.Body), "%s: %s", e.Type, webhook.Body)
					require.Equal(t, byte('{'), webhook.Body[0])
					require.False(t, bytes.ContainsAny(webhook.Body, "\n\r"), "the body is compact")
				}
				again, err := p.Webhooks(e)
				require.NoError(t, err)
				require.Equal(t, webhooks, again)
			}
			for _, eventType := range eventTypes {
				require.Equal(t, slices.Contains(p.Tells, eventType), told[eventType], eventType)
			}
		})
	}
}

// requireExcuse accepts an error for an event that cannot be, and for an agent's message that the protocol cannot carry: it is
// answered to the agent. Any other error would stop the contact's workflow for good, because it comes again with every attempt.
func requireExcuse(t *testing.T, e protocol.Event, err error) {
	t.Helper()
	noun, _, _ := strings.Cut(string(e.Type), ".")
	if noun == "conversation" && e.Conversation == nil || noun == "message" && e.Message == nil {
		return
	}
	require.Equal(t, handoff.EventMessageQueued, e.Type, err)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), err)
}

func TestNotesNeverLeave(t *testing.T) {
	t.Parallel()
	const secret = "between us agents"
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			require.NotContains(t, p.Events, string(handoff.EventNoteAdded))
			require.NotContains(t, p.Tells, handoff.EventNoteAdded)
			if p.Webhooks == nil {
				return
			}
			for e := range events() {
				e.Type, e.Details = handoff.EventNoteAdded, json.RawMessage(`{"text":"`+secret+`"}`)
				webhooks, err := p.Webhooks(e)
				require.NoError(t, err)
				require.Empty(t, webhooks)
			}
		})
	}
}

// A message that an agent may send reaches every contact that the protocol can reach.
func TestAnAgentsMessageIsCarried(t *testing.T) {
	t.Parallel()
	reaches := map[handoff.Protocol][]handoff.IdentityKind{
		handoff.ProtocolHitlChat:    {handoff.IdentityBSUID, handoff.IdentityPhone},
		handoff.ProtocolChatlayer:   {handoff.IdentitySession},
		handoff.ProtocolKapso:       {handoff.IdentityBSUID, handoff.IdentityPhone},
		handoff.ProtocolPassthrough: {handoff.IdentityBSUID, handoff.IdentityPhone},
		handoff.ProtocolAksita:      {handoff.IdentityBSUID, handoff.IdentityPhone, handoff.IdentityUsername, handoff.IdentitySession},
		handoff.ProtocolNative:      {handoff.IdentityBSUID, handoff.IdentityPhone, handoff.IdentityUsername, handoff.IdentitySession},
	}
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			for _, identity := range identities {
				e := event(handoff.EventMessageQueued)
				e.Contact.Identities = []handoff.Identity{identity}
				e.Message = &messages[0]
				reached := carries(t, p, e)
				require.Equal(t, slices.Contains(reaches[p.Name], identity.Kind), reached, identity.Kind)
			}
		})
	}
}

// carries tells whether an agent's message gets out.
func carries(t *testing.T, p protocol.Protocol, e protocol.Event) bool {
	t.Helper()
	if p.Send != nil {
		_, err := p.Send(e.Inbox, e.Contact, outbound(e))
		return err == nil
	}
	webhooks, err := p.Webhooks(e)
	return err == nil && slices.ContainsFunc(webhooks, func(w protocol.Webhook) bool { return w.Event == p.Carrier })
}

func TestSendsAreValidAndTheSameEveryTime(t *testing.T) {
	t.Parallel()
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			if p.Send == nil {
				t.Skip("a webhook takes messages out")
			}
			sent := 0
			for e := range events() {
				if e.Message == nil {
					continue
				}
				call, err := p.Send(e.Inbox, e.Contact, outbound(e))
				if err != nil {
					require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
					continue
				}
				sent++
				requireCall(t, call)
				again, err := p.Send(e.Inbox, e.Contact, outbound(e))
				require.NoError(t, err)
				require.Equal(t, call, again)
			}
			require.Positive(t, sent)
		})
	}
}

func TestEndsAreValid(t *testing.T) {
	t.Parallel()
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			if p.End == nil {
				t.Skip("nothing is to be given back")
			}
			ended := 0
			for e := range events() {
				if e.Conversation == nil {
					continue
				}
				call, err := p.End(e.Inbox, e.Contact, *e.Conversation)
				if err != nil {
					require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
					continue
				}
				if call.Path == "" {
					continue
				}
				ended++
				requireCall(t, call)
			}
			require.Positive(t, ended)
		})
	}
}

func requireCall(t *testing.T, call protocol.Call) {
	t.Helper()
	require.True(t, strings.HasPrefix(call.Path, "/"), call.Path)
	require.False(t, strings.ContainsAny(call.Path, " \n#"), call.Path)
	require.NotContains(t, call.Path, "..")
	require.True(t, json.Valid(call.Body), "%s", call.Body)
}

func TestBatchesAreValidAndHoldTheirParts(t *testing.T) {
	t.Parallel()
	for _, p := range registry.All {
		t.Run(string(p.Name), func(t *testing.T) {
			t.Parallel()
			if p.Merge == nil {
				t.Skip("no batches")
			}
			e := event(handoff.EventMessageReceived)
			e.Message = &messages[1]
			webhooks, err := p.Webhooks(e)
			require.NoError(t, err)
			require.NotEmpty(t, webhooks)
			part := protocol.Part{Body: webhooks[0].Body, Seq: 4}
			for _, parts := range [][]protocol.Part{{part}, {part, part}} {
				batch, err := p.Merge(webhooks[0].Event, parts, 5*time.Second)
				require.NoError(t, err)
				require.Equal(t, webhooks[0].Event, batch.Event)
				require.True(t, json.Valid(batch.Body))
				require.Equal(t, len(parts), bytes.Count(batch.Body, part.Body), "each part as its own bytes")
			}
		})
	}
}
