package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/searchindex"
)

const viewTag = "Views"

// View is a list of conversations that somebody has given a name.
type View struct {
	ID        handoff.ID          `json:"id" format:"uuid"`
	Name      string              `json:"name"`
	Filters   ConversationFilters `json:"filters" doc:"As the list of conversations takes them. me stands for whoever looks."`
	Sort      string              `json:"sort" enum:"newest,oldest,queue"`
	Shared    bool                `json:"shared" doc:"All agents of the account see it; else it is the key's agent's own."`
	CreatedAt time.Time           `json:"created_at"`
	UpdatedAt time.Time           `json:"updated_at"`
}

type createViewInput struct {
	Idempotent
	Body createViewBody
}

type createViewBody struct {
	Name    string              `json:"name" minLength:"1" maxLength:"100" example:"Urgent and unread"`
	Filters ConversationFilters `json:"filters"`
	Sort    string              `json:"sort,omitempty" enum:"newest,oldest,queue" default:"newest"`
}

type updateViewInput struct {
	ByID
	Body updateViewBody
}

type updateViewBody struct {
	Name    *string              `json:"name,omitempty" minLength:"1" maxLength:"100"`
	Filters *ConversationFilters `json:"filters,omitempty" doc:"All of them: they replace those that it has."`
	Sort    *string              `json:"sort,omitempty" enum:"newest,oldest,queue"`
}

type listViewInput struct {
	ByID
	Page
}

func (s *server) viewRoutes() {
	missing := []int{http.StatusNotFound}
	handle(s, operation{
		id: "create-view", method: http.MethodPost, path: "/v1/views", tag: viewTag, scope: handoff.ScopeAgent, shared: true, summary: "Save a view",
		description: "With an agent's key it is the agent's own; with an admin's all agents see it.", status: http.StatusCreated, atomic: true,
	}, s.createView)
	handle(s, operation{
		id: "list-views", method: http.MethodGet, path: "/v1/views", tag: viewTag, scope: handoff.ScopeAgent,
		summary: "List views", description: "The shared ones, and the agent's own.",
	}, s.listViews)
	handle(s, operation{
		id: "get-view", method: http.MethodGet, path: "/v1/views/{id}", tag: viewTag, scope: handoff.ScopeAgent, summary: "Get a view", errors: missing,
	}, s.getView)
	handle(s, operation{
		id: "update-view", method: http.MethodPatch, path: "/v1/views/{id}", tag: viewTag, scope: handoff.ScopeAgent, shared: true,
		summary: "Change a view", description: "What is left out stays as it is. A shared one needs an admin's key.",
		errors: append([]int{http.StatusConflict}, missing...),
	}, s.updateView)
	handle(s, operation{
		id: "delete-view", method: http.MethodDelete, path: "/v1/views/{id}", tag: viewTag, scope: handoff.ScopeAgent, shared: true,
		summary: "Delete a view", description: "A shared one needs an admin's key.", status: http.StatusNoContent, errors: missing,
	}, s.deleteView)
	handle(s, operation{
		id: "list-view-conversations", method: http.MethodGet, path: "/v1/views/{id}/conversations", tag: viewTag, scope: handoff.ScopeAgent,
		summary: "List a view's conversations", errors: missing,
	}, s.listViewConversations)
	handle(s, operation{
		id: "count-view-conversations", method: http.MethodGet, path: "/v1/views/{id}/counts", tag: viewTag, scope: handoff.ScopeAgent,
		summary: "Count a view's conversations", errors: missing,
	}, s.countViewConversations)
}

func (s *server) createView(ctx context.Context, in *createViewInput) (*output[View], error) {
	k := keyOf(ctx)
	params := dbsqlc.SavedViewInsertParams{ID: handoff.NewID(), AccountID: k.AccountID, AgentID: ownAgent(k), Name: in.Body.Name, Sort: in.Body.Sort}
	if params.Sort == "" {
		params.Sort = sortNewest
	}
	if err := checkView(k, in.Body.Filters, params.Sort); err != nil {
		return nil, err
	}
	var err error
	if params.Filters, err = json.Marshal(in.Body.Filters); err != nil {
		return nil, err
	}
	madeThing(ctx, params.ID)
	row, err := s.queries(ctx).SavedViewInsert(ctx, params)
	return viewOutput(row, err)
}

