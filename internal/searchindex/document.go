package searchindex

import (
	"strings"

	"handoff"
)

// The kinds of documents.
const (
	KindMessage = "message"
	KindNote    = "note"
	KindContact = "contact"
)

// MessageText is what of a message can be found: its text, which is the caption where it has a file, and the file's name.
func MessageText(text, filename *string) string {
	var lines []string
	for _, line := range []*string{text, filename} {
		if line != nil && *line != "" {
			lines = append(lines, *line)
		}
	}
	return strings.Join(lines, "\n")
}

// ContactText is what of a contact can be found.
func ContactText(name string, identities []handoff.Identity) string {
	lines := make([]string, 0, len(identities)+1)
	if name != "" {
		lines = append(lines, name)
	}
	for _, identity := range identities {
		if identity.Kind == handoff.IdentityPhone {
			lines = append(lines, "+"+strings.TrimPrefix(identity.Value, "+"))
			continue
		}
		lines = append(lines, identity.Value)
	}
	return strings.Join(lines, "\n")
}

// Identities gives what an identity that is written in full may be stored as.
func Identities(query string) []string {
	query = strings.TrimSpace(query)
	digits := strings.Map(func(r rune) rune {
		if digit(r) {
			return r
		}
		return -1
	}, query)
	if rest := strings.IndexFunc(query, func(r rune) bool { return !digit(r) && !phoneSeparator(r) }); rest >= 0 || digits == "" {
		return []string{query}
	}
	return []string{query, digits, "+" + digits}
}
