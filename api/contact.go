package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// ContactProfile is a contact with what agents know of them.
type ContactProfile struct {
	ID          handoff.ID `json:"id" format:"uuid"`
	Name        string     `json:"name,omitempty"`
	NameByAgent bool       `json:"name_by_agent" doc:"An agent chose the name: what the contact calls itself does not replace it."`
	Identities  []Identity `json:"identities" doc:"The newest first."`
	Attributes  attributes `json:"attributes"`
	CreatedAt   time.Time  `json:"created_at"`
}

type listContactsInput struct {
	Page
	Q string `query:"q" maxLength:"100" doc:"A part of the name, a phone number or another identity."`
}

type updateContactInput struct {
	ByID
	Body struct {
		Name       *string         `json:"name,omitempty" maxLength:"200" doc:"Empty gives the contact the name back by which it calls itself, with its next message."`
		Attributes attributeChange `json:"attributes,omitempty"`
		AgentID    *handoff.ID     `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
	}
}

type listOfContactInput struct {
	ByID
	Page
}

func (s *server) contactRoutes() {
	handle(s, operation{
		id: "list-contacts", method: http.MethodGet, path: "/v1/contacts", tag: contactTag, scope: handoff.ScopeAgent,
		summary: "List contacts", description: "The newest first.",
	}, s.listContacts)
	handle(s, operation{
		id: "get-contact", method: http.MethodGet, path: "/v1/contacts/{id}", tag: contactTag, scope: handoff.ScopeAgent,
		summary: "Get a contact", errors: []int{http.StatusNotFound},
	}, s.getContact)
	handle(s, operation{
		id: "update-contact", method: http.MethodPatch, path: "/v1/contacts/{id}", tag: contactTag, scope: handoff.ScopeAgent,
		summary: "Change a contact", description: "What is left out stays as it is.", errors: []int{http.StatusNotFound},
	}, s.updateContact)
	handle(s, operation{
		id: "list-contact-conversations", method: http.MethodGet, path: "/v1/contacts/{id}/conversations", tag: contactTag, scope: handoff.ScopeAgent,
		summary: "List a contact's conversations", description: "The newest first.", errors: []int{http.StatusNotFound},
	}, s.listContactConversations)
}

func (s *server) listContacts(ctx context.Context, in *listContactsInput) (*listOutput[ContactProfile], error) {
	before, err := decodeCursor("contacts", in.Cursor, lastID)
	if err != nil {
		return nil, err
	}
	params := dbsqlc.ContactSearchParams{AccountID: keyOf(ctx).AccountID, BeforeID: before, RowLimit: in.Limit + 1}
	params.Q = containing(in.Q)
	var rows []dbsqlc.Contact
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = q.ContactSearch(ctx, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.Contact) string { return encodeCursor("contacts", row.ID) })
	items, err := s.contactViews(ctx, rows)
	return &listOutput[ContactProfile]{list[ContactProfile]{items, next}}, err
}

func (s *server) getContact(ctx context.Context, in *ByID) (*output[ContactProfile], error) {
	row, err := s.findContact(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.contactOutput(ctx, row)
}

func (s *server) findContact(ctx context.Context, id handoff.ID) (dbsqlc.Contact, error) {
	row, err := s.queries(ctx).ContactGet(ctx, dbsqlc.ContactGetParams{AccountID: keyOf(ctx).AccountID, ID: id})
	return row, db.NotFound(err, "contact")
}

func (s *server) updateContact(ctx context.Context, in *updateContactInput) (*output[ContactProfile], error) {
	actor, err := s.actor(ctx, in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	var row dbsqlc.Contact
	err = db.InTx(ctx, s.db(ctx), func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err = q.ContactLock(ctx, dbsqlc.ContactLockParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
		if err != nil {
			return db.NotFound(err, "contact")
		}
		fields, err := in.apply(&row)
		if err != nil || len(fields) == 0 {
			return err
		}
		err = q.ContactUpdate(ctx, dbsqlc.ContactUpdateParams{
			AccountID: row.AccountID, ID: row.ID, Name: row.Name, Named: row.Named, Attributes: row.Attributes,
		})
		if err != nil {
			return err
		}
		return s.tellContactUpdated(ctx, q, row, fields, actor)
	})
	if err != nil {
		return nil, err
	}
	return s.contactOutput(ctx, row)
}

// apply changes the row and gives the names of the fields that differ now.
func (in *updateContactInput) apply(row *dbsqlc.Contact) ([]string, error) {
	var fields []string
	if in.Body.Name != nil {
		name := strings.TrimSpace(*in.Body.Name)
		if strings.ContainsFunc(name, unicode.IsControl) {
			return nil, fieldError("body.name", "a name has no control characters")
		}
		if name != "" && (name != row.Name || !row.Named) || name == "" && row.Named {
			fields = append(fields, "name")
			row.Name, row.Named = name, name != ""
		}
	}
	was, err := readAttributes(row.Attributes)
	if err != nil {
		return nil, err
	}
	is, err := was.with(in.Body.Attributes)
	if err != nil {
		return nil, err
	}
	if !maps.Equal(was, is) {
		fields = append(fields, "attributes")
	}
	row.Attributes, err = json.Marshal(is)
	return fields, err
}

// tellContactUpdated belongs to no conversation, and says which fields and not what they hold: a name is the contact's own.
func (s *server) tellContactUpdated(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Contact, fields []string, actor handoff.Actor) error {
	data, err := json.Marshal(map[string]any{"contact_id": row.ID, "fields": fields})
	if err != nil {
		return err
	}
	return db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{{
		ID: handoff.NewID(), AccountID: row.AccountID, Type: handoff.EventContactUpdated, ActorType: actor.AuthorType(), ActorID: actor.AgentID(),
		Data: data, OccurredAt: s.Now(),
	}}))
}

func (s *server) listContactConversations(ctx context.Context, in *listOfContactInput) (*listOutput[Conversation], error) {
	contact, err := s.findContact(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	before, err := decodeCursor("contact-conversations", in.Cursor, lastID)
	if err != nil {
		return nil, err
	}
	found, err := s.queries(ctx).ConversationListByContact(ctx, dbsqlc.ConversationListByContactParams{
		AccountID: contact.AccountID, ContactID: contact.ID, BeforeID: before, RowLimit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := cut(found, in.Limit, func(row dbsqlc.ConversationListByContactRow) string {
		return encodeCursor("contact-conversations", row.Conversation.ID)
	})
	items, err := s.contactConversationViews(ctx, contact.AccountID, found)
	return &listOutput[Conversation]{list[Conversation]{items, next}}, err
}

func (s *server) contactConversationViews(ctx context.Context, account handoff.ID, found []dbsqlc.ConversationListByContactRow) ([]Conversation, error) {
	rows := make([]dbsqlc.ConversationDetailRow, 0, len(found))
	for _, row := range found {
		rows = append(rows, dbsqlc.ConversationDetailRow(row))
	}
	return s.conversationViews(ctx, account, rows)
}

func (s *server) contactOutput(ctx context.Context, row dbsqlc.Contact) (*output[ContactProfile], error) {
	views, err := s.contactViews(ctx, []dbsqlc.Contact{row})
	if err != nil {
		return nil, err
	}
	return &output[ContactProfile]{views[0]}, nil
}

func (s *server) contactViews(ctx context.Context, rows []dbsqlc.Contact) ([]ContactProfile, error) {
	views, ids := make([]ContactProfile, 0, len(rows)), make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		view := ContactProfile{
			ID: row.ID, Name: row.Name, NameByAgent: row.Named, Identities: []Identity{}, CreatedAt: row.CreatedAt.UTC(),
		}
		var err error
		if view.Attributes, err = readAttributes(row.Attributes); err != nil {
			return nil, err
		}
		views, ids = append(views, view), append(ids, row.ID)
	}
	if len(rows) == 0 {
		return views, nil
	}
	identities, err := s.queries(ctx).ContactIdentityList(ctx, dbsqlc.ContactIdentityListParams{AccountID: rows[0].AccountID, ContactIds: ids})
	for _, identity := range identities {
		i := slices.Index(ids, identity.ContactID)
		views[i].Identities = append(views[i].Identities, Identity{identity.Kind, identity.Value})
	}
	return views, err
}