func (s *server) listViews(ctx context.Context, in *listInput) (*listOutput[View], error) {
	var failed error
	page, err := pageByID(in.Page, "views", func(row dbsqlc.SavedView) handoff.ID { return row.ID },
		func(row dbsqlc.SavedView) View {
			view, err := savedView(row)
			failed = errors.Join(failed, err)
			return view
		},
		func(after handoff.ID, limit int32) ([]dbsqlc.SavedView, error) {
			k := keyOf(ctx)
			return s.queries(ctx).SavedViewList(ctx, dbsqlc.SavedViewListParams{
				AccountID: k.AccountID, AgentID: ownAgent(k), AfterID: after, RowLimit: limit,
			})
		})
	return page, errors.Join(err, failed)
}

func (s *server) getView(ctx context.Context, in *ByID) (*output[View], error) {
	row, err := s.findView(ctx, in.ID)
	return viewOutput(row, err)
}

func (s *server) updateView(ctx context.Context, in *updateViewInput) (*output[View], error) {
	row, err := s.ownView(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	view, err := savedView(row)
	if err != nil {
		return nil, err
	}
	params := dbsqlc.SavedViewUpdateParams{AccountID: row.AccountID, ID: row.ID, Name: in.Body.Name, Sort: in.Body.Sort}
	if in.Body.Filters != nil {
		view.Filters = *in.Body.Filters
		if params.Filters, err = json.Marshal(view.Filters); err != nil {
			return nil, err
		}
	}
	if in.Body.Sort != nil {
		view.Sort = *in.Body.Sort
	}
	if err := checkView(keyOf(ctx), view.Filters, view.Sort); err != nil {
		return nil, err
	}
	row, err = s.queries(ctx).SavedViewUpdate(ctx, params)
	return viewOutput(row, db.NotFound(err, "view"))
}

func (s *server) deleteView(ctx context.Context, in *ByID) (*none, error) {
	row, err := s.ownView(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.queries(ctx).SavedViewDelete(ctx, dbsqlc.SavedViewDeleteParams{AccountID: row.AccountID, ID: row.ID})
}

func (s *server) listViewConversations(ctx context.Context, in *listViewInput) (*listOutput[Conversation], error) {
	row, err := s.findView(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	view, err := savedView(row)
	if err != nil {
		return nil, err
	}
	return s.pageOfConversations(ctx, view.Filters, view.Sort, in.Page)
}

func (s *server) countViewConversations(ctx context.Context, in *ByID) (*output[Counts], error) {
	row, err := s.findView(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	view, err := savedView(row)
	if err != nil {
		return nil, err
	}
	return s.counts(ctx, view.Filters, view.Sort)
}

// ownAgent is whose views a key makes: an admin's makes those of the account.
func ownAgent(k *caller) *handoff.ID {
	if k.Agent == nil {
		return nil
	}
	return &k.Agent.ID
}

func (s *server) findView(ctx context.Context, id handoff.ID) (dbsqlc.SavedView, error) {
	k := keyOf(ctx)
	row, err := s.queries(ctx).SavedViewGet(ctx, dbsqlc.SavedViewGetParams{AccountID: k.AccountID, ID: id, AgentID: ownAgent(k)})
	return row, db.NotFound(err, "view")
}

// ownView is a view that the key may change.
func (s *server) ownView(ctx context.Context, id handoff.ID) (dbsqlc.SavedView, error) {
	row, err := s.findView(ctx, id)
	if err == nil && row.AgentID == nil && keyOf(ctx).Scope != handoff.ScopeAdmin {
		err = handoff.Errorf(handoff.CodeForbidden, "this view is shared: changing it needs an admin's key; save one of your own instead")
	}
	return row, err
}

// checkView refuses what no list would take, of whichever agent.
func checkView(k *caller, filters ConversationFilters, sort string) error {
	anybody := *k
	if anybody.Agent == nil {
		anybody.Agent = &handoff.AgentRef{}
	}
	_, err := filters.params(&anybody, sort)
	if err == nil && strings.TrimSpace(filters.Q) != "" {
		_, err = searchindex.ParseQuery(filters.Q)
	}
	var e *handoff.Error
	if errors.As(err, &e) {
		for i := range e.Details {
			e.Details[i].Location = strings.Replace(e.Details[i].Location, "query.", "body.filters.", 1)
		}
	}
	return err
}

func viewOutput(row dbsqlc.SavedView, err error) (*output[View], error) {
	if db.ViolatesUnique(err, "saved_views_name_key") {
		return nil, handoff.Errorf(handoff.CodeConflict, "there is a view of this name already: choose another name")
	}
	if err != nil {
		return nil, err
	}
	view, err := savedView(row)
	return &output[View]{view}, err
}

func savedView(row dbsqlc.SavedView) (View, error) {
	view := View{
		ID: row.ID, Name: row.Name, Sort: row.Sort, Shared: row.AgentID == nil, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
	return view, json.Unmarshal(row.Filters, &view.Filters)
}
