package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// Mention is a note that names an agent.
type Mention struct {
	Note   Note       `json:"note"`
	ReadAt *time.Time `json:"read_at,omitempty" doc:"Absent until the agent has read it."`
}

type listMentionsInput struct {
	Page
	Unread  bool       `query:"unread" doc:"Those only that have not been read."`
	AgentID handoff.ID `query:"agent_id" format:"uuid" doc:"Whose, with an admin's key. An agent's key reads its agent's."`
}

type readMentionsBody struct {
	NoteIDs []handoff.ID `json:"note_ids,omitempty" format:"uuid" maxItems:"1000" doc:"Which ones; all unless given."`
	AgentID *handoff.ID  `json:"agent_id,omitempty" format:"uuid" doc:"Whose, with an admin's key. An agent's key marks its agent's."`
}

type readMentionsInput struct {
	Idempotent
	Body *readMentionsBody `required:"false"`
}

type readMentionsAnswer struct {
	Read int64 `json:"read" doc:"How many were unread until now."`
}

func (s *server) mentionRoutes() {
	handle(s, operation{
		id: "list-mentions", method: http.MethodGet, path: "/v1/mentions", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List the notes that name the agent", description: "The newest first, of ended conversations too.",
	}, s.listMentions)
	handle(s, operation{
		id: "read-mentions", method: http.MethodPost, path: "/v1/mentions/read", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Mark mentions as read", atomic: true,
	}, s.readMentions)
}

func (s *server) listMentions(ctx context.Context, in *listMentionsInput) (*listOutput[Mention], error) {
	agent, err := s.actingAgent(ctx, given(in.AgentID))
	if err != nil {
		return nil, err
	}
	before, err := decodeCursor("mentions", in.Cursor, lastID)
	if err != nil {
		return nil, err
	}
	rows, err := s.queries(ctx).MentionList(ctx, dbsqlc.MentionListParams{
		AccountID: keyOf(ctx).AccountID, AgentID: agent.ID, BeforeID: before, Unread: in.Unread, RowLimit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.MentionListRow) string { return encodeCursor("mentions", row.ID) })
	items := make([]Mention, 0, len(rows))
	for _, row := range rows {
		items = append(items, Mention{ReadAt: utc(row.ReadAt), Note: noteView(dbsqlc.NoteListRow{
			ID: row.ID, AccountID: row.AccountID, ConversationID: row.ConversationID, AgentID: row.AgentID, Text: row.Text,
			CreatedAt: row.CreatedAt, AgentName: row.AgentName, Mentions: row.Mentions,
		})})
	}
	return &listOutput[Mention]{list[Mention]{items, next}}, nil
}

func (s *server) readMentions(ctx context.Context, in *readMentionsInput) (*output[readMentionsAnswer], error) {
	body := in.Body
	if body == nil {
		body = &readMentionsBody{}
	}
	agent, err := s.actingAgent(ctx, body.AgentID)
	if err != nil {
		return nil, err
	}
	read, err := s.queries(ctx).MentionRead(ctx, dbsqlc.MentionReadParams{
		AccountID: keyOf(ctx).AccountID, AgentID: agent.ID, NoteIds: append([]handoff.ID{}, body.NoteIDs...), ReadAt: s.Now(),
	})
	return &output[readMentionsAnswer]{readMentionsAnswer{read}}, err
}

// actingAgent is the agent for whom something is asked that only an agent has.
func (s *server) actingAgent(ctx context.Context, id *handoff.ID) (handoff.AgentRef, error) {
	actor, err := s.actor(ctx, id)
	if err != nil {
		return handoff.AgentRef{}, err
	}
	if actor.Agent == nil {
		return handoff.AgentRef{}, handoff.Errorf(handoff.CodeInvalid, "say which agent: use an agent's key, or give agent_id")
	}
	return *actor.Agent, nil
}

// lastID comes after every id: lists with the newest first begin there.
var lastID = func() (id handoff.ID) {
	for i := range id {
		id[i] = math.MaxUint8
	}
	return id
}()
