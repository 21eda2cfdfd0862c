// Package contract checks requests and answers against the OpenAPI document, with a reader of such documents that is not the one that
// wrote it. Only tests import it.
package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"handoff/api"
)

const (
	// enough is how many answers of one status an operation has checked, unless Every: the reader compiles the schema for each of them.
	enough     = 40
	streamType = "text/event-stream"
)

var jsonType = regexp.MustCompile(`^application/([a-z]+\+)?json`)

// formats are what the reader does not check by itself.
var formats = []openapi3.SchemaValidationOption{
	openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC9562)),
	openapi3.WithStringFormatValidator("uri", openapi3.NewCallbackValidator(func(text string) error {
		u, err := url.Parse(text)
		if err == nil && !u.IsAbs() {
			err = fmt.Errorf("%q is no absolute URI", text)
		}
		return err
	})),
}

// ErrUnknown means that the document has no such operation.
var ErrUnknown = errors.New("the OpenAPI document has no such operation")

// Document is the OpenAPI document at work.
type Document struct {
	*openapi3.T
	router routers.Router
	// Every has every answer checked.
	Every bool

	mu      sync.Mutex
	checked map[string]int
}

// Load reads the document that the API emits.
func Load() (*Document, error) {
	yaml, err := api.Spec()
	if err != nil {
		return nil, err
	}
	return Read(yaml)
}

// Read reads a document.
func Read(yaml []byte) (*Document, error) {
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route by the OpenAPI document: %w", err)
	}
	return &Document{T: doc, router: router, checked: map[string]int{}}, nil
}

// Shared is the document of all tests of a package.
var Shared = sync.OnceValues(Load)

// Answer is a response with its whole body.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Check says how an answer disagrees with the document: its status, its content type, its headers and its body. A request that the
// document does not know has to be refused as unknown.
func (d *Document) Check(request *http.Request, a Answer) error {
	if request.Method == http.MethodOptions && request.Header.Get("Access-Control-Request-Method") != "" {
		return nil // a browser's question, which is not the API's
	}
	input, err := d.find(request)
	if err != nil {
		if reference(request.URL.Path) || slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed}, a.Status) {
			return nil
		}
		return fmt.Errorf("%w: %s %s, which was answered with %d", ErrUnknown, request.Method, request.URL.Path, a.Status)
	}
	if !d.due(input.Route, a.Status) {
		return nil
	}
	if err := check(input, a); err != nil {
		return fmt.Errorf("%s %s answered %d with what is not documented: %w\n%s", request.Method, request.URL.Path, a.Status, err, a.Body)
	}
	return nil
}

// CheckRequest says how a request disagrees with the document.
func (d *Document) CheckRequest(request *http.Request, body []byte) error {
	input, err := d.find(request)
	if err != nil {
		return fmt.Errorf("%w: %s %s", ErrUnknown, request.Method, request.URL.Path)
	}
	again := request.Clone(request.Context())
	again.Body, again.GetBody, again.ContentLength = io.NopCloser(bytes.NewReader(body)), nil, int64(len(body))
	input.Request = again
	input.Options = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SchemaValidationOptions: formats}
	return openapi3filter.ValidateRequest(request.Context(), input)
}

func (d *Document) find(request *http.Request) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := d.router.FindRoute(request)
	if err != nil {
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route}, nil
}

func (d *Document) due(route *routers.Route, status int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := fmt.Sprint(route.Method, route.Path, status)
	d.checked[name]++
	return d.Every || d.checked[name] <= enough
}

func check(input *openapi3filter.RequestValidationInput, a Answer) error {
	documented := input.Route.Operation.Responses.Status(a.Status)
	if documented == nil {
		return errors.New("the status")
	}
	if input.Route.Method == http.MethodHead {
		return nil
	}
	contentType := a.Header.Get("Content-Type")
	switch {
	// The reader takes an answer that is documented to have no body for one that may have any.
	case len(documented.Value.Content) == 0 && len(a.Body) > 0:
		return fmt.Errorf("a body of type %q", contentType)
	case strings.HasPrefix(contentType, streamType) && documented.Value.Content.Get(contentType) != nil:
		return nil // its body has no end
	case jsonType.MatchString(contentType) && !json.Valid(a.Body):
		return errors.New("a body that is no JSON, of which the reader would read the beginning")
	}
	return openapi3filter.ValidateResponse(input.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, SchemaValidationOptions: formats},
	})
}

// reference tells whether a path is of the reference, which describes the rest and not itself.
func reference(path string) bool {
	return strings.HasPrefix(path, "/docs") || strings.HasPrefix(path, "/openapi") || strings.HasPrefix(path, "/schemas")
}
