package meta

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/internal/vendorjson"
)

// CodeUnknown is the code of an answer that is no error of Meta's, such as the page of a proxy. Meta's own codes begin at 0.
const CodeUnknown = -1

// SendError is an error that the Graph API answered (support/error-codes):
//
//	{"error":{"message","type","code","error_data":{"messaging_product","details"},"error_subcode","fbtrace_id"}}
//
// Access tokens that Meta repeats in its texts are taken out of them.
type SendError struct {
	Status    int // of HTTP; says less than the code
	Code      int
	Subcode   int
	Message   string
	Details   string
	TraceID   string // Meta's support asks for it
	Transient bool   // Meta says that the same request may succeed later
}

// ParseSendError reads the body of an answer of the Graph API. It gives false where the body holds no error with a code; the
// SendError then has CodeUnknown, and its Action goes by the status.
func ParseSendError(status int, body []byte) (SendError, bool) {
	none := SendError{Status: status, Code: CodeUnknown}
	if vendorjson.Check(body) != nil {
		return none, false
	}
	answer, _ := vendorjson.ParseObject(body)
	e := answer.Object("error")
	code, err := strconv.Atoi(e.ID("code"))
	if err != nil || code < 0 {
		return none, false
	}
	subcode, _ := strconv.Atoi(e.ID("error_subcode"))
	details := cmp.Or(e.Object("error_data").Text("details"), e.Text("error_data"), e.Text("error_user_msg"))
	return SendError{
		Status: status, Code: code, Subcode: subcode, Transient: string(e["is_transient"]) == "true",
		Message: vendorjson.Clip(withoutTokens(e.Text("message")), 500), Details: vendorjson.Clip(withoutTokens(details), 500), TraceID: vendorjson.Clip(e.ID("fbtrace_id"), 60),
	}, true
}

// accessToken is how Meta's tokens look: those of users and systems begin with EAA, an app's own is its id, a bar and its secret.
var accessToken = regexp.MustCompile(`\bEAA[A-Za-z0-9_-]{8,}|\b[0-9]{6,}(\||%7[Cc])[A-Za-z0-9_-]{8,}`)

func withoutTokens(s string) string { return accessToken.ReplaceAllString(s, "[token]") }

// Error gives the code and Meta's own words; it is for logs.
func (e SendError) Error() string {
	if e.Code == CodeUnknown {
		return fmt.Sprintf("Meta answered HTTP %d without an error code", e.Status)
	}
	text := "Meta's error " + strconv.Itoa(e.Code)
	if e.Subcode != 0 {
		text += "/" + strconv.Itoa(e.Subcode)
	}
	if words := e.words(); words != "" {
		text += ": " + words
	}
	return text
}

// words are Meta's own, without the "(#131047) " that repeats the code and without saying a thing twice.
func (e SendError) words() string {
	message := strings.TrimSpace(strings.TrimPrefix(e.Message, fmt.Sprintf("(#%d)", e.Code)))
	message = strings.TrimSuffix(message, ".")
	details := strings.TrimSuffix(strings.TrimSpace(e.Details), ".")
	switch {
	case details == "" || strings.Contains(message, details):
		return message
	case message == "" || strings.Contains(details, message):
		return details
	}
	return message + ": " + details
}

// Action is what an error asks for.
type Action string

// The actions.
const (
	// ActionRefreshToken stops all sends of the number until an operator has saved a valid access token.
	ActionRefreshToken Action = "refresh_token"
	// ActionPermission stops all sends of the number until an operator has given the app or its token the permission.
	ActionPermission Action = "permission"
	// ActionThrottle sends the same bytes later, and everything else of the number later too.
	ActionThrottle Action = "throttle"
	// ActionPairThrottle sends the same bytes to this customer later: see PairWait.
	ActionPairThrottle Action = "pair_throttle"
	// ActionRetry sends the same bytes again: the fault is Meta's and passes.
	ActionRetry Action = "retry"
	// ActionNever tells the agent: no other form of the message reaches this customer now, but perhaps a template does.
	ActionNever Action = "never"
	// ActionFix tells the agent or the operator: the message or the set-up has to be changed first.
	ActionFix Action = "fix"
)

// Action goes by the code, as Meta asks (support/error-codes: "build your app's error handling around codes"), and by the HTTP
// status for codes that it does not know. An error of Meta's means that nothing was sent, so a retry does not send twice.
func (e SendError) Action() Action {
	if known, ok := known(e.Code); ok {
		return known.action
	}
	switch {
	case e.Status == 429:
		return ActionThrottle
	case e.Status >= 500 || e.Transient:
		return ActionRetry
	}
	return ActionFix
}

// Failure is the error for the person who wrote the message: its code, and a sentence that says what to do, with Meta's details.
func (e SendError) Failure() handoff.Failure {
	if e.Code == CodeUnknown {
		return handoff.Failure{
			Code:   "http_" + strconv.Itoa(e.Status),
			Reason: fmt.Sprintf("Meta answered HTTP %d without an error code: try again, or see metastatus.com", e.Status),
		}
	}
	code, words := strconv.Itoa(e.Code), e.words()
	about, _ := known(e.Code)
	sentence := about.sentence
	switch {
	case sentence == "" && words == "":
		return handoff.Failure{Code: code, Reason: "Meta gave no reason: look the code up at developers.facebook.com, WhatsApp error codes"}
	case sentence == "":
		return handoff.Failure{Code: code, Reason: "Meta refused it: " + words}
	case e.Details != "":
		return handoff.Failure{Code: code, Reason: sentence + " (Meta: " + strings.TrimSuffix(strings.TrimSpace(e.Details), ".") + ")"}
	}
	return handoff.Failure{Code: code, Reason: sentence}
}

// maxPairWait is the longest that a message waits for its customer to be written to again.
const maxPairWait = time.Hour

// PairWait is how long to wait after the nth refusal with 131056, counted from 0: 4^n seconds, at most an hour (messages, "pair rate
// limits": retry after 4^X seconds, X starting at 0 and growing by 1 with each failure).
func PairWait(n int) time.Duration {
	wait := time.Second
	for ; n > 0 && wait < maxPairWait; n-- {
		wait *= 4
	}
	return min(wait, maxPairWait)
}
