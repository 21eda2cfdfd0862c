package secretbox

import "handoff"

// ErasureSubject is the place of the identities by which an erasure finds what names its contact.
func ErasureSubject(account, erasure handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "erasures", Column: "subject", RowID: erasure}
}

// Answer is the place of an answer that is kept for its Idempotency-Key.
func Answer(account, command handoff.ID) AssociatedData {
	return AssociatedData{AccountID: account, Table: "idempotency_keys", Column: "body", RowID: command}
}
