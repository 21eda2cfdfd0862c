package api

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
)

// pendingRetry is when a gateway that was quicker than the fetching of a file may ask again.
const pendingRetry = 2 * time.Second

// serveLink serves a file to whoever has its link. It never redirects: Meta's fetcher does not follow. Why there is no file, it
// does not tell.
func (s *server) serveLink(c *gin.Context) {
	row, err := s.linked(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	file := mediastore.File{
		Key: mediastore.Key(row.AccountID, row.ID), MIMEType: db.OrEmpty(row.MimeType), Filename: db.OrEmpty(row.Filename), SHA256: db.OrEmpty(row.Sha256),
		Public: true,
	}
	if row.Size != nil {
		file.Size = *row.Size
	}
	if row.FinishedAt != nil {
		file.ModTime = *row.FinishedAt
	}
	s.Store.Serve(patientWriter{c.Writer, newPatience(c.Writer)}, c.Request, file)
}

// linked is the file that a link leads to, once it is there.
func (s *server) linked(c *gin.Context) (dbsqlc.Media, error) {
	account, id, err := s.fileLinks().Read(c.Param("token"), s.Now())
	if err != nil {
		return dbsqlc.Media{}, errNoFile()
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	rows, err := s.queries(ctx).MediaList(ctx, dbsqlc.MediaListParams{AccountID: account, Ids: []handoff.ID{id}})
	switch {
	case err != nil:
		return dbsqlc.Media{}, err
	case len(rows) == 0 || rows[0].State == handoff.MediaFailed:
		return dbsqlc.Media{}, errNoFile()
	case rows[0].State == handoff.MediaPending:
		return dbsqlc.Media{}, &handoff.Error{
			Code: handoff.CodeUnavailable, RetryAfter: pendingRetry, Message: "the file is still being fetched: try again in 2 seconds",
		}
	}
	return rows[0], nil
}

func errNoFile() error {
	return handoff.Errorf(handoff.CodeNotFound, "this link leads to no file, or has expired: ask for a new one")
}
