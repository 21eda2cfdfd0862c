package db

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// route finds the inbox that each item is meant for.
func (a *acceptance) route(ctx context.Context, q *dbsqlc.Queries) error {
	var numbers, accounts []string
	for _, s := range a.slots {
		numbers, accounts = append(numbers, s.item.Route.PhoneNumberID), append(accounts, s.item.Route.WABAID)
	}
	inboxes, err := a.findInboxes(ctx, q, distinct(numbers), distinct(accounts))
	if err != nil {
		return err
	}
	var refusal *handoff.Error
	routed := len(a.slots) == 0
	for _, s := range a.slots {
		inbox, refused := a.inboxFor(s.item, inboxes)
		if refused != nil {
			refusal = refused
			s.Kind, s.Reason = handoff.ItemIgnored, refused.Message
			continue
		}
		routed, s.inbox = true, inbox
		if s.item.Kind == handoff.ItemEvent {
			s.Outcome = OutcomeRecorded
		}
	}
	if !routed {
		return refusal
	}
	return nil
}

func (a *acceptance) findInboxes(ctx context.Context, q *dbsqlc.Queries, numbers, accounts []string) ([]dbsqlc.Inbox, error) {
	if err := q.ProtocolShare(ctx, a.receipt.AccountID.String()); err != nil {
		return nil, err
	}
	if len(numbers) == 0 && len(accounts) == 0 && a.receipt.InboxID != nil {
		inbox, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: a.receipt.AccountID, ID: *a.receipt.InboxID})
		return []dbsqlc.Inbox{inbox}, NotFound(err, "inbox")
	}
	return q.InboxListByRoute(ctx, dbsqlc.InboxListByRouteParams{
		AccountID: a.receipt.AccountID, PhoneNumberIds: numbers, WabaIds: accounts,
	})
}

func (a *acceptance) inboxFor(item *handoff.Item, inboxes []dbsqlc.Inbox) (*dbsqlc.Inbox, *handoff.Error) {
	r := item.Route
	if r.PhoneNumberID == "" {
		return a.inboxWithoutNumber(item, inboxes)
	}
	for i := range inboxes {
		inbox := &inboxes[i]
		if inbox.WABAID != r.WABAID || inbox.PhoneNumberID != r.PhoneNumberID {
			continue
		}
		if a.isOthers(inbox) {
			return nil, handoff.Errorf(handoff.CodeForbidden,
				"this key is bound to another inbox than the one with phone number id %q", r.PhoneNumberID)
		}
		return inbox, nil
	}
	for _, inbox := range inboxes {
		if inbox.PhoneNumberID == r.PhoneNumberID {
			return nil, handoff.Errorf(handoff.CodeInvalid, "the inbox with phone number id %q has another WhatsApp Business Account id "+
				"than %q: compare entry[].id with the inbox's waba_id", r.PhoneNumberID, r.WABAID)
		}
	}
	return nil, noInbox(r)
}

// inboxWithoutNumber is the inbox of an element that names none of the numbers of its business account, which may have several: the
// request's own, else the first for what concerns the whole account. Of what was said to one of the numbers nobody knows which it was.
func (a *acceptance) inboxWithoutNumber(item *handoff.Item, inboxes []dbsqlc.Inbox) (*dbsqlc.Inbox, *handoff.Error) {
	var found []*dbsqlc.Inbox
	for i := range inboxes {
		inbox := &inboxes[i]
		ours := a.receipt.InboxID != nil && !a.isOthers(inbox)
		if ours && (item.Route == handoff.Route{} || inbox.WABAID == item.Route.WABAID) {
			return inbox, nil
		}
		if inbox.WABAID == item.Route.WABAID {
			found = append(found, inbox)
		}
	}
	switch {
	case len(found) == 0:
		return nil, noInbox(item.Route)
	case a.isOthers(found[0]):
		return nil, handoff.Errorf(handoff.CodeForbidden,
			"this key is bound to an inbox of another WhatsApp Business Account than %q", item.Route.WABAID)
	case len(found) > 1 && item.Kind != handoff.ItemEvent && item.Kind != handoff.ItemIgnored:
		return nil, handoff.Errorf(handoff.CodeInvalid, "metadata.phone_number_id is missing, and %d inboxes are of the WhatsApp Business "+
			"Account %q: forward the bytes of Meta's webhook as they came", len(found), item.Route.WABAID)
	}
	return found[0], nil
}

