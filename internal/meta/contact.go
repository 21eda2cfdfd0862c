package meta

import (
	"cmp"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

// maxPhone is how long a phone number may be. E.164 allows 15 digits; the rest is room for what a test bench makes up.
const maxPhone = 20

// person is who an element is from or about, as far as one place of the body tells.
type person struct {
	phone, bsuid, username, name string
	// former are the identities that a system notice says were the same person's.
	former []handoff.Identity
}

func parsePeople(value object) []person {
	list, _ := value.List("contacts")
	var people []person
	for _, raw := range list[:min(len(list), maxElements)] {
		contact, ok := vendorjson.ParseObject(raw)
		if !ok {
			continue
		}
		profile := contact.Object("profile")
		people = append(people, person{
			phone: phoneOf(contact, "wa_id"), bsuid: contact.ID("user_id"),
			username: profile.ID("username"), name: profile.Text("name"),
		})
	}
	return people
}

// contact is who an element is about: what it says itself, completed by the entry of the change's contacts that is the same
// person. It is nil if nobody is named.
//
// Entries are found by their ids and not by their place, because a batch may hold more messages than contacts. Only if one of
// the two has no id at all is the one contact of the change taken: a user with a username writes messages with neither from
// nor from_user_id (business-scoped-user-ids).
func (c change) contact(own person) *handoff.ItemContact {
	if entry, ok := c.find(own); ok {
		own.phone, own.bsuid = cmp.Or(own.phone, entry.phone), cmp.Or(own.bsuid, entry.bsuid)
		own.username, own.name = cmp.Or(own.username, entry.username), cmp.Or(own.name, entry.name)
	}
	var identities []handoff.Identity
	for _, identity := range append([]handoff.Identity{
		{Kind: handoff.IdentityBSUID, Value: own.bsuid},
		{Kind: handoff.IdentityPhone, Value: own.phone},
		{Kind: handoff.IdentityUsername, Value: own.username},
	}, own.former...) {
		if identity.Value != "" {
			identities = append(identities, identity)
		}
	}
	if len(identities) == 0 {
		return nil
	}
	return &handoff.ItemContact{Name: own.name, Identities: identities}
}

func (c change) find(own person) (person, bool) {
	for _, entry := range c.contacts {
		if own.bsuid != "" && own.bsuid == entry.bsuid {
			return entry, true
		}
	}
	for _, entry := range c.contacts {
		if own.phone != "" && own.phone == entry.phone && !differ(own.bsuid, entry.bsuid) {
			return entry, true
		}
	}
	if len(c.contacts) == 1 && (own.nameless() || c.contacts[0].nameless()) {
		return c.contacts[0], true
	}
	return person{}, false
}

// nameless tells that nothing identifies the person.
func (p person) nameless() bool { return p.phone == "" && p.bsuid == "" }

func differ(a, b string) bool { return a != "" && b != "" && a != b }

// phoneOf is the phone number under key. Gateways that have read it as a number write it as one: 447700900123, or 447700900123.0. Any
// other number, without its sign or its point, would be somebody else's.
func phoneOf(o object, key string) string {
	written := o.Scalar(key)
	if len(o[key]) > 0 && !vendorjson.StartsWith(o[key], '"') {
		written = strings.TrimSuffix(written, ".0")
		if strings.Trim(written, "0123456789") != "" {
			return ""
		}
	}
	return phone(written)
}

// phone is a number as wa_id writes it, digits with country code; "" for what is no phone number. A value with letters is
// refused rather than stripped of them, because what is left would be somebody else's number.
func phone(s string) string {
	s = strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "").Replace(s)
	if len(s) > maxPhone || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}
