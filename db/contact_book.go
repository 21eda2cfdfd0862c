package db

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"handoff"
	"handoff/db/dbsqlc"
)

// contactBook finds and makes the contacts of one body. It knows whom an item is from or about by these rules:
//
//   - The strongest known identity decides: a BSUID, then a session, then a phone number. The other identities that the item has
//     become that contact's too, so a new number beside a known BSUID makes no second contact.
//   - Two contacts are never merged. An identity that another contact has stays there; the item's reason says so.
//   - A phone number is known in each of its forms (handoff.PhoneVariants) and kept in the form in which WhatsApp wrote it last; before
//     the contact has written by WhatsApp, in the form that came first.
//   - Of several identities of one kind the first is the present one. The others were the contact's before, as in a notice of a
//     changed number or user id: they find the contact, and are kept only if they were known.
//   - A number that the contact has given up goes on finding it, because messages that were sent before arrive late. Numbers are
//     given out again: if a BSUID that nobody has comes with the old number of a contact that has a newer number and a BSUID of
//     its own, it is somebody else, whose number it is from then on. Without BSUIDs the two cannot be told apart.
//   - A username passes from one person to another. It finds a contact where nothing stronger is said, or where the contact is
//     known by nothing but usernames, who is then the same person. In any other case it goes to the contact that the stronger
//     identity names.
//
// Everybody takes locks in one order, or two bodies with the same contacts would wait for each other: the identities of contacts
// that are new or gain an identity by the key of their lock, then the contacts' flags, then the identities that change hands by
// kind and value, then the contacts whose name has changed by id.
type contactBook struct {
	account handoff.ID
	known   map[handoff.Identity]knownIdentity
	names   map[handoff.ID]string
	// onlyUsername holds the contacts that have nothing but usernames.
	onlyUsername map[handoff.ID]bool
}

type knownIdentity struct {
	contact  handoff.ID
	older    bool // the contact has a newer one of the kind
	hasBSUID bool // the contact has one
}

func newContactBook(account handoff.ID) *contactBook {
	return &contactBook{
		account: account, known: map[handoff.Identity]knownIdentity{}, names: map[handoff.ID]string{}, onlyUsername: map[handoff.ID]bool{},
	}
}

// description is what an item says of its contact, each list with the strongest first.
type description struct {
	name string
	// current are the identities that the contact has by now, one of each kind.
	current []handoff.Identity
	// all are these and the former ones.
	all []handoff.Identity
}

func describe(c *handoff.ItemContact) description {
	d := description{name: c.Name, all: slices.Clone(c.Identities)}
	kinds := map[handoff.IdentityKind]bool{}
	for _, identity := range c.Identities {
		if !kinds[identity.Kind] {
			kinds[identity.Kind] = true
			d.current = append(d.current, identity)
		}
	}
	byRank := func(x, y handoff.Identity) int { return cmp.Compare(identityRank[x.Kind], identityRank[y.Kind]) }
	slices.SortStableFunc(d.current, byRank)
	slices.SortStableFunc(d.all, byRank)
	return d
}

// identityRank orders the kinds, strongest first. A session is an id that the gateway gives, so it is as certain as a BSUID;
// a number may be typed by anybody.
var identityRank = map[handoff.IdentityKind]int{
	handoff.IdentityBSUID: 1, handoff.IdentitySession: 2, handoff.IdentityPhone: 3, handoff.IdentityUsername: 4,
}

// begins tells whether the strongest identity of the description is of this kind.
func (d description) begins(kind handoff.IdentityKind) bool { return d.current[0].Kind == kind }

// forms are the ways in which an identity may be stored, the one given first.
func forms(identity handoff.Identity) []handoff.Identity {
	if identity.Kind != handoff.IdentityPhone {
		return []handoff.Identity{identity}
	}
	var out []handoff.Identity
	for _, number := range handoff.PhoneVariants(identity.Value) {
		out = append(out, handoff.Identity{Kind: handoff.IdentityPhone, Value: number})
	}
	return out
}

func (b *contactBook) look(ctx context.Context, q *dbsqlc.Queries, described []description) error {
	params := dbsqlc.ContactIdentityLookupParams{AccountID: b.account}
	for _, d := range described {
		for _, identity := range d.all {
			for _, form := range forms(identity) {
				params.Kinds, params.IdentityValues = append(params.Kinds, string(form.Kind)), append(params.IdentityValues, form.Value)
			}
		}
	}
	rows, err := q.ContactIdentityLookup(ctx, params)
	for _, row := range rows {
		b.known[handoff.Identity{Kind: row.Kind, Value: row.Value}] = knownIdentity{row.ContactID, row.Older, row.HasBsuid}
		b.names[row.ContactID] = row.Name
		if row.Kind == handoff.IdentityUsername {
			b.onlyUsername[row.ContactID] = row.OnlyUsername
		}
	}
	return err
}

