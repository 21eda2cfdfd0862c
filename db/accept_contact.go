package db

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"handoff"
	"handoff/db/dbsqlc"
)

// wantsContact tells whether an item's contact is found, or made where nobody is known by what the item says. Where the bytes go on,
// every item has one, because a delivery stands in a contact's lane.
func (a *acceptance) wantsContact(s *slot) bool {
	switch s.item.Kind {
	case handoff.ItemMessage, handoff.ItemOffload, handoff.ItemEnd:
		return true
	default:
		return len(a.raw) > 0
	}
}

// describedSlots are the items that have an inbox and say whom they are from or about.
func (a *acceptance) describedSlots() []*slot {
	var slots []*slot
	for _, s := range a.slots {
		if s.inbox != nil && s.item.Contact != nil && len(s.item.Contact.Identities) > 0 && a.wantsContact(s) {
			slots = append(slots, s)
		}
	}
	return slots
}

// findContacts gives each item its contact. The items count one after the other, as if each had come alone, by the rules of
// contactBook.
func (a *acceptance) findContacts(ctx context.Context, q *dbsqlc.Queries) error {
	slots := slices.DeleteFunc(a.describedSlots(), func(s *slot) bool { return s.contact != (handoff.ID{}) })
	if len(slots) == 0 {
		return nil
	}
	a.book = newContactBook(a.receipt.AccountID)
	described := make([]description, len(slots))
	for i, s := range slots {
		described[i] = describe(s.item.Contact)
	}
	if err := a.book.look(ctx, q, described); err != nil {
		return err
	}
	if err := a.book.lockNew(ctx, q, described); err != nil {
		return err
	}
	for i, s := range slots {
		id, err := a.book.resolve(ctx, q, described[i])
		if err != nil {
			return err
		}
		s.contact = id
		if reason := a.book.conflict(described[i], id); reason != "" && s.Reason == "" {
			s.Reason = reason
		}
	}
	return nil
}

// settled is what becomes of an identity that was known: whose it is, and how it is written.
type settled struct {
	move    *dbsqlc.ContactIdentityMoveParams
	rewrite *dbsqlc.ContactIdentityRewriteParams
}

// settleIdentities gives usernames and numbers that have changed hands to whom they belong by now, and makes the identity that a
// contact writes with its newest, which is where answers go, in the form in which WhatsApp writes it, by which gateways know the
// contact. A repeated item says nothing of now.
func (a *acceptance) settleIdentities(ctx context.Context, q *dbsqlc.Queries) error {
	all := map[handoff.Identity]settled{}
	for _, s := range a.describedSlots() {
		if s.Duplicate || s.contact == (handoff.ID{}) {
			continue
		}
		d := describe(s.item.Contact)
		for _, identity := range d.current {
			if stored, known, ok := a.book.owner(identity); ok {
				all[stored] = a.book.settle(all[stored], s, d, identity, stored, known)
			}
		}
	}
	for _, identity := range slices.SortedFunc(maps.Keys(all), compareIdentities) {
		if move := all[identity].move; move != nil {
			if err := q.ContactIdentityMove(ctx, *move); err != nil {
				return err
			}
		}
		if rewrite := all[identity].rewrite; rewrite != nil {
			if err := q.ContactIdentityRewrite(ctx, *rewrite); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle adds what one item says of an identity to what the items before it said.
func (b *contactBook) settle(so settled, s *slot, d description, identity, stored handoff.Identity, known knownIdentity) settled {
	mine := known.contact == s.contact
	if b.changesHands(d, stored, known, s.contact) || (known.older && mine && saysNow(s)) {
		mine = true
		so.move = &dbsqlc.ContactIdentityMoveParams{
			AccountID: b.account, Kind: stored.Kind, Value: stored.Value, ContactID: s.contact, FormerContactID: known.contact,
		}
	}
	// Only Meta's own bodies have a route. What other gateways write is what somebody has typed.
	if !mine || !saysNow(s) || s.item.Route == (handoff.Route{}) {
		return so
	}
	so.rewrite = nil
	if identity != stored {
		so.rewrite = &dbsqlc.ContactIdentityRewriteParams{
			AccountID: b.account, Kind: stored.Kind, Value: stored.Value, ContactID: s.contact, NewValue: identity.Value,
		}
	}
	return so
}

// saysNow tells that the item was written by the contact, with the identities that it names.
func saysNow(s *slot) bool {
	return s.item.Message != nil && s.item.Message.Direction == handoff.Inbound
}

// setNames writes down what contacts call themselves by now, and which identities are theirs by now.
func (a *acceptance) setNames(ctx context.Context, q *dbsqlc.Queries) error {
	if a.book == nil {
		return nil
	}
	if err := a.settleIdentities(ctx, q); err != nil {
		return err
	}
	names := map[handoff.ID]string{}
	for _, s := range a.describedSlots() {
		if !s.Duplicate && s.contact != (handoff.ID{}) && s.item.Contact.Name != "" {
			names[s.contact] = s.item.Contact.Name
		}
	}
	ids := slices.SortedFunc(maps.Keys(names), func(x, y handoff.ID) int { return bytes.Compare(x[:], y[:]) })
	for _, id := range ids {
		if names[id] == a.book.names[id] {
			continue
		}
		err := q.ContactSetName(ctx, dbsqlc.ContactSetNameParams{AccountID: a.receipt.AccountID, ID: id, Name: names[id]})
		if err != nil {
			return err
		}
	}
	return nil
}

func failureColumn(f *handoff.Failure) (json.RawMessage, error) {
	if f == nil {
		return nil, nil
	}
	return json.Marshal(f)
}
