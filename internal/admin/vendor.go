package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/graph"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
)

// How long an admin waits for a vendor's answer. A request that makes an inbox or an endpoint holds a transaction open meanwhile.
const (
	askFor   = 12 * time.Second
	reachFor = 6 * time.Second
)

const orUnchecked = "or save it without asking (validate: false, --no-validate)"

// askMeta has Meta say whether the inbox can work, if its token or its ids are new, and gives the number as Meta shows it.
func (a Admin) askMeta(ctx context.Context, before, row dbsqlc.Inbox, fields InboxFields) (display string, err error) {
	moved := before.WABAID != row.WABAID || before.PhoneNumberID != row.PhoneNumberID
	if !moved {
		display = before.DisplayPhoneNumber
	}
	known := isMeta(row.Protocol) && len(row.AccessToken) > 0
	if !known || fields.Unchecked || a.Check == nil || (!moved && !fields.newToken()) {
		return display, nil
	}
	token, err := a.open(row.AccessToken, secretbox.AccessToken(row.AccountID, row.ID))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	results, info, err := a.Check(ctx, token, row.WABAID, row.PhoneNumberID)
	if err != nil {
		return "", unasked(err)
	}
	return info.DisplayPhoneNumber, failures(results)
}

// unasked says what to do where Meta gave no answer.
func unasked(err error) error {
	var e *handoff.Error
	if !errors.As(err, &e) || e.Code != handoff.CodeUnavailable {
		return err
	}
	return &handoff.Error{Code: handoff.CodeUnavailable, Message: e.Message + "; try again, " + orUnchecked, Err: e.Err, RetryAfter: e.RetryAfter}
}

// messageOf is an error's sentence without its cause, which is for logs.
func messageOf(err error) string {
	var e *handoff.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// checkedFields are what Meta's checks are about.
var checkedFields = map[string]string{
	graph.CheckToken: "access_token", graph.CheckNumber: "phone_number_id", graph.CheckAccount: "waba_id", graph.CheckHealth: "phone_number_id",
}

func failures(results []graph.CheckResult) error {
	var c check
	for _, result := range results {
		if !result.OK {
			c.fault(checkedFields[result.Name], "%s", result.Detail)
		}
	}
	return c.err()
}

// tryURL says whether anything answers at an endpoint's new address.
func (a Admin) tryURL(ctx context.Context, url string, fields EndpointFields) error {
	if a.Reach == nil || fields.Unchecked || fields.URL == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachFor)
	defer cancel()
	err := a.Reach(ctx, url)
	if err == nil || handoff.ErrorCode(err) == handoff.CodeUnavailable {
		return err
	}
	var c check
	c.fault("url", "nothing answers at the URL: %v; correct it, %s", err, orUnchecked)
	return c.err()
}

// ReachBy says by a HEAD request whether anything answers at a URL: whatever the answer, it is one. Its errors may be shown.
func ReachBy(client *outbound.Client) func(ctx context.Context, url string) error {
	return func(ctx context.Context, url string) error {
		result := client.Do(ctx, outbound.Request{Method: http.MethodHead, URL: url, Timeout: reachFor})
		switch {
		case result.Status != 0:
			return nil
		case result.ErrorClass == outbound.ErrorCanceled:
			return handoff.Errorf(handoff.CodeUnavailable, "the URL was not tried to the end: try again")
		case result.ErrorClass == outbound.ErrorProxy:
			return handoff.Errorf(handoff.CodeUnavailable, "the URL was not tried: %s", result.Public())
		}
		return errors.New(result.Public())
	}
}
