package api

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/internal/protocol/aksita"
	"handoff/internal/protocol/hitlchat"
	"handoff/internal/protocol/kapso"
	"handoff/internal/protocol/native"
	"handoff/internal/protocol/passthrough"
	"handoff/internal/signature"
)

// eventDocs says of every event of ours what happened, and what its details are.
var eventDocs = map[handoff.EventType]string{
	handoff.EventOpened: "A conversation was opened: the contact wrote, the gateway asked for a person, or an agent began it. details: " +
		"{reason, opened_at, message_id?, team_id?}, and of one that goes on {previous_id, priority?, skills?, tags?, attributes?}.",
	handoff.EventOffloaded: "The gateway, or Meta's own agent, asked for a person. details: {source, reason?, payload?}.",
	handoff.EventInactive:  "Nobody has written for the endpoint's inactivity_minutes. details: {minutes, since_message?}.",
	handoff.EventClaimed:   "An agent has it. details: {assignee{id, name}, reason?}: accepted, assigned or reopened; without, by a claim.",
	handoff.EventReleased:  "The agent gave it back: it waits for another. details: {reason?}.",
	handoff.EventEnded: "The conversation is over; this is its last event. details: {reason, disposition?, note?}: resolved, inactivity, gateway or admin; " +
		"note is what the gateway gave as its reason.",
	handoff.EventQueued: "It waits in a team's line. details: {reason, team_id?, rule?, skills?, priority?, tags?, rule_error?}.",
	handoff.EventTransferred: "It was given to another agent or team, or taken over. details: {reason, control?, from?, assignee?, team_id?}. " +
		"Where the command gave a reason, that is the reason, and control is transferred or taken_over.",
	handoff.EventRequeued:      "Its agent was silent for too long, or has gone: it is back at its place in line. details: {reason, from}.",
	handoff.EventOffered:       "Somebody may accept it until expires_at. details: {to: agent or bot, agent?, expires_at}.",
	handoff.EventOfferDeclined: "Who was offered it does not take it. details: {agent?, reason?}.",
	handoff.EventOfferExpired:  "Nobody has accepted it in time. details: {agent?}.",
	handoff.EventPassed: "The bot has control: go on with it, and ask for a person by an offload. details: {reason, control?}. " +
		"Where the command gave a reason, that is the reason, and control is passed or accepted.",
	handoff.EventSnoozed:                   "It is put aside. details: {until?, reason?}; without until, until the contact writes.",
	handoff.EventWoken:                     "The snooze is over. details: {reason, status}.",
	handoff.EventResolving:                 "It ends at a time, unless somebody undoes it. details: {at, disposition?}.",
	handoff.EventResolveUndone:             "It does not end after all. details: {reason}.",
	handoff.EventResponseDue:               "A response will be late soon. details: {metric: first_response or next_response, due_at}.",
	handoff.EventResponseMissed:            "A response is late. details: {metric, due_at}.",
	handoff.EventWindowClosing:             "WhatsApp's service window closes soon. details: {expires_at}.",
	handoff.EventWindowClosed:              "WhatsApp's service window has closed: only templates can be sent. details: {expires_at}.",
	handoff.EventTimerMoved:                "Somebody has moved or cancelled a timer. details: {kind, was, due_at?, reason?}; without due_at it is cancelled.",
	handoff.EventUpdated:                   "Tags, attributes, priority or the unread mark changed. details: the whole new value of each.",
	handoff.EventRead:                      "An agent has read what the contact wrote. details: {unread_count}.",
	handoff.EventRated:                     "The contact has rated the conversation. details: {score}, never the comment.",
	handoff.EventMessageScheduled:          "A message is promised for later. details: {scheduled_id}.",
	handoff.EventMessageUnscheduled:        "A promised message does not leave. details: {scheduled_id, reason?}.",
	handoff.EventMessageReceived:           "The contact wrote.",
	handoff.EventMessageQueued:             "An agent wrote: send this message to the contact, and tell its statuses. details: {scheduled_id?}.",
	handoff.EventMessageDeliveredToGateway: "The gateway, or Meta, has taken an agent's message.",
	handoff.EventMessageSent:               "WhatsApp, or the channel, has sent an agent's message.",
	handoff.EventMessageDelivered:          "It has arrived at the contact's device.",
	handoff.EventMessageRead:               "The contact has read it.",
	handoff.EventMessagePlayed:             "The contact has played it: a voice message.",
	handoff.EventMessageFailed:             "It will not arrive. details: {failure{code, reason}}.",
	handoff.EventMessageUncertain:          "Nobody knows whether it left, so it is not sent again. A later event may tell.",
	handoff.EventMediaReady:                "The file of a message has been fetched: message.media.url leads to it. details: {media_id}.",
	handoff.EventMediaFailed:               "The file of a message cannot be had. details: {media_id, failure{code, reason}}.",
	handoff.EventContactErased:             "A contact was erased, with everything of theirs: erase what you have of them. details: {contact_id, erasure_id}.",
	handoff.EventEndpointDisabled:          "An endpoint takes nothing any more, and its webhooks are held. details: {endpoint_id, reason}.",
	handoff.EventGapFound: "The ledger found something missing (GET /v1/ledger/gaps). details: {gap_id, kind, repaired, note, conversation_id?, message_id?, " +
		"endpoint_id?}.",
	handoff.EventGapRepaired: "A gap that was found before is gone. details: as those of ledger.gap_found.",
}

