package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
)

const streamDescription = "Events as they happen, as Server-Sent Events, in the order of `GET /v1/events`. Each has its `type` as the event's " +
	"name, a cursor as its `id`, and as its data one JSON object of the schema `StreamEvent`: the event, and the conversation, message or note " +
	"that it is about, as they were when the event was read: replace what you have, unless its `version` is higher. " +
	"`contact.updated`, `message.scheduled` and `message.unscheduled` bring ids only.\n\n" +
	"**Going on.** Connect again with `Last-Event-ID`, as an EventSource does by itself, or with `cursor`: nothing is missed and nothing comes " +
	"twice. Cursors are those of `GET /v1/events`. Without one the stream begins now: everything that is committed after its first bytes have " +
	"arrived will come, so a client connects first and then reads its lists.\n\n" +
	"**Quiet.** Every 15 seconds there is a comment and an `id` without data, which moves the client's `Last-Event-ID` on; a client that hears " +
	"nothing for 45 seconds has lost its connection. The stream stays open while the server's database is away.\n\n" +
	"**The end.** A client that does not read for 10 seconds is cut off, and goes on where it stopped. A stream ends within seconds of its key, and at " +
	"once when the server stops. An account may have 1,000 streams open on a server. Browsers cannot send a key with EventSource: read the stream with fetch, from an origin that the operator has named in `HANDOFF_CORS_ORIGINS`, or through your own server."

// streamOperation describes the stream. The document has one schema for a response: that of the data of each event.
func (s *server) streamOperation() *huma.Operation {
	text := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: description}
	}
	uuid := &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	responses := s.responses(http.StatusOK, "The stream", reflect.TypeFor[StreamEvent](), 400, 401, 403, 422, 429, 500, 503)
	responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {Schema: s.schema(reflect.TypeFor[StreamEvent]())}}
	return &huma.Operation{
		OperationID: "stream-events", Method: http.MethodGet, Path: streamPath, Tags: []string{"Events"}, Security: personSecurity,
		Summary: "Follow the account's events", Description: streamDescription,
		Parameters: []*huma.Param{
			{Name: "Last-Event-ID", In: "header", Schema: text(""), Description: "The `id` that came last. It wins over `cursor` and `from`."},
			{Name: "cursor", In: "query", Schema: text(""), Description: "Where to go on: `next_cursor` of `GET /v1/events`, or the `id` of an event."},
			{
				Name: "from", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"now", "start"}, Default: "now"},
				Description: "Where to begin without a cursor: now, or with the account's first event.",
			},
			{Name: "types", In: "query", Schema: text(""), Example: "conversation.*,message.received", Description: "Only these types: a comma list, with wildcards like `conversation.*`."},
			{Name: "inbox_id", In: "query", Schema: uuid, Description: "Only this inbox."},
			{Name: "conversation_id", In: "query", Schema: uuid, Description: "Only this conversation."},
		},
		Responses:  responses,
		Extensions: map[string]any{"x-scope": string(handoff.ScopeAgent)},
	}
}
