package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/internal/health"
)

var security = []map[string][]string{{"bearer": {}}, {"apiKey": {}}}

// personSecurity is for what agents and admins do, who may have signed in.
var personSecurity = []map[string][]string{{"bearer": {}}, {"apiKey": {}}, {"oidc": {}}}

const specDescription = `Human hand-off for messaging gateways: post what your customers write, receive what your agents answer.

Every key has a scope: ` + "`gateway`" + ` accepts messages, ` + "`agent`" + ` works on conversations, ` + "`admin`" + ` configures and may do everything.
Failures are problem documents (RFC 9457): decide by ` + "`code`" + `, show ` + "`detail`" + `, and quote ` + "`request_id`" + ` when you ask for help.
Every POST takes an ` + "`Idempotency-Key`" + `. Lists are paged: give ` + "`next_cursor`" + ` as ` + "`cursor`" + ` until there is none.
` + "`RateLimit` and `RateLimit-Policy`" + ` tell how many requests a key has left; a 429 says in ` + "`Retry-After`" + ` when to go on.
Webhooks are signed as Standard Webhooks are (webhook-id, webhook-timestamp, webhook-signature).`

// Spec is the OpenAPI document, in YAML.
func Spec() ([]byte, error) {
	s, err := build(Deps{Version: "1"})
	if err != nil {
		return nil, err
	}
	return s.huma.OpenAPI().YAML()
}

func humaConfig(version string) huma.Config {
	config := huma.DefaultConfig("handoff", version)
	config.Info.Description = specDescription
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.Servers = []*huma.Server{{URL: "/", Description: "This server"}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, hk_…"},
		"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "The same key, for clients that cannot send a bearer token."},
		"oidc": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A token of the OpenID Connect issuer that the agent's account trusts " +
			"(`PUT /v1/sign-in`), signed by RS256, ES256, EdDSA or what the account allows."},
		"vendorKey": {Type: "apiKey", In: "header", Name: "Authorization", Description: "AppKey hk_… or ServerKey hk_…: the same key, for programs that were written for indigitall."},
	}
	config.Tags = []*huma.Tag{
		{Name: "Gateway", Description: "What a gateway calls."},
		{Name: conversationTag, Description: "What an agent's inbox client calls."},
		{Name: viewTag, Description: "Lists of conversations that somebody has given a name."},
		{Name: contactTag, Description: "The customers behind the conversations."},
		{Name: quickReplyTag, Description: "Texts that agents use again and again, with variables."},
		{Name: ratingTag, Description: "What customers say of how they were served."},
		{Name: "Events", Description: "What happened."},
		{Name: configurationTag, Description: "Inboxes, endpoints, agents and keys."},
		{Name: deliveryTag, Description: "Webhooks on their way."},
		{Name: "Operation", Description: "Health of the server, and what the ledger found missing."},
	}
	// Huma's own pages load their scripts from elsewhere, and its hooks put $schema into every body.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.RejectUnknownQueryParameters = true
	return config
}

// describe adds what Huma does not know: the plain routes and the webhooks that we send.
func (s *server) describe() {
	api := s.huma.OpenAPI()
	for i, prefix := range publicPrefixes {
		suffix := ""
		if i > 0 {
			suffix = "-" + strconv.Itoa(i+1)
		}
		api.AddOperation(s.inboundOperation("post-inbound"+suffix, prefix+"/inbound"))
		api.AddOperation(s.sampleOperation("test-resolved-webhook"+suffix, prefix+"/inbound/test-resolved-webhook"))
	}
	for _, op := range s.healthOperations() {
		api.AddOperation(op)
	}
	for _, op := range slices.Concat(s.mediaOperations(), s.intakeOperations(), s.surveyOperations(), s.historyOperations()) {
		api.AddOperation(op)
	}
	api.AddOperation(s.streamOperation())
	api.Webhooks = s.webhooks()
}

