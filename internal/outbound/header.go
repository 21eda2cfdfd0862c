package outbound

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

const (
	maxHeaders     = 20
	maxHeaderValue = 4096
)

// ownHeaders are written by the client itself or steer the connection (RFC 9110 §7.6.1), and a tenant may not set them.
// Accept-Encoding would bring compressed answers, which are not inflated; Expect would hold the body back.
var ownHeaders = []string{
	"accept-encoding", "connection", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
	"te", "trailer", "transfer-encoding", "upgrade",
}

// ownPrefixes: content-* describe the body that was signed, webhook-* sign it; x-amz-* and x-goog-* are what cloud services take
// as credentials or commands (the list that Svix keeps).
var ownPrefixes = []string{"content-", "webhook-", "x-amz-", "x-goog-"}

// CheckHeader says whether a tenant may have this header sent with each webhook. The error says what to change and never repeats
// the value, which often is a credential.
func CheckHeader(name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("header name %.64q is not valid: use letters, digits and hyphens", name)
	}
	lower := strings.ToLower(name)
	if slices.Contains(ownHeaders, lower) {
		return fmt.Errorf("header %s cannot be set: it belongs to the connection", name)
	}
	for _, prefix := range ownPrefixes {
		if strings.HasPrefix(lower, prefix) {
			return fmt.Errorf("header %.64s cannot be set: names that start with %s are reserved", name, prefix)
		}
	}
	if len(value) > maxHeaderValue {
		return fmt.Errorf("header %.64s has a value of %d bytes: at most %d are allowed", name, len(value), maxHeaderValue)
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("header %.64s has a value with a line break or control character: remove it", name)
	}
	return nil
}

// CheckHeaders checks the custom headers of an endpoint: each by CheckHeader, at most 20, and no name twice in different case.
func CheckHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return fmt.Errorf("%d custom headers: at most %d are allowed", len(headers), maxHeaders)
	}
	seen := map[string]bool{}
	var failures []error
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lower := strings.ToLower(name)
		if seen[lower] {
			failures = append(failures, fmt.Errorf("header %.64s is given twice: names do not differ by case", name))
		}
		seen[lower] = true
		failures = append(failures, CheckHeader(name, headers[name]))
	}
	return errors.Join(failures...)
}