// isOthers tells whether the request may not write to the inbox.
func (a *acceptance) isOthers(inbox *dbsqlc.Inbox) bool {
	return a.receipt.InboxID != nil && *a.receipt.InboxID != inbox.ID
}

func noInbox(r handoff.Route) *handoff.Error {
	return handoff.Errorf(handoff.CodeInvalid, "no inbox of this account has WhatsApp Business Account id %q and phone number id %q: "+
		"compare entry[].id and metadata.phone_number_id with the inbox's waba_id and phone_number_id", r.WABAID, r.PhoneNumberID)
}

type externalKey struct {
	inbox handoff.ID
	id    string
}

// findStatusMessages finds the messages that statuses are about. A status of an unknown message is parked.
func (a *acceptance) findStatusMessages(ctx context.Context, q *dbsqlc.Queries) error {
	var statuses []*slot
	params := dbsqlc.MessageLookupOutboundParams{
		AccountID: a.receipt.AccountID, InboxIds: []handoff.ID{}, ExternalIds: []string{}, Ids: []handoff.ID{}, CallbackData: []string{},
	}
	for _, s := range a.slots {
		if s.item.Kind != handoff.ItemStatus || s.inbox == nil {
			continue
		}
		statuses = append(statuses, s)
		params.InboxIds, params.ExternalIds = append(params.InboxIds, s.inbox.ID), append(params.ExternalIds, s.item.ExternalID)
		if id, ok := callbackID(s.item.Status.CallbackData); ok {
			params.Ids = append(params.Ids, id)
		}
		if s.item.Status.CallbackData != "" {
			params.CallbackData = append(params.CallbackData, s.item.Status.CallbackData)
		}
	}
	if len(statuses) == 0 {
		return nil
	}
	if err := a.lockExternalIDs(ctx, q, statuses); err != nil {
		return err
	}
	found, err := q.MessageLookupOutbound(ctx, params)
	if err != nil {
		return err
	}
	byExternal, byCallback := map[externalKey]*dbsqlc.MessageLookupOutboundRow{}, map[externalKey]*dbsqlc.MessageLookupOutboundRow{}
	for i := range found {
		m := &found[i]
		byCallback[externalKey{m.InboxID, orElse(m.CallbackData, m.ID.String())}] = m
		if m.ExternalID != nil {
			byExternal[externalKey{m.InboxID, *m.ExternalID}] = m
		}
	}
	for _, s := range statuses {
		m := byExternal[externalKey{s.inbox.ID, s.item.ExternalID}]
		if m == nil {
			m = byCallback[externalKey{s.inbox.ID, s.item.Status.CallbackData}]
		}
		if err := a.placeStatus(ctx, q, s, m); err != nil {
			return err
		}
	}
	return nil
}