func (s *server) inboundOperation(id, path string) *huma.Operation {
	return &huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{"Gateway"}, Security: security,
		Summary: "Accept a WhatsApp webhook body",
		Description: "Takes Meta's webhook body as it came, with an optional `prior_history` beside `entry`. `entry[].id` and " +
			"`metadata.phone_number_id` say which inbox it is for. The first message of a contact opens a conversation, later ones " +
			"append. A 200 means that the bytes are stored for good; a repeated message is a `duplicate` and changes nothing. What " +
			"is not understood is kept and listed, never refused for its neighbours' sake. At most 4 MiB.",
		Parameters: []*huma.Param{idempotencyParam()},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: freeObject(), Example: example(inboundExample)},
		}},
		Responses: s.responses(http.StatusOK, "Accepted", reflect.TypeFor[inboundAnswer](),
			400, 401, 403, 409, 413, 422, 500, 503),
		Extensions: map[string]any{"x-scope": string(handoff.ScopeGateway)},
	}
}

func (s *server) sampleOperation(id, path string) *huma.Operation {
	return &huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{"Gateway"}, Security: security,
		Summary: "Send a sample conversation_resolved",
		Description: "Sends the event to the endpoints of the inbox that receive it, with a number that nobody has. " +
			"`inbox_id` is needed if the key may use several inboxes.",
		Parameters: []*huma.Param{idempotencyParam()},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{
				Type: huma.TypeObject, Properties: map[string]*huma.Schema{"inbox_id": {Type: huma.TypeString, Format: "uuid"}},
				AdditionalProperties: true,
			}},
		}},
		Responses: s.responses(http.StatusOK, "On its way", reflect.TypeFor[sampleAnswer](),
			400, 401, 403, 404, 409, 413, 422, 500, 503),
		Extensions: map[string]any{"x-scope": string(handoff.ScopeGateway)},
	}
}

func (s *server) healthOperations() []*huma.Operation {
	ready := s.responses(http.StatusOK, "Ready", reflect.TypeFor[health.Ready]())
	ready["503"] = &huma.Response{Description: "A check failed", Content: ready["200"].Content}
	return []*huma.Operation{
		{
			OperationID: "live", Method: http.MethodGet, Path: "/livez", Tags: []string{"Operation"}, Summary: "Is the process alive?",
			Security: []map[string][]string{}, Responses: s.responses(http.StatusOK, "Alive", reflect.TypeFor[live]()),
		}, {
			OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{"Operation"}, Summary: "Can it do its work?",
			Security: []map[string][]string{}, Responses: ready,
		},
	}
}

func (s *server) schema(t reflect.Type) *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

func (s *server) responses(status int, description string, body reflect.Type, errors ...int) map[string]*huma.Response {
	out := map[string]*huma.Response{strconv.Itoa(status): {
		Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: s.schema(body)}},
	}}
	if len(errors) > 0 && !slices.Contains(errors, http.StatusTooManyRequests) {
		errors = append(errors, http.StatusTooManyRequests) // of a key, or of an address without one
	}
	for _, status := range errors {
		out[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: s.schema(reflect.TypeFor[Problem]())},
		}}
	}
	return out
}

func idempotencyParam() *huma.Param {
	limit := maxKeyLength
	return &huma.Param{
		Name: "Idempotency-Key", In: "header", Description: idempotentDoc, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &limit},
	}
}

func freeObject() *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// example decodes a constant of this package.
func example(text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return text
	}
	return v
}

const (
	inboundExample = `{"object":"whatsapp_business_account","entry":[{"id":"YOUR_WHATSAPP_BUSINESS_ID","changes":[{"field":"messages",
"value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"YOUR_PHONE_NUMBER_ID"},
"contacts":[{"profile":{"name":"John"},"wa_id":"447700900123"}],"messages":[{"from":"447700900123","id":"wamid.ABC",
"timestamp":"1733670000","type":"text","text":{"body":"I need to speak to a human"}}]}}]}],
"prior_history":[{"direction":"inbound","text":"What are your hours?","timestamp":"2026-06-08T09:14:00Z"},
{"direction":"outbound","text":"9am-5pm, Mon-Fri.","timestamp":"2026-06-08T09:14:05Z"}]}`
)
