package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// beforeWindow is how long before WhatsApp's window closes the other message leaves, unless the request says when.
const beforeWindow = 5 * time.Minute

// ScheduledMessage is a message that leaves when the contact writes, or else another one that leaves at a time.
type ScheduledMessage struct {
	ID        handoff.ID  `json:"id" format:"uuid"`
	State     string      `json:"state" enum:"pending,sent,cancelled,failed"`
	AgentID   handoff.ID  `json:"agent_id" format:"uuid" doc:"In whose name it leaves."`
	Message   *Message    `json:"message,omitempty" doc:"Leaves when the contact writes."`
	Otherwise *Message    `json:"otherwise,omitempty" doc:"Leaves at due_at, if the other has not."`
	DueAt     *time.Time  `json:"due_at,omitempty"`
	SentID    *handoff.ID `json:"sent_id,omitempty" format:"uuid" doc:"Which of the two messages left."`
	Reason    string      `json:"reason,omitempty" doc:"Why it failed or was cancelled."`
	CreatedAt time.Time   `json:"created_at"`
	EndedAt   *time.Time  `json:"finished_at,omitempty"`
}

type scheduleBody struct {
	Acting
	Message   *sendBody  `json:"message,omitempty" doc:"Leaves when the contact writes. A message as in send-message."`
	Otherwise *sendBody  `json:"otherwise,omitempty" doc:"Leaves at due_at, unless message has left by then; without message whatever the contact does: a template, or something else that is due while the window is open."`
	DueAt     *time.Time `json:"due_at,omitempty" format:"date-time" doc:"When otherwise leaves; five minutes before WhatsApp's window closes if absent."`
}

type scheduleInput struct {
	Commanded
	Body scheduleBody
}

type scheduledInput struct {
	Commanded
	ScheduledID handoff.ID `path:"scheduled_id" format:"uuid"`
	Body        *Acting    `required:"false"`
}

type listScheduledInput struct {
	ByID
	Page
}

func (s *server) scheduledRoutes() {
	path, errs := "/v1/conversations/{id}/scheduled-messages", []int{http.StatusNotFound, http.StatusTooManyRequests}
	handle(s, operation{
		id: "schedule-message", method: http.MethodPost, path: path, tag: conversationTag, scope: handoff.ScopeAgent, status: http.StatusCreated,
		summary: "Promise a message for later", errors: errs,
		description: "`message` leaves as soon as the contact writes again; if they have not by `due_at`, `otherwise` does. One of the two may " +
			"be left out. It is one promise: one of them leaves, once, whatever is restarted in between. The end of the conversation cancels it.",
	}, s.schedule)
	handle(s, operation{
		id: "list-scheduled-messages", method: http.MethodGet, path: path, tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List a conversation's scheduled messages", description: "The oldest first.", errors: []int{http.StatusNotFound},
	}, s.listScheduled)
	handle(s, operation{
		id: "cancel-scheduled-message", method: http.MethodPost, path: path + "/{scheduled_id}/cancel", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Cancel a scheduled message", errors: errs,
	}, s.unschedule)
}

func (s *server) schedule(ctx context.Context, in *scheduleInput) (*output[ScheduledMessage], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	expect, err := in.expects(ctx, row)
	if err != nil {
		return nil, err
	}
	id := commandOf(ctx).ID
	done, err := s.doneBefore(ctx, row.Conversation)
	if err != nil {
		return nil, err
	}
	if done { // its promise may have been kept meanwhile
		return s.scheduledOutput(ctx, row, id)
	}
	plan, messages, err := s.planSchedule(ctx, id, row.Conversation, &in.Body, actor)
	if err != nil {
		return nil, err
	}
	err = s.carryOut(ctx, row, actor, handoff.Control.CheckWrite,
		func(ctx context.Context, to workflows.ConversationInput, cmd workflows.CommandInput) error {
			cmd.Expect = expect
			return s.withMessages(ctx, messages, func() error {
				return s.Commands.Update(ctx, to, workflows.ScheduleInput{CommandInput: cmd, Schedule: plan})
			})
		})
	if err != nil {
		return nil, err
	}
	return s.scheduledOutput(ctx, row, id)
}

// planSchedule makes the messages of a promise. Their ids follow from its own, so that a repeated request finds them.
func (s *server) planSchedule(ctx context.Context, id handoff.ID, c dbsqlc.Conversation, body *scheduleBody, actor handoff.Actor) (
	plan activities.Schedule, messages []dbsqlc.MessageInsertOutboundParams, err error,
) {
	plan = activities.Schedule{ScheduledID: id, DueAt: body.DueAt}
	if body.Message == nil && body.Otherwise == nil {
		return plan, nil, handoff.Errorf(handoff.CodeInvalid, "give message, otherwise or both")
	}
	if body.DueAt != nil && body.Otherwise == nil {
		return plan, nil, handoff.Errorf(handoff.CodeInvalid, "due_at is for otherwise: give that too, or leave due_at out")
	}
	var raw struct {
		Message, Otherwise json.RawMessage
	}
	if err := json.Unmarshal(bodyOf(ctx), &raw); err != nil {
		return plan, nil, handoff.Errorf(handoff.CodeMalformed, "the body is no JSON object")
	}
	add := func(name string, b *sendBody, text json.RawMessage) (*handoff.ID, error) {
		if b == nil {
			return nil, nil
		}
		m := uuid.NewSHA1(id, []byte(name))
		message, err := s.newMessage(ctx, draft{m, b, text}, c, actor)
		messages = append(messages, message)
		return &m, err
	}
	if plan.MessageID, err = add("message", body.Message, raw.Message); err != nil {
		return plan, nil, err
	}
	if plan.OtherwiseID, err = add("otherwise", body.Otherwise, raw.Otherwise); err != nil || body.Otherwise == nil {
		return plan, messages, err
	}
	plan.DueAt, err = s.dueBeforeWindow(c, body)
	return plan, messages, err
}

