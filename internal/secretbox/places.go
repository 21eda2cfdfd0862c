package secretbox

import (
	"github.com/google/uuid"

	"handoff"
)

// EndpointSecret is the place of the secret that signs an endpoint's webhooks.
func EndpointSecret(account, endpoint handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "endpoints", Column: "secret", RowID: endpoint}
}

// OldEndpointSecret is the place of a secret that an endpoint had before its current one.
func OldEndpointSecret(account, endpoint handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "endpoint_secrets", Column: "secret", RowID: endpoint}
}

// EndpointHeaders is the place of the headers that an endpoint's webhooks carry.
func EndpointHeaders(account, endpoint handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "endpoints", Column: "headers", RowID: endpoint}
}

// AccessToken is the place of the token with which an inbox fetches media from Meta.
func AccessToken(account, inbox handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "inboxes", Column: "access_token", RowID: inbox}
}

// MediaLink is the place of every token that stands in a link to a file. Which account and file it is for is inside the token, so
// the place is the same for all; the largest UUID is no account's and no row's.
func MediaLink() AssociatedData {
	return AssociatedData{AccountID: uuid.Max, Table: "media", Column: "link", RowID: uuid.Max}
}

// SurveyLink is the place of every token that stands in a link to a survey, for the same reason.
func SurveyLink() AssociatedData {
	return AssociatedData{AccountID: uuid.Max, Table: "ratings", Column: "link", RowID: uuid.Max}
}

// Payload is the place of what Temporal keeps of workflows: a payload moves between histories as it is.
func Payload() AssociatedData {
	return AssociatedData{AccountID: uuid.Max, Table: "temporal", Column: "payload", RowID: uuid.Max}
}

// VendorSecret is the place of the secret of a vendor's own signature header.
func VendorSecret(account, endpoint handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "endpoints", Column: "vendor_secret", RowID: endpoint}
}

// AppSecret is the place of the secret with which Meta signs an inbox's webhooks.
func AppSecret(account, inbox handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "inboxes", Column: "app_secret", RowID: inbox}
}

// VerifyToken is the place of the token by which a vendor's health checks and webhooks name an inbox.
func VerifyToken(account, inbox handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "inboxes", Column: "verify_token", RowID: inbox}
}