// webhooks are everything that endpoints receive: our own events, and the vendors' under their own names.
func (s *server) webhooks() map[string]*huma.PathItem {
	out := map[string]*huma.PathItem{
		hitlchat.EventOutboundMessage: s.webhook("outbound_message: an agent's message for the contact (hitlchat)",
			"Post `meta_payload` to Meta as it is. Answer 2xx once you have it.", outboundExample, nil),
		hitlchat.EventConversationResolved: s.webhook("conversation_resolved: a conversation has ended (hitlchat)",
			"An agent has resolved it, or nobody wrote for the inbox's inactivity time.", resolvedExample, nil),
		aksita.EventHumanAgent: s.webhook("human_agent: an agent's reply, in Aksita's form (aksita)",
			"aksita.ai/en/docs/human-agent-webhook. The body names no event; its `source` does.", aksitaExample, hexSignature("Aksita")),
		passthrough.EventMeta: s.webhook("meta: a webhook of Meta's, as its bytes (passthrough, kapso)",
			"What endpoints of the payload `meta` receive: the bytes that Meta posted, each body once.", statusExample,
			[]*huma.Param{textParam(signature.HeaderMeta, "header", "Meta's own signature of the bytes under your app secret, where it came with them.")}),
	}
	for _, name := range kapso.Protocol.Events {
		out[name] = s.webhook(name+", in Kapso's form (kapso)", "docs.kapso.ai/docs/platform/webhooks: payload v2, or v1 for an endpoint that asks for it; "+
			"several in one body for an endpoint that buffers.", "", hexSignature("Kapso"))
	}
	for _, name := range handoff.EventTypes {
		item := s.webhook(string(name)+" (native)", eventDocs[name], strings.Replace(eventExample, "conversation.claimed", string(name), 1), nil)
		item.Post.RequestBody.Content["application/json"].Schema = s.schema(reflect.TypeFor[native.EventBody]())
		out[string(name)] = item
	}
	for name, item := range out {
		item.Post.OperationID = "webhook-" + strings.NewReplacer(".", "-", "_", "-").Replace(name)
	}
	return out
}

func hexSignature(vendor string) []*huma.Param {
	return []*huma.Param{textParam(signature.HeaderHex, "header", "Hex HMAC-SHA256 of the body under the endpoint's vendor secret, as "+vendor+
		" signs; absent where the endpoint has none.")}
}

func (s *server) webhook(summary, description, body string, vendor []*huma.Param) *huma.PathItem {
	content := &huma.MediaType{Schema: freeObject()}
	if body != "" {
		content.Example = example(body)
	}
	header := func(name, doc string) *huma.Param {
		p := textParam(name, "header", doc)
		p.Required = true
		return p
	}
	return &huma.PathItem{Post: &huma.Operation{
		Summary: summary, Description: description, Tags: []string{"Gateway"},
		Parameters: append([]*huma.Param{
			header("webhook-id", "The same on every attempt: by it you know a repetition."),
			header("webhook-timestamp", "Unix seconds of this attempt."),
			header("webhook-signature", "v1, and base64 of HMAC-SHA256 over id.timestamp.body."),
		}, vendor...),
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": content}},
		Responses: map[string]*huma.Response{
			"2XX": {Description: "Received. The body is not read, except for Meta's answer with the message's id."},
			"410": {Description: "Gone: the endpoint is disabled."},
		},
	}}
}

const (
	outboundExample = `{"event":"outbound_message","contact_number":"447700900123","phone_number_id":"YOUR_PHONE_NUMBER_ID",
"meta_payload":{"messaging_product":"whatsapp","to":"447700900123","type":"text","text":{"body":"Hi John, happy to help!"}}}`
	resolvedExample = `{"event":"conversation_resolved","contact_number":"447700900123","resolved_status":"Resolved by Human",
"resolved_datetime":"2026-06-09T10:05:00Z"}`
	aksitaExample = `{"response":["hello"],"message_id":"01976b8e-3c00-7000-8000-000000000005",
"conversation_id":"2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc","credits":0,"remaining_credits":0,"additional_context":"","source":"human_agent",
"timestamp":"2026-01-22T15:18:18+07:00"}`
	eventExample = `{"type":"conversation.claimed","timestamp":"2026-06-09T10:01:00.000Z","data":{
"event_id":"01976b8e-3c00-7000-8000-000000000001","inbox_id":"01976b8e-3c00-7000-8000-000000000002",
"conversation_id":"01976b8e-3c00-7000-8000-000000000003","seq":7,
"actor":{"type":"agent","id":"01976b8e-3c00-7000-8000-000000000004"}}}`
)