// lockExternalIDs takes the locks in one order, so that two bodies cannot wait for each other.
func (a *acceptance) lockExternalIDs(ctx context.Context, q *dbsqlc.Queries, statuses []*slot) error {
	names := make([]string, 0, len(statuses))
	for _, s := range statuses {
		if s.item.ExternalID != "" {
			names = append(names, ExternalIDLockName(s.inbox.ID, s.item.ExternalID))
		}
	}
	for _, name := range distinct(names) {
		if err := q.ExternalIDLock(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// ExternalIDLockName names the lock under which a message learns its external id and a status looks for it.
func ExternalIDLockName(inbox handoff.ID, externalID string) string {
	return inbox.String() + " " + externalID
}

func (a *acceptance) placeStatus(ctx context.Context, q *dbsqlc.Queries, s *slot, m *dbsqlc.MessageLookupOutboundRow) error {
	if m != nil {
		s.MessageID, s.contact = &m.ID, m.ContactID
		if m.Status != nil && !m.Status.CanBecome(s.item.Status.Status) {
			s.Duplicate, s.Outcome, s.contact = true, OutcomeDuplicate, handoff.ID{}
		}
		return nil
	}
	if s.item.ExternalID == "" {
		s.Kind, s.Reason = handoff.ItemIgnored, "the status names no message of this inbox"
		return nil
	}
	failure, err := failureColumn(s.item.Status.Failure)
	if err != nil {
		return err
	}
	parked, err := q.ParkedStatusInsert(ctx, dbsqlc.ParkedStatusInsertParams{
		InboxID: s.inbox.ID, ExternalID: s.item.ExternalID, Status: string(s.item.Status.Status), OccurredAt: a.statusTime(s),
		Failure: failure, ParkedAt: a.receipt.At,
	})
	s.Outcome, s.Duplicate = OutcomeParked, parked == 0
	s.Reason = "the message is not known yet; the status is kept for 30 days"
	return err
}

func callbackID(data string) (handoff.ID, bool) {
	var id handoff.ID
	err := id.UnmarshalText([]byte(data))
	return id, err == nil
}

// lockWakes locks the contacts' rows in one order for everybody, before anything of theirs is written.
func (a *acceptance) lockWakes(ctx context.Context, q *dbsqlc.Queries) error {
	type key struct{ inbox, contact handoff.ID }
	locked := map[key]*wakeSlot{}
	for _, s := range a.slots {
		if s.inbox == nil || s.contact == (handoff.ID{}) {
			continue
		}
		k := key{s.inbox.ID, s.contact}
		if locked[k] == nil {
			locked[k] = &wakeSlot{Wake: dbsqlc.Wake{InboxID: k.inbox, ContactID: k.contact, AccountID: a.receipt.AccountID}}
			a.wakes = append(a.wakes, locked[k])
		}
		s.wake = locked[k]
	}
	slices.SortFunc(a.wakes, func(x, y *wakeSlot) int {
		if c := bytes.Compare(x.InboxID[:], y.InboxID[:]); c != 0 {
			return c
		}
		return bytes.Compare(x.ContactID[:], y.ContactID[:])
	})
	for _, w := range a.wakes {
		row, err := LockWake(ctx, q, w.AccountID, w.InboxID, w.ContactID)
		if err != nil {
			return err
		}
		if row.Erasing {
			return errErasing
		}
		w.Wake = row
	}
	return nil
}

// LockWake locks a contact's wake row and makes it first where there is none.
func LockWake(ctx context.Context, q *dbsqlc.Queries, account, inbox, contact handoff.ID) (dbsqlc.Wake, error) {
	key := dbsqlc.WakeLockParams{InboxID: inbox, ContactID: contact}
	row, err := q.WakeLock(ctx, key)
	if !errors.Is(err, pgx.ErrNoRows) {
		return row, err
	}
	if err := q.WakeInsert(ctx, dbsqlc.WakeInsertParams{InboxID: inbox, ContactID: contact, AccountID: account}); err != nil {
		return row, err
	}
	return q.WakeLock(ctx, key)
}

func (a *acceptance) numberStatuses(context.Context, *dbsqlc.Queries) error {
	for _, s := range a.slots {
		// The others are repeats, or parked.
		if s.item.Kind == handoff.ItemStatus && s.wake != nil && s.MessageID != nil && s.Outcome == OutcomeIgnored {
			s.accept(WakeItem{Kind: string(handoff.ItemStatus), ID: *s.MessageID})
		}
	}
	return nil
}

// distinct gives the values sorted, each once and none empty.
func distinct(values []string) []string {
	out := slices.Clone(values)
	slices.SortFunc(out, strings.Compare)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}
