package secretbox

import "handoff"

// EndpointSecret is the place of the secret that signs an endpoint's webhooks.
func EndpointSecret(account, endpoint handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "endpoints", Column: "secret", RowID: endpoint}
}

// EndpointHeaders is the place of the headers that an endpoint's webhooks carry.
func EndpointHeaders(account, endpoint handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "endpoints", Column: "headers", RowID: endpoint}
}

// AccessToken is the place of the token with which an inbox fetches media from Meta.
func AccessToken(account, inbox handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "inboxes", Column: "access_token", RowID: inbox}
}
