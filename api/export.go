package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/feed"
)

const (
	exportPath   = "/v1/exports/conversations"
	exportCursor = "export-conversations"
	// exportBatch is how many conversations are shown together, with a few queries for all of them.
	exportBatch = 50
)

func (s *server) exportRoutes() {
	s.plain(http.MethodGet, exportPath, route{scope: handoff.ScopeAdmin, stream: true}, s.exportConversations)
}

// exportRequest is what an export is asked for.
type exportRequest struct {
	filter                  dbsqlc.ExportPageParams
	messages, events, notes bool
}

func (s *server) exportConversations(c *gin.Context) {
	k := keyOf(c.Request.Context())
	request, err := s.exportRequest(k, c.Request.URL.Query())
	if err != nil {
		s.refuse(c, err)
		return
	}
	if err := s.auditExport(c.Request.Context(), c.Request.URL.Query()); err != nil {
		s.refuse(c, err)
		return
	}
	d := s.newDownload(c, "application/x-ndjson", "conversations.ndjson")
	c.Header("Vary", "Accept-Encoding")
	if takesGzip(c.Request.Header) {
		d.compress()
	}
	e := &export{s: s, d: d, k: k, exportRequest: request}
	err = e.run(c.Request.Context())
	if err == nil {
		err = d.finish()
	}
	s.downloaded(c, d, err)
}

func (s *server) exportRequest(k *caller, query url.Values) (exportRequest, error) {
	now := s.Now()
	request := exportRequest{filter: dbsqlc.ExportPageParams{
		AccountID: k.AccountID, Statuses: []string{}, OpenedTo: &now, RowLimit: historyPage,
	}}
	if err := knownParameters(query, "from", "to", "inbox_id", "status", "include", "cursor"); err != nil {
		return request, err
	}
	from, err := timeParameter(query, "from")
	if err != nil {
		return request, err
	}
	to, err := timeParameter(query, "to")
	if err != nil {
		return request, err
	}
	request.filter.OpenedFrom = from
	if to != nil {
		request.filter.OpenedTo = to
	}
	if request.filter.InboxID, err = exportInbox(k, query); err != nil {
		return request, err
	}
	if request.filter.AfterID, err = decodeCursor(exportCursor, query.Get("cursor"), handoff.ID{}); err != nil {
		return request, err
	}
	for _, status := range listParameter(query, "status") {
		if !slices.Contains(handoff.Statuses, handoff.Status(status)) {
			return request, badParameter("query.status", "unknown status: use bot, waiting, assigned, snoozed or ended, with commas between them")
		}
		request.filter.Statuses = append(request.filter.Statuses, status)
	}
	return request, request.include(listParameter(query, "include"))
}

func (r *exportRequest) include(parts []string) error {
	for _, part := range parts {
		switch part {
		case "messages":
			r.messages = true
		case "events":
			r.events = true
		case "notes":
			r.notes = true
		default:
			return badParameter("query.include", "include takes messages, events and notes, with commas between them")
		}
	}
	return nil
}

func exportInbox(k *caller, query url.Values) (*handoff.ID, error) {
	inbox, err := idParameter(query, "inbox_id")
	if err != nil {
		return nil, err
	}
	if k.InboxID == nil {
		return given(inbox), nil
	}
	if query.Has("inbox_id") && inbox != *k.InboxID {
		return nil, handoff.Errorf(handoff.CodeForbidden, "this key is bound to another inbox: leave inbox_id out")
	}
	return k.InboxID, nil
}

func timeParameter(query url.Values, name string) (*time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, badParameter("query."+name, name+" is no time like 2026-06-08T09:14:00Z")
	}
	return &at, nil
}

// listParameter reads a comma list.
func listParameter(query url.Values, name string) []string {
	if query.Get(name) == "" {
		return nil
	}
	return strings.Split(query.Get(name), ",")
}

// takesGzip tells whether a client asks for gzip, and does not refuse it by q=0.
func takesGzip(header http.Header) bool {
	for _, value := range header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			name, parameter, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(coding, " ", "")), ";")
			if name == "gzip" {
				quality, err := strconv.ParseFloat(strings.TrimPrefix(parameter, "q="), 64)
				return err != nil || quality > 0
			}
		}
	}
	return false
}

// export writes conversations in the order of their ids.
type export struct {
	exportRequest
	s       *server
	d       *download
	k       *caller
	written int
}

// run reads the account page by page, each by a query of its own: one transaction for all would keep every reader of events waiting,
// and the database from cleaning up, for as long as the client takes.
func (e *export) run(ctx context.Context) error {
	for {
		page, err := e.page(ctx)
		if err != nil {
			return err
		}
		if !e.d.opened {
			e.d.open()
		}
		for ids := range slices.Chunk(page.wanted, exportBatch) {
			if err := e.batch(ctx, ids); err != nil {
				return err
			}
		}
		if page.last {
			return e.d.json(ExportEnd{End: true, Conversations: e.written}, "\n")
		}
	}
}

type exportedPage struct {
	wanted []handoff.ID
	last   bool
}

// page finds the next conversations, for a key that is still good.
func (e *export) page(ctx context.Context) (exportedPage, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	q, now := e.s.queries(ctx), e.s.Now()
	valid, err := q.FeedKeysValid(ctx, dbsqlc.FeedKeysValidParams{Ids: []handoff.ID{e.k.ID}, Now: &now})
	if err != nil {
		return exportedPage{}, err
	}
	if len(valid) == 0 {
		return exportedPage{}, &handoff.Error{Code: handoff.CodeUnauthorized, Message: "this API key or token is good no more: use another one", Err: feed.ErrKeyRefused}
	}
	rows, err := q.ExportPage(ctx, e.filter)
	if err != nil {
		return exportedPage{}, err
	}
	page := exportedPage{last: len(rows) < historyPage}
	for _, row := range rows {
		e.filter.AfterID = row.ID
		if row.Wanted {
			page.wanted = append(page.wanted, row.ID)
		}
	}
	return page, nil
}
