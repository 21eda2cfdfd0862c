package api

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
)

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
	for _, row := range found {
		out[row.ID] = mediaView(row)
	}
	return out, err
}
