package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
)

func (s *server) contactExportOperation() *huma.Operation {
	responses := s.responses(http.StatusOK, "The export", reflect.TypeFor[ContactProfile](), 400, 401, 403, 404, 422, 500, 503)
	responses["200"].Content = map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	return &huma.Operation{
		OperationID: "export-contact", Method: http.MethodGet, Path: "/v1/contacts/{id}/export", Tags: []string{contactTag}, Security: security,
		Summary: "Export a contact",
		Description: "Everything that is kept of a contact, as one ZIP: `contact.json` (a `ContactProfile`), `conversations.jsonl`, `messages.jsonl`, " +
			"`notes.jsonl` and `ratings.jsonl` with one JSON object a line, as other routes show them, and the bytes of the files under `files/`, each " +
			"named by its id and its own name. Files that are gone are listed in `files/missing.jsonl`. It is written while it is read and takes as " +
			"long as it takes; one that was cut off is no whole ZIP. The audit log says who asked.",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
			{
				Name: "include_notes", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean, Default: true},
				Description: "Are the notes that agents wrote for each other part of it?",
			},
		},
		Responses: responses, Extensions: map[string]any{"x-scope": string(handoff.ScopeAdmin)},
	}
}
