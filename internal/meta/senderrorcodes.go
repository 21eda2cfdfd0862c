package meta

// knownError is what a code asks for, and a sentence for who has to do it.
type knownError struct {
	action   Action
	sentence string
}

// knownErrors are the codes of the Cloud API (support/error-codes) of which we know what they ask for. A sentence says what is wrong
// and what to do.
var knownErrors = map[int]knownError{
	0:      {ActionRefreshToken, "Meta could not authenticate the access token: save a new one in the inbox"},
	190:    {ActionRefreshToken, "the access token has expired or was revoked: save a new one in the inbox"},
	3:      {ActionPermission, "the app may not call this part of the API: give it the permission in Meta's App Dashboard"},
	10:     {ActionPermission, "the app lacks a permission or it was taken away: give it whatsapp_business_messaging, and a new token"},
	131005: {ActionPermission, "access was denied: give the token whatsapp_business_messaging for this WhatsApp account"},

	4:      {ActionThrottle, "the app has made too many calls to Meta: try again later"},
	80007:  {ActionThrottle, "the WhatsApp account has made too many calls to Meta: try again later"},
	130429: {ActionThrottle, "the number sends faster than Meta allows: try again later"},
	131048: {ActionThrottle, "Meta limits the number because customers blocked or reported it: check its quality rating"},
	131056: {ActionPairThrottle, "too many messages to this customer in a short time: try again later"},
	133016: {ActionThrottle, "the number was registered or deregistered too often: wait 72 hours"},

	1:      {ActionRetry, "Meta reports an unknown error: try again"},
	2:      {ActionRetry, "Meta's service is down or overloaded: try again"},
	131000: {ActionRetry, "Meta reports an unknown error: try again"},
	131016: {ActionRetry, "Meta's service is overloaded: try again"},
	131057: {ActionRetry, "the WhatsApp account is in maintenance: try again"},
	133004: {ActionRetry, "Meta's server is unavailable for a while: try again"},

	368:    {ActionNever, "Meta has blocked the WhatsApp account for a violation of its policies: see Account Quality in WhatsApp Manager"},
	130472: {ActionNever, "Meta withheld the message because the customer is part of an experiment: wait until the customer writes"},
	130497: {ActionNever, "the WhatsApp account may not write to customers in this country"},
	131026: {ActionNever, "the message cannot be delivered: the customer may have no WhatsApp, an old version of it, or not accepted its terms"},
	131031: {ActionNever, "the WhatsApp account is locked: see Account Quality in WhatsApp Manager"},
	131047: {ActionNever, "more than 24 hours have passed since the customer wrote: send a template"},
	131049: {ActionNever, "Meta withheld the marketing message to keep the customer from getting too many: do not send it again soon"},
	131050: {ActionNever, "the customer has stopped marketing messages of this business: send none"},

	33:     {ActionFix, "the number has been deleted at Meta, or the id is wrong: check the phone number id of the inbox"},
	100:    {ActionFix, "Meta does not accept a parameter of the message or the id is wrong: correct it"},
	131008: {ActionFix, "the message lacks a parameter that Meta needs: add it"},
	131009: {ActionFix, "a parameter of the message has a value that Meta does not accept: correct it"},
	131021: {ActionFix, "the number cannot write to itself: choose another recipient"},
	131030: {ActionFix, "Meta's test number may only write to its list of recipients: add the customer there"},
	131042: {ActionFix, "the WhatsApp account has a problem with its payment method: solve it in the billing settings at Meta"},
	131051: {ActionFix, "Meta does not know messages of this type: send another one"},
	131052: {ActionFix, "Meta could not fetch the customer's file: ask the customer to send it another way"},
	131053: {ActionFix, "Meta could not take the file: check its type, its size and that its link can be reached"},
	131062: {ActionFix, "an authentication template needs the customer's phone number: this customer has given none"},
	132000: {ActionFix, "the template has another number of parameters: give exactly as many as it has"},
	132001: {ActionFix, "there is no approved template with this name in this language: check both"},
	132005: {ActionFix, "the template's text is too long with these parameters: shorten them"},
	132007: {ActionFix, "the template's text violates a policy of WhatsApp: change it"},
	132012: {ActionFix, "a parameter of the template has the wrong format: correct it"},
	132015: {ActionFix, "the template is paused for its low quality: change it or choose another one"},
	132016: {ActionFix, "the template has been paused too often and is disabled: make a new one"},
	132068: {ActionFix, "the flow is blocked: correct it in WhatsApp Manager"},
	132069: {ActionFix, "the flow has been throttled: correct it in WhatsApp Manager"},
	133010: {ActionFix, "the number is not registered at the Cloud API: register it"},
}

// permissions is what the codes from 200 to 299 have in common (support/error-codes: "API Permission").
var permissions = knownError{ActionPermission, "the app or its token lacks a permission: give it those that Meta names, and a new token"}

func known(code int) (knownError, bool) {
	if code >= 200 && code <= 299 {
		return permissions, true
	}
	about, ok := knownErrors[code]
	return about, ok
}
