package api

import (
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/internal/protocol/chatlayer"
	"handoff/internal/protocol/native"
	"handoff/internal/signature"
)

// noKey is the security of routes whose caller is a vendor: it proves itself by a token or a signature.
var noKey = []map[string][]string{}

// intakeOperations describe the routes by which gateways and vendors reach their inboxes.
func (s *server) intakeOperations() []*huma.Operation {
	return slices.Concat(s.chatlayerOperations(), s.metaOperations(), s.nativeOperations(), s.passthroughOperations())
}

func pathParam(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Description: doc, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}
}

func textParam(name, in, doc string) *huma.Param {
	return &huma.Param{Name: name, In: in, Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// vendorBody is a body whose shape is a vendor's: nothing but its examples is said of it.
func vendorBody(examples map[string]string) *huma.RequestBody {
	shown := map[string]*huma.Example{}
	for name, text := range examples {
		shown[name] = &huma.Example{Value: example(text)}
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: freeObject(), Examples: shown}}}
}

func (s *server) chatlayerOperations() []*huma.Operation {
	params := []*huma.Param{
		pathParam(inboxParam, "The Chatlayer inbox."),
		textParam(chatlayer.VerifyTokenParameter, "query", "The inbox's verify_token."),
	}
	const path = "/v1/chatlayer/{" + inboxParam + "}"
	health := s.responses(http.StatusOK, "The inbox is there", reflect.TypeFor[live](), 401, 422, 500, 503)
	told := s.responses(http.StatusOK, "Accepted", reflect.TypeFor[chatlayerAnswer](), 400, 401, 413, 422, 500, 503)
	told["200"].Content["application/json"].Schema = freeObject()
	told["200"].Content["application/json"].Examples = map[string]*huma.Example{
		"offload":  {Value: example(string(chatlayer.OffloadAnswer(true)))},
		"refused":  {Value: example(string(chatlayer.OffloadAnswer(false)))},
		"messages": {Value: example(`{"receipt_id":"01976b8e-3c00-7000-8000-000000000001"}`)},
	}
	return []*huma.Operation{
		{
			OperationID: "check-chatlayer", Method: http.MethodGet, Path: path, Tags: []string{"Gateway"}, Security: noKey, Parameters: params,
			Summary: "Chatlayer's health check", Description: "Chatlayer asks when the operator saves the offloading webhook.", Responses: health,
		}, {
			OperationID: "post-chatlayer", Method: http.MethodPost, Path: path, Tags: []string{"Gateway"}, Security: noKey, Parameters: params,
			Summary: "Chatlayer's offloading webhook",
			Description: "`messages` tells what bot and user say; it is kept as the transcript of the next hand-off. `offload` asks for a person " +
				"and is answered at once: `offloadSuccess` is false while the inbox is closed or its queue is full, and the bot goes on.",
			RequestBody: vendorBody(map[string]string{"messages": chatlayerMessagesExample, "offload": chatlayerOffloadExample}), Responses: told,
		},
	}
}

func (s *server) metaOperations() []*huma.Operation {
	const path = "/v1/whatsapp/{" + inboxParam + "}/webhook"
	inbox := pathParam(inboxParam, "An inbox of the protocol hitlchat, kapso or passthrough.")
	challenge := s.responses(http.StatusOK, "The challenge", reflect.TypeFor[live](), 403, 422, 500, 503)
	challenge["200"].Content = map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
	return []*huma.Operation{
		{
			OperationID: "verify-meta-webhook", Method: http.MethodGet, Path: path, Tags: []string{"Gateway"}, Security: noKey,
			Summary: "Meta's check of the callback URL",
			Parameters: []*huma.Param{
				inbox, textParam("hub.mode", "query", "subscribe"), textParam("hub.verify_token", "query", "The inbox's verify_token."),
				textParam("hub.challenge", "query", "It is the answer."),
			},
			Responses: challenge,
		}, {
			OperationID: "post-meta-webhook", Method: http.MethodPost, Path: path, Tags: []string{"Gateway"}, Security: noKey,
			Summary: "Meta's own webhook",
			Description: "For a number whose webhooks Meta posts here, without a gateway in between. The signature is over the bytes under the " +
				"inbox's app_secret. Every signed body is accepted, because Meta would repeat it for days: what is for another number is " +
				"`ignored`. Endpoints of the payload `meta` get the same bytes with the same signature. At most 4 MiB.",
			Parameters:  []*huma.Param{inbox, textParam(signature.HeaderMeta, "header", "sha256= and 64 hex digits.")},
			RequestBody: vendorBody(map[string]string{"message": inboundExample, "status": statusExample}),
			Responses:   s.responses(http.StatusOK, "Accepted", reflect.TypeFor[inboundAnswer](), 400, 401, 413, 422, 500, 503),
		},
	}
}

func (s *server) nativeOperations() []*huma.Operation {
	oneOrMany := func(one, many reflect.Type) *huma.Schema {
		return &huma.Schema{OneOf: []*huma.Schema{s.schema(many), s.schema(one)}}
	}
	return []*huma.Operation{
		s.nativeOperation("messages", "Accept messages",
			"What was said, by the contact or to the contact, for inboxes of the protocols native and aksita, on any channel. One message, or a "+
				"list of up to 1000; a bad element of a list is `ignored`, with its reason. A message whose id was accepted before is a `duplicate`.",
			oneOrMany(reflect.TypeFor[native.MessageBody](), reflect.TypeFor[native.MessagesBody]()), reflect.TypeFor[inboundAnswer]()),
		s.nativeOperation("statuses", "Accept statuses",
			"How far agents' messages have come. One status, or a list of up to 1000. They may come in any order, and before the message is known.",
			oneOrMany(reflect.TypeFor[native.StatusBody](), reflect.TypeFor[native.StatusesBody]()), reflect.TypeFor[inboundAnswer]()),
		s.nativeOperation("offloads", "Ask for a person",
			"Opens a conversation that waits for an agent, with what was said before. It is answered at once: `accepted` is false while the inbox "+
				"is closed or its queue is full.",
			s.schema(reflect.TypeFor[native.OffloadBody]()), reflect.TypeFor[offloadAnswer]()),
		s.nativeOperation("ends", "End the contact's conversation",
			"The gateway says that it is over; the conversation ends with the reason `gateway`. Without an open one nothing happens.",
			s.schema(reflect.TypeFor[native.EndBody]()), reflect.TypeFor[offloadAnswer]()),
	}
}

