package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
)

// historyOperations describe the routes that are downloads.
func (s *server) historyOperations() []*huma.Operation {
	return []*huma.Operation{s.transcriptOperation(), s.exportOperation(), s.contactExportOperation()}
}

func (s *server) transcriptOperation() *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	responses := s.responses(http.StatusOK, "The transcript", reflect.TypeFor[[]TranscriptEntry](), 400, 401, 403, 404, 422, 500, 503)
	ok := responses["200"].Content
	// Huma has no name for a list.
	ok["application/json"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeArray, Items: s.schema(reflect.TypeFor[TranscriptEntry]())}}
	ok["text/plain"] = &huma.MediaType{Schema: text}
	ok["text/html"] = &huma.MediaType{}
	return &huma.Operation{
		OperationID: "get-transcript", Method: http.MethodGet, Path: "/v1/conversations/{id}/transcript", Tags: []string{conversationTag}, Security: security,
		Summary: "Download a conversation's transcript",
		Description: "What was said and what happened, in order, as a file. The JSON is an array with one entry a line, the text is for reading, and the " +
			"HTML is a page to be printed or saved as a PDF: it loads nothing and runs nothing. Links to files are good for an hour. A transcript " +
			"that was cut off is no JSON, or lacks its last line, \"End of the transcript\".",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
			{Name: "format", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "text", "html"}, Default: "json"}},
			{
				Name: "notes", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean, Default: false},
				Description: "Are the notes that agents wrote for each other part of it? They are marked, and must not reach the contact.",
			},
			{
				Name: "time_zone", In: "query", Schema: text, Example: "Europe/Berlin",
				Description: "In which times of the text and the page are written; the inbox's own by default. Times in JSON are UTC.",
			},
			{Name: "lang", In: "query", Schema: text, Example: "ja", Description: "The language of the messages, for the page: it chooses the shapes of Chinese characters, among others."},
		},
		Responses: responses, Extensions: map[string]any{"x-scope": string(handoff.ScopeAgent)},
	}
}

func (s *server) exportOperation() *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	moment := &huma.Schema{Type: huma.TypeString, Format: "date-time"}
	s.schema(reflect.TypeFor[ExportLine]())
	s.schema(reflect.TypeFor[ExportEnd]())
	responses := s.responses(http.StatusOK, "The export", reflect.TypeFor[ExportLine](), 400, 401, 403, 422, 500, 503)
	responses["200"].Content = map[string]*huma.MediaType{"application/x-ndjson": {}}
	return &huma.Operation{
		OperationID: "export-conversations", Method: http.MethodGet, Path: exportPath, Tags: []string{conversationTag}, Security: security,
		Summary: "Export conversations",
		Description: "JSON lines: one conversation a line, of the schema `ExportLine`, in an order that does not change, and at the end " +
			"`{\"end\":true,\"conversations\":n}`, of the schema `ExportEnd`. An answer without that line was cut off: ask again with the `cursor` of its " +
			"last whole line and the same filters, and nothing is missing and nothing comes twice. It takes as long as it takes, compressed for a " +
			"client that accepts gzip; a client that does not read for 10 seconds is cut off. Each conversation is as it was when its line was written.",
		Parameters: []*huma.Param{
			{Name: "from", In: "query", Schema: moment, Description: "Opened at this time or later."},
			{Name: "to", In: "query", Schema: moment, Description: "Opened before this time; the time of the request by default."},
			{Name: "inbox_id", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, Description: "Only this inbox."},
			{Name: "status", In: "query", Schema: text, Example: "ended", Description: "Only these statuses: a comma list of bot, waiting, assigned, snoozed and ended."},
			{Name: "include", In: "query", Schema: text, Example: "messages,events,notes", Description: "What comes with each conversation: a comma list of messages, events and notes."},
			{Name: "cursor", In: "query", Schema: text, Description: "Go on after the line that has it."},
		},
		Responses: responses, Extensions: map[string]any{"x-scope": string(handoff.ScopeAdmin)},
	}
}
