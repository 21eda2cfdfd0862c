// Package chatlayer speaks with a bot of Chatlayer's: its offloading webhook in (docs.chatlayer.ai, "Offloading Webhook"), its
// conversation actions out (executeConversationAction of api.chatlayer.ai/v1/docs). It is pure: bytes in, items out; message in,
// bytes out.
//
//	messages ─▶ one shadow message per entry: what bot and user say while the bot holds the conversation
//	offload  ─▶ one offload with its transcript, answered at once: taken, or back to the bot
//	reply    ─▶ POST /v1/bots/{botId}/conversations/{sessionId}/actions {"sendMessages":[…]}
//	the end  ─▶ the operator's own call that resumes the bot, because Chatlayer does not document one
package chatlayer

import (
	"handoff"
	"handoff/internal/protocol"
)

// Protocol is Chatlayer among the dialects. It has no webhooks: everything that leaves is a call to Chatlayer's API.
var Protocol = protocol.Protocol{
	Name:      handoff.ProtocolChatlayer,
	Transport: handoff.TransportChatlayer,
	Send:      send,
	Echoes:    SentKeys,
	End:       end,
}

// The versions of a bot. Chatlayer posts what happens in either to the one address of its offloading webhook.
const (
	versionLive  = "LIVE"
	versionDraft = "DRAFT"
)

// VerifyTokenParameter is the query parameter that proves that a request is Chatlayer's. The dot is part of its name.
const VerifyTokenParameter = "challenge.verifyToken"

// Healthy is the answer to the health check, which Chatlayer makes when the operator presses Save.
var Healthy = []byte(`{"status":"ok"}`)

// OffloadAnswer is the answer to an offload. A refused one sends the bot to its "offloading closed" dialog, and it goes on
// talking.
func OffloadAnswer(accepted bool) []byte {
	if accepted {
		return []byte(`{"offloadSuccess":true,"pauseBot":true}`)
	}
	return []byte(`{"offloadSuccess":false,"pauseBot":false}`)
}
