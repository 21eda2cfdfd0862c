package contract_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/contract"
)

const (
	agent   = `{"id":"01a1fce1-8e03-7a4b-90d0-4d4d38570844","name":"Ana","disabled":false,"created_at":"2026-06-09T10:01:00Z"}`
	problem = `{"type":"/problems/not_found","title":"Not Found","status":404,"detail":"No.","code":"not_found","request_id":"r"}`
	path    = "/v1/agents/01a1fce1-8e03-7a4b-90d0-4d4d38570844"
	asJSON  = "application/json"
	refusal = "application/problem+json"
)

// small is a document as ours is, which does not change with the API.
const small = `
openapi: 3.1.0
info: {title: small, version: "1"}
servers: [{url: /}]
paths:
  /v1/agents:
    get:
      parameters: [{name: limit, in: query, schema: {type: integer, minimum: 1}}]
      responses: {"200": {description: OK}}
    post:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/NewAgent"}}}}
      responses: {"201": {description: Created}}
  /v1/agents/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string, format: uuid}}]
    get:
      responses:
        "200": {description: OK, content: {application/json: {schema: {$ref: "#/components/schemas/Agent"}}}}
        "404": {description: No, content: {application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}}}
  /v1/api-keys/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string, format: uuid}}]
    delete:
      responses: {"204": {description: Gone}}
  /m/{token}:
    parameters: [{name: token, in: path, required: true, schema: {type: string}}]
    head:
      responses: {"200": {description: OK}}
components:
  schemas:
    NewAgent:
      type: object
      additionalProperties: false
      required: [name]
      properties: {name: {type: string}}
    Agent:
      type: object
      additionalProperties: false
      required: [id, name, disabled, created_at]
      properties:
        id: {type: string, format: uuid}
        name: {type: string}
        disabled: {type: boolean}
        created_at: {type: string, format: date-time}
    Problem:
      type: object
      required: [code]
      properties: {code: {type: string, enum: [not_found, invalid]}}
`

// The document that the API emits is one that the other reader can read.
func TestOurDocumentIsRead(t *testing.T) {
	t.Parallel()
	d, err := contract.Shared()
	require.NoError(t, err)
	require.NotNil(t, d.Paths.Value("/v1/conversations/{id}"))
}

func document(t *testing.T) *contract.Document {
	t.Helper()
	d, err := contract.Read([]byte(small))
	require.NoError(t, err)
	return d
}

func answer(status int, contentType, body string) contract.Answer {
	return contract.Answer{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
}

func TestCheckIsStrict(t *testing.T) {
	t.Parallel()
	d := document(t)
	for name, c := range map[string]struct {
		method, path string
		answer       contract.Answer
		disagrees    string
	}{
		"as documented":                 {"GET", path, answer(200, asJSON, agent), ""},
		"a refusal as documented":       {"GET", path, answer(404, refusal, problem), ""},
		"an unknown property":           {"GET", path, answer(200, asJSON, strings.Replace(agent, "{", `{"secret":"x",`, 1)), "secret"},
		"a property missing":            {"GET", path, answer(200, asJSON, strings.Replace(agent, `"name":"Ana",`, "", 1)), "name"},
		"null":                          {"GET", path, answer(200, asJSON, strings.Replace(agent, `"Ana"`, "null", 1)), "null"},
		"no id":                         {"GET", path, answer(200, asJSON, strings.Replace(agent, "01a1fce1-", "", 1)), "uuid"},
		"no time":                       {"GET", path, answer(200, asJSON, strings.Replace(agent, "2026-06-09T", "", 1)), "date-time"},
		"an undocumented status":        {"GET", path, answer(202, asJSON, agent), "the status"},
		"another content type":          {"GET", path, answer(200, "text/html", agent), "Content-Type"},
		"no content type":               {"GET", path, answer(200, "", agent), "Content-Type"},
		"a refusal that is no problem":  {"GET", path, answer(404, asJSON, problem), "Content-Type"},
		"an undocumented code":          {"GET", path, answer(404, refusal, strings.Replace(problem, `"not_found","r`, `"lost","r`, 1)), "lost"},
		"not JSON":                      {"GET", path, answer(200, asJSON, agent+"x"), "no JSON"},
		"a body where there is none":    {"DELETE", "/v1/api-keys/01a1fce1-8e03-7a4b-90d0-4d4d38570844", answer(204, asJSON, agent), "a body"},
		"an operation that is not":      {"GET", "/v1/nothing", answer(200, asJSON, agent), "no such operation"},
		"refused as unknown":            {"GET", "/v1/nothing", answer(404, refusal, problem), ""},
		"a method that is not":          {"PUT", path, answer(405, refusal, problem), ""},
		"the reference":                 {"GET", "/docs", answer(200, "text/html", "<html>"), ""},
		"a status that HEAD has not":    {"HEAD", "/m/token", answer(202, "", ""), "the status"},
		"the stream's head, in another": {"GET", path, answer(200, "text/event-stream", ""), "Content-Type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := d.Check(httptest.NewRequest(c.method, c.path, nil), c.answer)
			if c.disagrees == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.disagrees)
		})
	}
}

func TestCheckRequestIsStrict(t *testing.T) {
	t.Parallel()
	d := document(t)
	check := func(method, path, body string) error {
		request := httptest.NewRequest(method, path, nil)
		request.Header.Set("Content-Type", asJSON)
		return d.CheckRequest(request, []byte(body))
	}
	require.NoError(t, check("POST", "/v1/agents", `{"name":"Ana"}`))
	require.NoError(t, check("GET", "/v1/agents?limit=5", ""))
	require.ErrorContains(t, check("POST", "/v1/agents", `{"name":"Ana","surname":"x"}`), "surname")
	require.ErrorContains(t, check("POST", "/v1/agents", `{}`), "name")
	require.ErrorContains(t, check("GET", "/v1/agents?limit=0", ""), "limit")
	require.ErrorContains(t, check("GET", "/v1/agents/x", ""), "uuid")
	require.ErrorIs(t, check("GET", "/v1/nothing", ""), contract.ErrUnknown)
}

func TestTransportAndHandlerReport(t *testing.T) {
	t.Parallel()
	body := agent
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", asJSON)
		_, _ = io.WriteString(w, body)
	})
	d := document(t)
	var byHandler, byTransport []error
	server := httptest.NewServer(contract.Handler{API: api, Document: d, Report: func(err error) { byHandler = append(byHandler, err) }})
	t.Cleanup(server.Close)
	client := http.Client{Transport: contract.Transport{
		Base: http.DefaultTransport, Document: d, Report: func(err error) { byTransport = append(byTransport, err) },
	}}
	response, err := client.Get(server.URL + path)
	require.NoError(t, err)
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, agent, string(read), "it is still there to be read")
	require.NoError(t, errors.Join(append(byHandler, byTransport...)...))

	body = "{}"
	response, err = client.Get(server.URL + path)
	if err == nil {
		require.NoError(t, response.Body.Close())
	}
	require.Error(t, err)
	require.Len(t, byHandler, 1)
	require.Len(t, byTransport, 1)
}
