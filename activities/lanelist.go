package activities

import (
	"context"
	"fmt"
	"net/url"

	"handoff"
	"handoff/db/dbsqlc"
)

func (a *Activities) listLanes(ctx context.Context, q *dbsqlc.Queries, ref Ref) ([]Lane, error) {
	return listLanes(ctx, q, ref, a.InFlight.first.fast)
}

func listLanes(ctx context.Context, q *dbsqlc.Queries, ref Ref, fast func(endpoint handoff.ID) bool) ([]Lane, error) {
	rows, err := q.LaneList(ctx, dbsqlc.LaneListParams{InboxID: ref.InboxID, ContactID: &ref.ContactID})
	lanes := make([]Lane, 0, len(rows))
	for _, row := range rows {
		lane := Lane{EndpointID: row.EndpointID, Pending: row.Pending, Last: row.LastPosition, Urgent: row.Urgent, Host: hostOf(row.URL), Fast: fast(row.EndpointID)}
		if row.Failure != "" {
			lane.Trouble = fmt.Sprintf("%s, attempt %d", row.Failure, row.Attempts)
		}
		lanes = append(lanes, lane)
	}
	return lanes, err
}

// hostOf is what may be shown of an endpoint's URL: the rest is confidential.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
