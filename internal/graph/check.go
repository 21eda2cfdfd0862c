package graph

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"handoff"
	"handoff/internal/meta"
)

// The names of the checks.
const (
	CheckToken   = "token"
	CheckNumber  = "phone_number"
	CheckAccount = "whatsapp_account"
	CheckHealth  = "health"
)

// CheckResult is one thing that was checked.
type CheckResult struct {
	Name string `json:"name"`
	// OK is also true for what could not be checked; Skipped tells so.
	OK      bool `json:"ok"`
	Skipped bool `json:"skipped,omitempty"`
	// Detail says in a sentence what is wrong and what to do, or what was found. It holds no token.
	Detail string `json:"detail"`
}

// NumberInfo is what Meta says of a phone number.
type NumberInfo struct {
	DisplayPhoneNumber string `json:"display_phone_number"`
	VerifiedName       string `json:"verified_name"`
	QualityRating      string `json:"quality_rating"` // GREEN, YELLOW, RED or UNKNOWN
	CanSend            string `json:"can_send"`       // AVAILABLE, LIMITED or BLOCKED; "" where Meta does not say
}

// Check finds out whether an inbox with these credentials can work: the token (debug_token), the phone number, whether the number
// belongs to the WhatsApp account, and Meta's health status of it. An unusable token ends it early, because Meta tells nothing then.
//
// What is wrong with the credentials is in the results. An error means that Meta could not be asked: no answer, or a limit.
func (c *Client) Check(ctx context.Context, token, wabaID, phoneNumberID string) ([]CheckResult, NumberInfo, error) {
	if err := errors.Join(checkID("WhatsApp account id", wabaID), checkID("phone number id", phoneNumberID)); err != nil {
		return nil, NumberInfo{}, err
	}
	tokenResult, usable, err := c.checkToken(ctx, token)
	if err != nil {
		return nil, NumberInfo{}, err
	}
	results := []CheckResult{tokenResult}
	if !usable {
		return results, NumberInfo{}, nil
	}
	number, numberResult, err := c.checkNumber(ctx, token, phoneNumberID)
	if err != nil {
		return nil, NumberInfo{}, err
	}
	accountResult, err := c.checkAccount(ctx, token, wabaID, phoneNumberID)
	if err != nil {
		return nil, NumberInfo{}, err
	}
	results = append(results, numberResult, accountResult, number.health(token, numberResult.OK))
	return results, number.info(), nil
}

func passed(name, detail string) CheckResult {
	return CheckResult{Name: name, OK: true, Detail: detail}
}

func failed(name, detail string) CheckResult {
	return CheckResult{Name: name, Detail: detail}
}

func skipped(name, detail string) CheckResult {
	return CheckResult{Name: name, OK: true, Skipped: true, Detail: "not checked: " + detail}
}

// refused puts an error of Meta's into a failed check. Any other error, or one that passes, is the caller's.
func refused(name, what string, err error) (CheckResult, error) {
	var e meta.SendError
	if !errors.As(err, &e) {
		return CheckResult{}, err
	}
	if asks(e, meta.ActionThrottle, meta.ActionPairThrottle, meta.ActionRetry) {
		return CheckResult{}, &handoff.Error{
			Code: handoff.CodeUnavailable, Message: "Meta could not be asked about the credentials: " + e.Failure().Reason, Err: e,
		}
	}
	return failed(name, what+" (Meta: "+strings.TrimPrefix(e.Error(), "Meta's ")+")"), nil
}

// phoneNumber is GET /{phone-number-id} (reference/whatsapp-business-phone-number).
type phoneNumber struct {
	ID            string `json:"id"`
	Display       string `json:"display_phone_number"`
	VerifiedName  string `json:"verified_name"`
	QualityRating string `json:"quality_rating"`
	Health        struct {
		CanSend  string `json:"can_send_message"`
		Entities []struct {
			Type    string   `json:"entity_type"`
			CanSend string   `json:"can_send_message"`
			Info    []string `json:"additional_info"`
			Errors  []struct {
				Description string `json:"error_description"`
				Solution    string `json:"possible_solution"`
			} `json:"errors"`
		} `json:"entities"`
	} `json:"health_status"`
}

func (p phoneNumber) info() NumberInfo {
	return NumberInfo{
		DisplayPhoneNumber: p.Display, VerifiedName: p.VerifiedName, QualityRating: p.QualityRating, CanSend: p.Health.CanSend,
	}
}

func (c *Client) checkNumber(ctx context.Context, token, id string) (phoneNumber, CheckResult, error) {
	var number phoneNumber
	err := c.get(ctx, token, "/"+id+"?fields="+url.QueryEscape("id,display_phone_number,verified_name,quality_rating,health_status"), &number)
	if err != nil {
		result, err := refused(CheckNumber, "the phone number id "+id+
			" cannot be read with this token: check the id, and that the token's system user may see its WhatsApp account", err)
		return phoneNumber{}, result, err
	}
	if number.Display == "" {
		return phoneNumber{}, failed(CheckNumber, "the id "+id+" is not a phone number's: copy the phone number id from WhatsApp Manager"), nil
	}
	return number, passed(CheckNumber, number.Display+" "+number.VerifiedName), nil
}

// health reads health_status (support/health-status).
func (p phoneNumber) health(token string, known bool) CheckResult {
	var reasons []string
	for _, entity := range p.Health.Entities {
		if entity.CanSend == "AVAILABLE" {
			continue
		}
		reasons = append(reasons, entity.Info...)
		for _, e := range entity.Errors {
			reasons = append(reasons, strings.TrimSpace(e.Description+" "+e.Solution))
		}
	}
	why := ""
	if len(reasons) > 0 {
		why = " (Meta: " + redact(token, strings.Join(reasons, " ")) + ")"
	}
	switch {
	case !known:
		return skipped(CheckHealth, "the phone number could not be read")
	case p.Health.CanSend == "BLOCKED":
		return failed(CheckHealth, "Meta blocks this number from sending: solve what WhatsApp Manager shows"+why)
	case p.Health.CanSend == "LIMITED":
		return passed(CheckHealth, "Meta limits how much this number may send"+why)
	case p.Health.CanSend == "":
		return skipped(CheckHealth, "Meta gives no health status for this number")
	}
	return passed(CheckHealth, "the number may send")
}
