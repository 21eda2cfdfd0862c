package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Transport makes requests and checks their answers. An answer that disagrees with the document is an error of the request.
type Transport struct {
	Base     http.RoundTripper
	Document *Document
	// Report is told of every disagreement, for tests that take an error for a server that is away; nobody if absent.
	Report func(error)
}

// RoundTrip makes a request.
func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.Base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer := Answer{Status: response.StatusCode, Header: response.Header}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), streamType) {
		defer func() { _ = response.Body.Close() }()
		if answer.Body, err = io.ReadAll(response.Body); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		response.Body = io.NopCloser(bytes.NewReader(answer.Body))
	}
	if err := t.Document.Check(request, answer); err != nil {
		if t.Report != nil {
			t.Report(err)
		}
		return nil, err
	}
	return response, nil
}