func (s *server) nativeOperation(name, summary, description string, body *huma.Schema, answer reflect.Type) *huma.Operation {
	return &huma.Operation{
		OperationID: "post-" + name, Method: http.MethodPost, Path: "/v1/inboxes/{id}/" + name, Tags: []string{"Gateway"}, Security: security,
		Summary: summary, Description: description, Parameters: []*huma.Param{pathParam("id", "The inbox."), idempotencyParam()},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}},
		Responses:   s.responses(http.StatusOK, "Accepted", answer, 400, 401, 403, 404, 409, 413, 422, 500, 503),
		Extensions:  map[string]any{"x-scope": string(handoff.ScopeGateway)},
	}
}

func (s *server) passthroughOperations() []*huma.Operation {
	const path = "/v1/passthrough/{" + inboxParam + "}"
	keys := append(slices.Clone(security), map[string][]string{"vendorKey": {}})
	inbox := pathParam(inboxParam, "An inbox of the protocol passthrough.")
	send := func(id, name string) *huma.Operation {
		return &huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: path + name, Tags: []string{"Gateway"}, Security: keys,
			Summary: "Send a message through to Meta",
			Description: "Takes the vendor's form (`channel`, `recipient`) or Meta's own (`messaging_product`, `to`), and answers in the same form with " +
				"Meta's answer. A 202 says that the message is kept and not settled within ten seconds (`queued`), or that it may have left " +
				"and is not sent again (`uncertain`). With the same Idempotency-Key the request looks again and sends nothing; without a key, " +
				"two equal requests are two messages.",
			Parameters:  []*huma.Param{inbox, idempotencyParam()},
			RequestBody: vendorBody(map[string]string{"vendor": passthroughExample, "meta": passthroughMetaExample}),
			Responses:   s.sendResponses(),
			Extensions:  map[string]any{"x-scope": string(handoff.ScopeGateway)},
		}
	}
	return []*huma.Operation{
		send("pass-message", "/messages"), send("pass-message-2", "/cloudapisendmessages"),
		{
			OperationID: "get-passed-message", Method: http.MethodGet, Path: path + "/messages/{" + messageParam + "}", Tags: []string{"Gateway"},
			Security: keys, Summary: "How far has a message come?", Parameters: []*huma.Param{inbox, pathParam(messageParam, "The message.")},
			Responses:  s.responses(http.StatusOK, "The message", reflect.TypeFor[passedMessage](), 401, 403, 404, 409, 422, 500, 503),
			Extensions: map[string]any{"x-scope": string(handoff.ScopeGateway)},
		},
	}
}

// sendResponses have our problems, and Meta's errors in the form of the request.
func (s *server) sendResponses() map[string]*huma.Response {
	out := s.responses(http.StatusOK, "Meta has it", reflect.TypeFor[passedMessage](), 400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
	id := &huma.Param{Description: "Our id of the message.", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}
	json := map[string]*huma.MediaType{"application/json": {Schema: freeObject()}}
	out["200"].Content = json
	out["202"] = &huma.Response{Description: "It is kept, and not settled yet", Content: json}
	for _, status := range []string{"422", "429", "503"} {
		maps.Copy(out[status].Content, json)
	}
	for _, status := range []string{"200", "202"} {
		out[status].Headers = map[string]*huma.Param{messageIDHeader: id}
	}
	return out
}

// The examples are those of the vendors' pages.
const (
	chatlayerMessagesExample = `{"botId":"5f0e1d2c3b4a","version":"LIVE","sessionId":"session-1","event":"messages","channel":"web",
"messages":[{"actor":"bot","message":{"text":"Hi, I'm a chatbot"},"timestamp":"2026-06-08T09:14:00Z"}]}`
	chatlayerOffloadExample = `{"botId":"5f0e1d2c3b4a","version":"LIVE","sessionId":"session-1","event":"offload","channel":"web",
"timestamp":"2026-06-08T09:15:00Z","payload":{"reason":"asked for a person"},
"transcript":[{"actor":"bot","message":{"text":"Hi, I'm a chatbot"},"timestamp":"2026-06-08T09:14:00Z"}]}`
	passthroughExample = `{"recipient":"34600000000","channel":"whatsapp","type":"template","template":{"name":"shipping_update",
"language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"Your order #12345 is on its way!"}]}]}}`
	passthroughMetaExample = `{"messaging_product":"whatsapp","to":"34600000000","type":"text","text":{"body":"Hi"}}`
	statusExample          = `{"object":"whatsapp_business_account","entry":[{"id":"WHATSAPP_BUSINESS_ACCOUNT_ID","changes":[{"value":{
"messaging_product":"whatsapp","metadata":{"display_phone_number":"34910000000","phone_number_id":"PHONE_ID"},
"statuses":[{"id":"wamid.ID_STRING","status":"read","timestamp":"1707564000","recipient_id":"34600000000"}]},"field":"messages"}]}]}`
)
