package native

import (
	"strings"

	"handoff"
)

var phoneMarks = strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "")

// readContact reads the contact that an element has to have, its strongest identity first.
func readContact(f *fields) *handoff.ItemContact {
	if !f.has("contact") {
		f.fault("contact", `is missing: say whom it is about, {"id":"visitor-17"}`)
	}
	o := f.object("contact")
	if o == nil {
		return nil
	}
	contact := &handoff.ItemContact{Name: strings.TrimSpace(o.text("name", maxName))}
	for _, identity := range []handoff.Identity{
		{Kind: handoff.IdentityBSUID, Value: o.id("bsuid")},
		{Kind: handoff.IdentityPhone, Value: readPhone(o)},
		{Kind: handoff.IdentityUsername, Value: o.id("username")},
		{Kind: handoff.IdentitySession, Value: o.id("id")},
	} {
		if identity.Value != "" {
			contact.Identities = append(contact.Identities, identity)
		}
	}
	if !o.has("id") && !o.has("phone") && !o.has("bsuid") {
		o.fault("id", "is missing: give your id of the contact, or a phone number")
	}
	o.done()
	return contact
}

// readPhone reads a number as people write it. A value with letters is refused rather than stripped of them, because what is left
// would be somebody else's number.
func readPhone(o *fields) string {
	const minDigits, maxDigits = 5, 20 // E.164 allows 15; the rest is room for what a test bench makes up
	written := o.text("phone", maxName)
	digits := phoneMarks.Replace(written)
	if len(digits) >= minDigits && len(digits) <= maxDigits && strings.Trim(digits, "0123456789") == "" {
		return digits
	}
	if o.has("phone") && !o.faulty("phone") {
		o.fault("phone", "has to be a phone number with its country code, such as +44 7700 900123")
	}
	return ""
}
