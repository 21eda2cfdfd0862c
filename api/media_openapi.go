package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
)

// mediaOperations describe the routes whose bodies are files.
func (s *server) mediaOperations() []*huma.Operation {
	kinds := make([]any, len(fileKinds))
	for i, kind := range fileKinds {
		kinds[i] = kind
	}
	text, kind := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeString, Enum: kinds}
	return []*huma.Operation{
		{
			OperationID: "upload-media", Method: http.MethodPost, Path: "/v1/media", Tags: []string{conversationTag}, Security: security,
			Summary: "Upload a file",
			Description: "Stores a file, to be sent as a message with its id as `media_id`. Send a form, its fields before the file, or the bytes " +
				"alone with their Content-Type. What the file is, its bytes decide. With a `kind` it has to be what WhatsApp takes as a message of " +
				"that type: images are JPEG or PNG of at most 5 MB, audio and video 16 MB, stickers WebP of 500 KB, documents anything up to " +
				"100 MB; without one, its Content-Type sets the limit. An upload that no message uses is deleted after 24 hours. An " +
				"Idempotency-Key stands for the parameters and the length of the body: the file itself is not compared.",
			Parameters: []*huma.Param{
				idempotencyParam(),
				{Name: "filename", In: "query", Schema: text, Description: "Its name. A form may have it as a field, and else names its file."},
				{Name: "kind", In: "query", Schema: kind, Description: "As which type of message it is to be sent. A form may have it as a field."},
			},
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
				"multipart/form-data": {Schema: &huma.Schema{
					Type: huma.TypeObject, Required: []string{"file"},
					Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary"}, "filename": text, "kind": kind},
				}},
				"*/*": {},
			}},
			Responses:  s.responses(http.StatusCreated, "Stored", reflect.TypeFor[Media](), 400, 401, 403, 409, 413, 422, 500, 503),
			Extensions: map[string]any{"x-scope": string(handoff.ScopeAgent)},
		},
		s.linkOperation("read-file", http.MethodGet, "Read a file"),
		s.linkOperation("head-file", http.MethodHead, "Look at a file"),
	}
}

func (s *server) linkOperation(id, method, summary string) *huma.Operation {
	bytes := map[string]*huma.MediaType{"*/*": {}}
	responses := s.responses(http.StatusOK, "The file", reflect.TypeFor[Media](), 404, 422, 500, 503)
	responses["200"].Content = bytes
	responses["206"] = &huma.Response{Description: "A part of the file", Content: bytes}
	responses["304"] = &huma.Response{Description: "The file that the client has"}
	responses["416"] = &huma.Response{Description: "The file has no such part", Content: map[string]*huma.MediaType{"text/plain": {}}}
	return &huma.Operation{
		OperationID: id, Method: method, Path: "/m/{token}", Tags: []string{"Gateway"}, Security: []map[string][]string{}, Summary: summary,
		Description: "The address in an outbound message and in `media.url`. It needs no key, expires, and takes Range. A file that is still being " +
			"fetched answers 503 with Retry-After; a link that has expired or leads to nothing answers 404.",
		Parameters: []*huma.Param{{Name: "token", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:  responses,
	}
}
