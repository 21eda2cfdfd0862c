package fakegraph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
)

// answer is what goes back: JSON, or a file with its type.
type answer struct {
	status   int
	body     []byte
	mimeType string
	location string
}

func (a *answer) write(w http.ResponseWriter, fault Fault) {
	header := w.Header()
	header.Set("Content-Type", a.mimeType)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.location != "" {
		header.Set("Location", a.location)
	}
	if fault.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(fault.RetryAfter.Seconds())))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

func ok(value any) *answer { return inJSON(http.StatusOK, value) }

func inJSON(status int, value any) *answer {
	return &answer{status: status, body: marshal(value), mimeType: "application/json; charset=UTF-8"}
}

// marshal leaves <, > and & as they are, as Meta does.
func marshal(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("fakegraph: a value that is no JSON: %v", err)) // a mistake of this package
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// refusal is an error of the Graph API.
type refusal struct {
	code, subcode    int
	message, details string
	status           int // 0 is the one that Meta gives the code
}

func (e *refusal) answer() *answer {
	kind := "OAuthException"
	if e.subcode == 33 {
		kind = "GraphMethodException"
	}
	body := map[string]any{
		"message": fmt.Sprintf("(#%d) %s", e.code, e.message), "type": kind, "code": e.code, "fbtrace_id": fmt.Sprintf("A%015x", rand.Uint64()>>4),
	}
	if e.code == 190 || e.subcode == 33 || e.code == 2500 { // these come without their code in the text
		body["message"] = e.message
	}
	if e.subcode != 0 {
		body["error_subcode"] = e.subcode
	}
	if e.details != "" {
		body["error_data"] = map[string]any{"messaging_product": "whatsapp", "details": e.details}
	}
	status := e.status
	if status == 0 {
		status = statusOf(e.code)
	}
	return inJSON(status, map[string]any{"error": body})
}

// statusOf is the HTTP status of an error (support/error-codes).
func statusOf(code int) int {
	switch {
	case code == 0, code == 190:
		return http.StatusUnauthorized
	case code == 10, code >= 200 && code <= 299, code == 131005, code == 368, code == 131031:
		return http.StatusForbidden
	case code == 3, code == 131000, code == 133004:
		return http.StatusInternalServerError
	case code == 2, code == 131016, code == 131057:
		return http.StatusServiceUnavailable
	case code == 4, code == 80007, code == 130429, code == 131048, code == 131056, code == 133016:
		return http.StatusTooManyRequests
	case code == 132001:
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

func invalid(format string, args ...any) *refusal {
	return &refusal{code: 100, message: "Invalid parameter", details: fmt.Sprintf(format, args...)}
}

func noObject(method, id string) *refusal {
	return &refusal{code: 100, subcode: 33, message: fmt.Sprintf("Unsupported %s request. Object with ID '%s' does not exist, cannot be "+
		"loaded due to missing permissions, or does not support this operation", map[string]string{"GET": "get", "POST": "post"}[method], id)}
}

func unknownPath(path string) *refusal {
	return &refusal{code: 2500, message: "Unknown path components: " + path}
}
