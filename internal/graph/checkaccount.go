package graph

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"handoff/internal/meta"
)

// neededScopes are what a token needs to send, and to read the number and the account.
var neededScopes = []string{"whatsapp_business_messaging", "whatsapp_business_management"}

// soon is how long before its end a token is worth a word.
const soon = 14 * 24 * time.Hour

// tokenInfo is GET /debug_token (graph-api/reference/debug_token). Times are in seconds since 1970; 0 is never.
type tokenInfo struct {
	Data struct {
		IsValid           bool     `json:"is_valid"`
		ExpiresAt         int64    `json:"expires_at"`
		DataAccessExpires int64    `json:"data_access_expires_at"`
		Scopes            []string `json:"scopes"`
		Error             struct {
			Message string `json:"message"`
		} `json:"error"`
	} `json:"data"`
}

const newToken = ": make a new one for a system user of the business and save it"

// checkToken has the token look at itself, and tells whether anything else can be asked with it. Not every token may look (an app's
// own token may, and one of its developers): Meta then refuses the question and not the token, and the next checks show what it is
// worth.
func (c *Client) checkToken(ctx context.Context, token string) (result CheckResult, usable bool, err error) {
	var info tokenInfo
	err = c.get(ctx, token, "/debug_token?input_token="+url.QueryEscape(token), &info)
	if asks(err, meta.ActionPermission, meta.ActionFix, meta.ActionNever) {
		return skipped(CheckToken, "Meta does not let this token look at itself"), true, nil
	}
	if err != nil {
		result, err = refused(CheckToken, "Meta does not accept the access token"+newToken, err)
		return result, false, err
	}
	result, usable = c.judgeToken(token, info)
	return result, usable, nil
}

func (c *Client) judgeToken(token string, info tokenInfo) (result CheckResult, usable bool) {
	data, now := info.Data, c.now()
	expires := earliest(data.ExpiresAt)
	if !data.IsValid {
		return failed(CheckToken, "the access token is not valid"+newToken+reason(redact(token, data.Error.Message))), false
	}
	if !expires.IsZero() && !now.Before(expires) {
		return failed(CheckToken, "the access token has expired on "+expires.Format(time.DateOnly)+newToken), false
	}
	if missing := missingFrom(data.Scopes); len(missing) > 0 {
		return failed(CheckToken, "the access token lacks "+strings.Join(missing, " and ")+newToken), true
	}
	if end := earliest(data.ExpiresAt, data.DataAccessExpires); !end.IsZero() && end.Before(now.Add(soon)) {
		return passed(CheckToken, "the access token or its access to data ends on "+end.Format(time.DateOnly)+newToken+" before that"), true
	}
	return passed(CheckToken, "the access token is valid"), true
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return " (Meta: " + text + ")"
}

func earliest(times ...int64) time.Time {
	var first time.Time
	for _, seconds := range times {
		if at := time.Unix(seconds, 0).UTC(); seconds > 0 && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

func missingFrom(scopes []string) []string {
	var missing []string
	for _, scope := range neededScopes {
		if !slices.Contains(scopes, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// maxPages of 100 numbers are read. Meta allows 20 numbers in an account, and more on request.
const maxPages = 50

// checkAccount looks for the number in GET /{waba-id}/phone_numbers (reference/whatsapp-business-account/phone_numbers). The pages
// that follow are asked for at the configured host only.
func (c *Client) checkAccount(ctx context.Context, token, wabaID, phoneNumberID string) (CheckResult, error) {
	var seen []string
	address := c.base + "/" + wabaID + "/phone_numbers?fields=" + url.QueryEscape("id,display_phone_number") + "&limit=100"
	for range maxPages {
		var page struct {
			Data   []phoneNumber `json:"data"`
			Paging struct {
				Next string `json:"next"`
			} `json:"paging"`
		}
		if err := c.getURL(ctx, token, address, &page); err != nil {
			return refused(CheckAccount, "the WhatsApp account "+wabaID+
				" cannot be read with this token: check the id, and that the token's system user may see the account", err)
		}
		for _, number := range page.Data {
			if number.ID == phoneNumberID {
				return passed(CheckAccount, "the account has the number"), nil
			}
			seen = append(seen, number.Display+" ("+number.ID+")")
		}
		address = page.Paging.Next
		if address == "" {
			break
		}
		if origin(address) != c.origin {
			return failed(CheckAccount, "the list of the account's numbers goes on at another host, which is not asked: check the Graph base URL"), nil
		}
	}
	return failed(CheckAccount, "the WhatsApp account "+wabaID+" does not have the phone number id "+phoneNumberID+
		": "+listOf(seen)), nil
}

func listOf(numbers []string) string {
	switch {
	case len(numbers) == 0:
		return "it has no number at all"
	case len(numbers) > 5:
		return "use one of its own, " + strings.Join(numbers[:5], ", ") + " and more"
	}
	return "use one of its own, " + strings.Join(numbers, ", ")
}