func (s *server) dueBeforeWindow(c dbsqlc.Conversation, body *scheduleBody) (*time.Time, error) {
	due := body.DueAt
	if due == nil {
		if c.WindowExpiresAt == nil || !c.WindowExpiresAt.Add(-beforeWindow).After(s.Now()) {
			return nil, handoff.Errorf(handoff.CodeInvalid, "the service window is closed, or closes within minutes: say when otherwise is to leave, as due_at")
		}
		at := c.WindowExpiresAt.Add(-beforeWindow)
		due = &at
	}
	if err := handoff.CheckDue("due_at", *due, s.Now()); err != nil {
		return nil, err
	}
	control := handoff.Control{WindowExpiresAt: c.WindowExpiresAt, Windowless: !c.Windowed}
	if control.CheckWindow(body.Otherwise.Type, *due) != nil {
		return nil, handoff.Errorf(handoff.CodeWindowClosed, "the 24-hour service window will be closed by due_at: schedule a template, or an earlier time")
	}
	return due, nil
}

func (s *server) unschedule(ctx context.Context, in *scheduledInput) (*output[ScheduledMessage], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.findScheduled(ctx, row, in.ScheduledID); err != nil {
		return nil, err
	}
	_, err = s.command(ctx, change{
		Commanded: in.Commanded, agent: agentOf(in.Body), allowed: handoff.Control.CheckWrite,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.UnscheduleInput{CommandInput: cmd, ScheduledID: in.ScheduledID}
		},
	})
	if err != nil {
		return nil, err
	}
	return s.scheduledOutput(ctx, row, in.ScheduledID)
}

func (s *server) listScheduled(ctx context.Context, in *listScheduledInput) (*listOutput[ScheduledMessage], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := decodeCursor("scheduled-messages", in.Cursor, handoff.ID{})
	if err != nil {
		return nil, err
	}
	rows, err := s.queries(ctx).ScheduledList(ctx, dbsqlc.ScheduledListParams{
		AccountID: keyOf(ctx).AccountID, ConversationID: in.ID, AfterID: after, RowLimit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(r dbsqlc.ScheduledMessage) string { return encodeCursor("scheduled-messages", r.ID) })
	views, err := s.scheduledViews(ctx, row, rows)
	return &listOutput[ScheduledMessage]{list[ScheduledMessage]{views, next}}, err
}

func (s *server) findScheduled(ctx context.Context, row dbsqlc.ConversationDetailRow, id handoff.ID) (dbsqlc.ScheduledMessage, error) {
	found, err := s.queries(ctx).ScheduledGet(ctx, dbsqlc.ScheduledGetParams{
		AccountID: row.Conversation.AccountID, ConversationID: row.Conversation.ID, ID: id,
	})
	return found, db.NotFound(err, "scheduled message")
}

func (s *server) scheduledOutput(ctx context.Context, row dbsqlc.ConversationDetailRow, id handoff.ID) (*output[ScheduledMessage], error) {
	found, err := s.findScheduled(ctx, row, id)
	if err != nil {
		return nil, err
	}
	views, err := s.scheduledViews(ctx, row, []dbsqlc.ScheduledMessage{found})
	if err != nil {
		return nil, err
	}
	return &output[ScheduledMessage]{views[0]}, nil
}

func (s *server) scheduledViews(ctx context.Context, of dbsqlc.ConversationDetailRow, rows []dbsqlc.ScheduledMessage) ([]ScheduledMessage, error) {
	ids := []handoff.ID{}
	for _, row := range rows {
		for _, id := range []*handoff.ID{row.MessageID, row.OtherwiseID} {
			if id != nil {
				ids = append(ids, *id)
			}
		}
	}
	found, err := s.queries(ctx).MessageListByIDs(ctx, dbsqlc.MessageListByIDsParams{AccountID: of.Conversation.AccountID, Ids: ids})
	if err != nil {
		return nil, err
	}
	messages, err := s.messageViews(ctx, of.Conversation.AccountID, found, func(handoff.ID) string { return of.ContactName })
	if err != nil {
		return nil, err
	}
	byID := map[handoff.ID]*Message{}
	for i := range messages {
		byID[messages[i].ID] = &messages[i]
	}
	views := make([]ScheduledMessage, 0, len(rows))
	for _, row := range rows {
		view := ScheduledMessage{
			ID: row.ID, State: row.State, AgentID: row.AgentID, DueAt: utc(row.DueAt), SentID: row.SentID, Reason: db.OrEmpty(row.Reason),
			CreatedAt: row.CreatedAt.UTC(), EndedAt: utc(row.FinishedAt),
		}
		if row.MessageID != nil {
			view.Message = byID[*row.MessageID]
		}
		if row.OtherwiseID != nil {
			view.Otherwise = byID[*row.OtherwiseID]
		}
		views = append(views, view)
	}
	return views, nil
}
