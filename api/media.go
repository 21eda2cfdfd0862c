package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
)

// agentLinkLife is how long a client may show a file after it has read of it.
const agentLinkLife = time.Hour

func (s *server) mediaRoutes() {
	s.plain(http.MethodPost, "/v1/media", route{scope: handoff.ScopeAgent, maxBody: maxUpload, stream: true}, s.upload)
	handle(s, operation{
		id: "get-media", method: http.MethodGet, path: "/v1/media/{id}", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Get a file", errors: []int{http.StatusNotFound},
		description: "Says where the file of a message or an upload stands and, once it is ready, where it can be read for an hour.",
	}, s.getMedia)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		s.plain(method, "/m/:token", route{scope: publicScope, stream: true, guarded: true}, s.serveLink)
	}
}

func (s *server) getMedia(ctx context.Context, in *ByID) (*output[*Media], error) {
	row, err := s.queries(ctx).MediaGet(ctx, dbsqlc.MediaGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "file")
	}
	view, err := s.mediaView(row)
	return &output[*Media]{view}, err
}

// mediaOf are the files of messages.
func (s *server) mediaOf(ctx context.Context, account handoff.ID, rows []dbsqlc.Message) (map[handoff.ID]*Media, error) {
	var ids []handoff.ID
	for _, row := range rows {
		if row.MediaID != nil {
			ids = append(ids, *row.MediaID)
		}
	}
	out := map[handoff.ID]*Media{}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := s.queries(ctx).MediaList(ctx, dbsqlc.MediaListParams{AccountID: account, Ids: ids})
	if err != nil {
		return nil, err
	}
	for _, row := range found {
		if out[row.ID], err = s.mediaView(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *server) mediaView(row dbsqlc.Media) (*Media, error) {
	m := &Media{
		ID: row.ID, State: row.State, MIMEType: cmp.Or(db.OrEmpty(row.MimeType), db.OrEmpty(row.DeclaredType)), Filename: db.OrEmpty(row.Filename),
		Reason: db.OrEmpty(row.FailureReason),
	}
	if row.Size != nil {
		m.Size = *row.Size
	}
	if row.State != handoff.MediaReady {
		return m, nil
	}
	token, err := s.fileLinks().Make(row.AccountID, row.ID, s.Now().Add(agentLinkLife), mediastore.ForAgent)
	m.URL = strings.TrimSuffix(s.PublicURL, "/") + "/m/" + token
	return m, err
}

func (s *server) fileLinks() mediastore.Links { return mediastore.Links{Sealer: s.Box} }