// owner gives the form in which an identity is stored and whose it is.
func (b *contactBook) owner(identity handoff.Identity) (stored handoff.Identity, known knownIdentity, ok bool) {
	for _, form := range forms(identity) {
		if known, ok = b.known[form]; ok {
			return form, known, true
		}
	}
	return identity, knownIdentity{}, false
}

// find gives the contact that the strongest known identity names.
func (b *contactBook) find(d description) (handoff.ID, bool) {
	for _, identity := range d.all {
		stored, known, ok := b.owner(identity)
		if ok && !b.passedOn(d, stored, known) {
			return known.contact, true
		}
	}
	return handoff.ID{}, false
}

// passedOn tells whether an identity, of which nothing stronger in the description is known, has come to somebody new.
func (b *contactBook) passedOn(d description, stored handoff.Identity, known knownIdentity) bool {
	switch stored.Kind {
	case handoff.IdentityPhone:
		return d.begins(handoff.IdentityBSUID) && known.older && known.hasBSUID
	case handoff.IdentityUsername:
		return !d.begins(handoff.IdentityUsername) && !b.onlyUsername[known.contact]
	default:
		return false
	}
}

// changesHands tells whether a current identity of the description, which another contact has, is contact's by now.
func (b *contactBook) changesHands(d description, stored handoff.Identity, known knownIdentity, contact handoff.ID) bool {
	if known.contact == contact {
		return false
	}
	return stored.Kind == handoff.IdentityUsername || b.passedOn(d, stored, known)
}

// conflict says in words, without the values, which identities of the description stay with another contact.
func (b *contactBook) conflict(d description, contact handoff.ID) string {
	var kinds []string
	for _, identity := range d.current {
		stored, known, ok := b.owner(identity)
		if ok && known.contact != contact && !b.changesHands(d, stored, known, contact) {
			kinds = append(kinds, string(identity.Kind))
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	return "another contact has the same " + strings.Join(kinds, " and ") + "; it stays there, because contacts are never merged"
}

// incomplete tells whether the description has an identity that nobody is known by.
func (b *contactBook) incomplete(d description) bool {
	return slices.ContainsFunc(d.current, func(identity handoff.Identity) bool {
		_, _, ok := b.owner(identity)
		return !ok
	})
}

// lockNew keeps other bodies from introducing the same people at once, and looks again at what these may have made since.
func (b *contactBook) lockNew(ctx context.Context, q *dbsqlc.Queries, described []description) error {
	var news []description
	var keys []int64
	for _, d := range described {
		if !b.incomplete(d) {
			continue
		}
		news = append(news, d)
		for _, identity := range d.all {
			keys = append(keys, b.lockKey(identity))
		}
	}
	if len(news) == 0 {
		return nil
	}
	slices.Sort(keys)
	if err := q.ContactIdentityLock(ctx, slices.Compact(keys)); err != nil {
		return err
	}
	return b.look(ctx, q, news)
}

// lockBuckets bounds the locks of one transaction: PostgreSQL has room for a few thousand in all, and one body may introduce
// as many contacts.
const lockBuckets = 512

// lockKey is the key of the lock for all forms of an identity.
func (b *contactBook) lockKey(identity handoff.Identity) int64 {
	account, bucket := fnv.New64a(), fnv.New64a()
	_, _ = account.Write(b.account[:])
	_, _ = bucket.Write([]byte(slices.MinFunc(forms(identity), compareIdentities).Value))
	return int64(account.Sum64() - account.Sum64()%lockBuckets + bucket.Sum64()%lockBuckets) //nolint:gosec // any 64 bits do
}

func compareIdentities(x, y handoff.Identity) int {
	if c := cmp.Compare(identityRank[x.Kind], identityRank[y.Kind]); c != 0 {
		return c
	}
	return strings.Compare(x.Value, y.Value)
}

// resolve gives the contact of a description and teaches it the identities that nobody is known by. Their locks are held.
func (b *contactBook) resolve(ctx context.Context, q *dbsqlc.Queries, d description) (handoff.ID, error) {
	id, found := b.find(d)
	if !found {
		id = handoff.NewID()
		if err := q.ContactInsert(ctx, dbsqlc.ContactInsertParams{ID: id, AccountID: b.account, Name: d.name}); err != nil {
			return id, err
		}
		b.names[id], b.onlyUsername[id] = d.name, true
	}
	for _, identity := range d.current {
		if _, _, known := b.owner(identity); known {
			continue
		}
		err := q.ContactIdentityInsert(ctx, dbsqlc.ContactIdentityInsertParams{
			AccountID: b.account, Kind: identity.Kind, Value: identity.Value, ContactID: id,
		})
		if err != nil {
			return id, fmt.Errorf("add a %s to contact %s: %w", identity.Kind, id, err)
		}
		b.known[identity] = knownIdentity{contact: id}
		if identity.Kind != handoff.IdentityUsername {
			b.onlyUsername[id] = false
		}
	}
	return id, nil
}
