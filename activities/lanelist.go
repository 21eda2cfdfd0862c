package activities

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"time"

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
			lane.Trouble = fmt.Sprintf("%s, attempt %d", shownFailure(row.Failure), row.Attempts)
			lane.Stuck = row.Scheduled && row.Attempts >= stuckAfter
			lane.FailingSince, lane.NextAt = since(row.FirstAttemptAt), since(row.NextAttemptAt)
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

// stuckAfter is after how many failed attempts a lane is called stuck: one failure is over with the retry five seconds later.
const stuckAfter = 2

// since is a time of a query in which the epoch stands for never.
func since(t time.Time) *time.Time {
	if t.Unix() == 0 {
		return nil
	}
	t = t.UTC()
	return &t
}

// longNumber is what could be a phone number.
var longNumber = regexp.MustCompile(`\+?[0-9][0-9 ().-]{5,}[0-9]`)

// failureLimit is how much of a failure is shown to operators.
const failureLimit = 200

// shownFailure is a failure as it may enter a Temporal history: vendors word theirs themselves, and may name whom a message was for.
func shownFailure(text string) string {
	text = longNumber.ReplaceAllString(text, "…")
	if runes := []rune(text); len(runes) > failureLimit {
		return string(runes[:failureLimit]) + "…"
	}
	return text
}
