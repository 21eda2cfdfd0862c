package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

const auditCursor = "audit-log"

// AuditEntry is one entry of the audit log.
type AuditEntry struct {
	ID         handoff.ID      `json:"id" format:"uuid"`
	At         time.Time       `json:"at"`
	Actor      AuditActor      `json:"actor"`
	Action     string          `json:"action" doc:"The operation's id in this reference, or the command as an operator typed it." example:"update-inbox"`
	TargetType string          `json:"target_type,omitempty" example:"inbox"`
	TargetID   *handoff.ID     `json:"target_id,omitempty" format:"uuid"`
	Detail     json.RawMessage `json:"detail" doc:"Such as the names of the fields that were given, under fields; never what secrets and people say."`
	RequestID  string          `json:"request_id,omitempty"`
}

// AuditActor is who did it.
type AuditActor struct {
	Type string      `json:"type" enum:"key,agent,operator,system"`
	ID   *handoff.ID `json:"id,omitempty" format:"uuid" doc:"Of the key or the agent."`
	Name string      `json:"name,omitempty" doc:"Of the key or the agent then, or what an operator is called on the machine."`
}

type listAuditInput struct {
	Page
	ActorID    handoff.ID `query:"actor_id" format:"uuid"`
	ActorType  string     `query:"actor_type" enum:"key,agent,operator,system"`
	Action     string     `query:"action" maxLength:"200"`
	TargetID   handoff.ID `query:"target_id" format:"uuid"`
	TargetType string     `query:"target_type" maxLength:"200"`
	Since      time.Time  `query:"since" doc:"From then on."`
	Until      time.Time  `query:"until" doc:"Before then."`
}

func (s *server) auditRoutes() {
	handle(s, operation{
		id: "list-audit-log", method: http.MethodGet, path: "/v1/audit-log", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "List what admins have done", description: "The newest first: what was changed with admins' keys and by operators' commands, and " +
			"what was exported. An entry is written with the change itself.",
	}, s.listAudit)
}

func (s *server) listAudit(ctx context.Context, in *listAuditInput) (*listOutput[AuditEntry], error) {
	last := handoff.ID{}
	for i := range last {
		last[i] = 0xff
	}
	before, err := decodeCursor(auditCursor, in.Cursor, last)
	if err != nil {
		return nil, err
	}
	var rows []dbsqlc.AuditEntry
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = q.AuditList(ctx, dbsqlc.AuditListParams{
			AccountID: keyOf(ctx).AccountID, BeforeID: before, ActorID: given(in.ActorID), ActorType: optional(in.ActorType),
			Action: optional(in.Action), TargetID: given(in.TargetID), TargetType: optional(in.TargetType), Since: moment(in.Since),
			Until: moment(in.Until), RowLimit: in.Limit + 1,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.AuditEntry) string { return encodeCursor(auditCursor, row.ID) })
	items := make([]AuditEntry, 0, len(rows))
	for _, row := range rows {
		items = append(items, AuditEntry{
			ID: row.ID, At: row.At.UTC(), Actor: AuditActor{Type: row.ActorType, ID: row.ActorID, Name: row.ActorName}, Action: row.Action,
			TargetType: row.TargetType, TargetID: row.TargetID, Detail: row.Detail, RequestID: row.RequestID,
		})
	}
	return &listOutput[AuditEntry]{list[AuditEntry]{items, next}}, nil
}

type auditKey struct{}

// auditOf is nil where nothing is to be written down.
func auditOf(ctx context.Context) *admin.Audit {
	audit, _ := ctx.Value(auditKey{}).(*admin.Audit)
	return audit
}

// target is what a request is about.
type target struct {
	kind string
	id   *handoff.ID
}

// kinds are the things that routes are about, by the first part of their path.
var kinds = map[string]string{
	"agents": "agent", "api-keys": "api_key", "conversations": "conversation", "deliveries": "delivery", "endpoints": "endpoint",
	"inboxes": "inbox", "sign-in": "sign_in", "teams": "team", "contacts": "contact", "quick-replies": "quick_reply", "views": "view",
}

func targetOf(path string, in any) target {
	t := target{kind: kinds[strings.Split(path, "/")[2]]}
	if about, ok := in.(interface{ target() *handoff.ID }); ok {
		id := *about.target()
		t.id = &id
	}
	return t
}

// madeThing says which thing a request has made.
func madeThing(ctx context.Context, id handoff.ID) {
	if audit := auditOf(ctx); audit != nil {
		audit.Entry.TargetID = &id
	}
}

// beginAudit has what the request changes written down together with the change.
func (s *server) beginAudit(ctx context.Context, action string, t target) context.Context {
	return context.WithValue(ctx, auditKey{}, &admin.Audit{Entry: s.auditEntry(ctx, action, t, map[string]any{"fields": fieldsOf(bodyOf(ctx))})})
}

// endAudit writes the entry of what has changed nothing in the database by itself, such as a command for a workflow.
func (s *server) endAudit(ctx context.Context) error {
	audit := auditOf(ctx)
	if audit.Written() {
		return nil
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	database := s.DB
	if tx, ok := ctx.Value(txKey{}).(db.DB); ok {
		database = tx
	}
	return audit.Write(ctx, database)
}

func (s *server) auditEntry(ctx context.Context, action string, t target, detail map[string]any) dbsqlc.AuditInsertParams {
	k := keyOf(ctx)
	// Texts and lists of texts always encode.
	encoded, _ := json.Marshal(detail)
	entry := dbsqlc.AuditInsertParams{
		ID: handoff.NewID(), AccountID: k.AccountID, At: s.Now(), ActorType: "key", ActorID: &k.ID, ActorName: k.Name, Action: action,
		TargetType: t.kind, TargetID: t.id, Detail: encoded, RequestID: requestIDOf(ctx),
	}
	if k.Agent != nil {
		entry.ActorType, entry.ActorID, entry.ActorName = "agent", &k.Agent.ID, k.Agent.Name
	}
	return entry
}

// fieldsOf are the names of a body's fields. Its handler has refused those that it does not know.
func fieldsOf(body []byte) []string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return []string{}
	}
	return slices.Sorted(maps.Keys(fields))
}

// auditExport writes down who takes conversations out, and which.
func (s *server) auditExport(ctx context.Context, query url.Values) error {
	filters := map[string]string{}
	for name := range query {
		if name != "cursor" {
			filters[name] = query.Get(name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	entry := s.auditEntry(ctx, "export-conversations", target{kind: "conversation"}, map[string]any{"filters": filters})
	return s.queries(ctx).AuditInsert(ctx, entry)
}
