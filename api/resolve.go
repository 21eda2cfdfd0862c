package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

type resolveBody struct {
	Acting
	Note        string `json:"note,omitempty" maxLength:"10000" doc:"A note among agents that is added before the end."`
	Disposition string `json:"disposition,omitempty" maxLength:"200" doc:"How it was resolved, in the words of your client, or one of the inbox's dispositions where it has some."`
	UndoSeconds *int   `json:"undo_seconds,omitempty" minimum:"0" maximum:"60" doc:"For how long it can be undone. The conversation ends, and the gateway is told, only then. If absent, as the inbox says: 0 unless it was set."`
}

type resolveInput struct {
	Commanded
	Body *resolveBody `required:"false"`
}

type snoozeBody struct {
	Acting
	Because
	Until *time.Time `json:"until,omitempty" format:"date-time" doc:"When it comes back. Absent: when the contact writes, which ends every snooze."`
}

type snoozeInput struct {
	Commanded
	Body *snoozeBody `required:"false"`
}

func (s *server) resolveRoutes() {
	errs := []int{http.StatusNotFound, http.StatusTooManyRequests}
	post := func(id, name, summary, description string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/conversations/{id}/" + name, tag: conversationTag, scope: handoff.ScopeAgent,
			summary: summary, description: description, errors: errs,
		}
	}
	handle(s, post("resolve-conversation", "resolve", "Resolve a conversation",
		"Ends the conversation and tells the gateway; with `undo_seconds` after that time, unless somebody undoes it, an agent answers, or the contact writes."), s.resolve)
	handle(s, post("undo-resolve", "undo-resolve", "Undo a resolve",
		"Keeps a conversation open whose `resolve_at` has not come. What has ended has ended: go on with `reopen` then."), s.undoResolve)
	handle(s, post("snooze-conversation", "snooze", "Snooze a conversation",
		"Puts it aside until a time, or until the contact writes. Its assignee keeps it, and inactivity does not end it before."), s.snooze)
	handle(s, post("wake-conversation", "wake", "End a snooze", ""), s.unsnooze)
}

func (s *server) resolve(ctx context.Context, in *resolveInput) (*output[Conversation], error) {
	body := orEmpty(in.Body)
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	inbox, err := s.queries(ctx).InboxGetAny(ctx, row.Conversation.InboxID)
	if err != nil {
		return nil, err
	}
	if err := checkDisposition(inbox, body.Disposition); err != nil {
		return nil, err
	}
	undo := int(inbox.UndoSeconds)
	if body.UndoSeconds != nil {
		undo = *body.UndoSeconds
	}
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckResolve, note: body.Note,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.ResolveInput{CommandInput: cmd, Disposition: body.Disposition, UndoSeconds: undo}
		},
	})
}

// checkDisposition holds a disposition against those that the inbox takes.
func checkDisposition(inbox dbsqlc.Inbox, given string) error {
	var fault string
	switch {
	case given == "" && inbox.DispositionRequired:
		fault = "this inbox wants to know how it was resolved: give a disposition"
	case given != "" && len(inbox.Dispositions) > 0 && !slices.Contains(inbox.Dispositions, given):
		fault = "this inbox does not have that disposition"
	default:
		return nil
	}
	if len(inbox.Dispositions) > 0 {
		fault += ": use one of " + strings.Join(inbox.Dispositions, ", ")
	}
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: fault, Details: []handoff.ErrorDetail{{Location: "body.disposition", Message: "not one of the inbox's"}},
	}
}

func (s *server) undoResolve(ctx context.Context, in *commandInput) (*output[Conversation], error) {
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: agentOf(in.Body), allowed: handoff.Control.CheckUndo,
		update: func(cmd workflows.CommandInput) workflows.Input { return workflows.UndoResolveInput{CommandInput: cmd} },
	})
}

func (s *server) snooze(ctx context.Context, in *snoozeInput) (*output[Conversation], error) {
	body := orEmpty(in.Body)
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckSnooze,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.SnoozeInput{CommandInput: cmd, Snooze: activities.Snooze{Until: body.Until, Why: body.why()}}
		},
	})
}

func (s *server) unsnooze(ctx context.Context, in *commandInput) (*output[Conversation], error) {
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: agentOf(in.Body), allowed: handoff.Control.CheckWake,
		update: func(cmd workflows.CommandInput) workflows.Input { return workflows.WakeInput{CommandInput: cmd} },
	})
}
