package db

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"handoff"
	"handoff/db/dbsqlc"
)

// contactBook finds and makes the contacts of one body.
//
// Everybody takes locks in one order, or two bodies with the same contacts would wait for each other: new identities by kind and
// value, then the contacts' flags, then the contacts whose name has changed by id.
type contactBook struct {
	account handoff.ID
	known   map[handoff.Identity]handoff.ID
	names   map[handoff.ID]string
}

// findContacts gives each message its contact: the one that a stronger identity names first (a BSUID before a phone number), or
// a new one. Identities that another contact has stay there: two contacts are never merged by a message.
func (a *acceptance) findContacts(ctx context.Context, q *dbsqlc.Queries) error {
	var slots []*slot
	var identities []handoff.Identity
	for _, s := range a.slots {
		if s.item.Kind != handoff.ItemMessage || s.inbox == nil || s.item.Contact == nil || len(s.item.Contact.Identities) == 0 {
			continue
		}
		slots = append(slots, s)
		identities = append(identities, s.item.Contact.Identities...)
	}
	if len(slots) == 0 {
		return nil
	}
	book := &contactBook{account: a.receipt.AccountID, known: map[handoff.Identity]handoff.ID{}, names: map[handoff.ID]string{}}
	a.book = book
	if err := book.look(ctx, q, identities...); err != nil {
		return err
	}
	if err := book.addIdentities(ctx, q, slots); err != nil {
		return err
	}
	for _, s := range slots {
		var found bool
		if s.contact, found = book.find(s.item.Contact); !found {
			return fmt.Errorf("the contact of %s was neither found nor made", s.item.Location)
		}
	}
	return nil
}

func (b *contactBook) look(ctx context.Context, q *dbsqlc.Queries, identities ...handoff.Identity) error {
	params := dbsqlc.ContactIdentityLookupParams{AccountID: b.account}
	for _, identity := range identities {
		params.Kinds, params.IdentityValues = append(params.Kinds, string(identity.Kind)), append(params.IdentityValues, identity.Value)
	}
	rows, err := q.ContactIdentityLookup(ctx, params)
	for _, row := range rows {
		b.known[handoff.Identity{Kind: row.Kind, Value: row.Value}] = row.ContactID
		b.names[row.ContactID] = row.Name
	}
	return err
}

// find gives the contact that the strongest known identity names.
func (b *contactBook) find(c *handoff.ItemContact) (handoff.ID, bool) {
	for _, identity := range c.Identities {
		// A username can pass to somebody else, so it finds a contact only where nothing better is known.
		if identity.Kind == handoff.IdentityUsername && len(c.Identities) > 1 {
			continue
		}
		if id, ok := b.known[identity]; ok {
			return id, true
		}
	}
	return handoff.ID{}, false
}

// newIdentity is an identity that nobody is known by, and whom the body describes with it.
type newIdentity struct {
	handoff.Identity
	contact *handoff.ItemContact
}

// addIdentities writes the identities that are not known. The stronger kinds come first, so that a contact exists by its strongest
// one before a weaker one asks whose it is.
func (b *contactBook) addIdentities(ctx context.Context, q *dbsqlc.Queries, slots []*slot) error {
	var added []newIdentity
	for _, s := range slots {
		for _, identity := range s.item.Contact.Identities {
			if _, known := b.known[identity]; !known {
				added = append(added, newIdentity{identity, s.item.Contact})
			}
		}
	}
	slices.SortStableFunc(added, func(x, y newIdentity) int {
		if c := cmp.Compare(identityRank[x.Kind], identityRank[y.Kind]); c != 0 {
			return c
		}
		return strings.Compare(x.Value, y.Value)
	})
	for _, n := range added {
		if _, known := b.known[n.Identity]; known {
			continue // the body describes the same person twice
		}
		if err := b.add(ctx, q, n); err != nil {
			return err
		}
	}
	return nil
}

var identityRank = map[handoff.IdentityKind]int{
	handoff.IdentityBSUID: 1, handoff.IdentityPhone: 2, handoff.IdentityUsername: 3, handoff.IdentitySession: 4,
}

func (b *contactBook) add(ctx context.Context, q *dbsqlc.Queries, n newIdentity) error {
	id, found := b.find(n.contact)
	if !found {
		id = handoff.NewID()
		if err := q.ContactInsert(ctx, dbsqlc.ContactInsertParams{ID: id, AccountID: b.account, Name: n.contact.Name}); err != nil {
			return err
		}
	}
	made, err := q.ContactIdentityInsert(ctx, dbsqlc.ContactIdentityInsertParams{
		AccountID: b.account, Kind: n.Kind, Value: n.Value, ContactID: id,
	})
	if err != nil {
		return err
	}
	if made == 1 {
		b.known[n.Identity] = id
		if !found {
			b.names[id] = n.contact.Name
		}
		return nil
	}
	// Somebody else made this contact while we looked.
	if !found {
		if err := q.ContactDelete(ctx, id); err != nil {
			return err
		}
	}
	return b.look(ctx, q, n.Identity)
}

// setNames writes down what contacts call themselves by now. A repeated message says nothing of now.
func (a *acceptance) setNames(ctx context.Context, q *dbsqlc.Queries) error {
	b, names := a.book, map[handoff.ID]string{}
	for _, s := range a.slots {
		if s.item.Kind == handoff.ItemMessage && s.wake != nil && !s.Duplicate && s.item.Contact.Name != "" {
			names[s.contact] = s.item.Contact.Name
		}
	}
	ids := slices.SortedFunc(maps.Keys(names), func(x, y handoff.ID) int { return bytes.Compare(x[:], y[:]) })
	for _, id := range ids {
		if names[id] == b.names[id] {
			continue
		}
		if err := q.ContactSetName(ctx, dbsqlc.ContactSetNameParams{AccountID: b.account, ID: id, Name: names[id]}); err != nil {
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
