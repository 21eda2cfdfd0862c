package api

import (
	"context"
	"strconv"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// RatingRange is what lists and summaries of ratings have in common.
type RatingRange struct {
	InboxID handoff.ID `query:"inbox_id" format:"uuid"`
	Since   time.Time  `query:"since" doc:"Given at this time or later."`
	Until   time.Time  `query:"until" doc:"Given before this time."`
}

type listRatingsInput struct {
	Page
	RatingRange
	AgentID handoff.ID `query:"agent_id" format:"uuid" doc:"Of conversations that this agent had."`
	Score   int16      `query:"score" minimum:"1" maximum:"5"`
}

type summarizeRatingsInput struct{ RatingRange }

// RatingSummary is what many ratings come to.
type RatingSummary struct {
	Count   int64            `json:"count"`
	Average *float64         `json:"average,omitempty" doc:"Absent where there is no rating."`
	ByScore map[string]int64 `json:"by_score" doc:"How many there are of each score from 1 to 5."`
	ByAgent []AgentRatings   `json:"by_agent" doc:"By name."`
}

// AgentRatings are the ratings of the conversations that one agent had.
type AgentRatings struct {
	Agent   *AgentRef `json:"agent,omitempty" doc:"Absent for conversations that nobody had."`
	Count   int64     `json:"count"`
	Average float64   `json:"average"`
}

// givenAt is the position in a list of ratings.
type givenAt struct {
	At *time.Time  `json:"at"`
	ID *handoff.ID `json:"id"`
}

// since is nil for a time that was left out.
func since(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *server) listRatings(ctx context.Context, in *listRatingsInput) (*listOutput[Rating], error) {
	after, err := decodeCursor("ratings", in.Cursor, givenAt{})
	if err != nil {
		return nil, err
	}
	params := dbsqlc.RatingListParams{
		AccountID: keyOf(ctx).AccountID, InboxID: given(in.InboxID), AgentID: given(in.AgentID), Since: since(in.Since), Until: since(in.Until),
		BeforeAt: after.At, BeforeID: after.ID, RowLimit: in.Limit + 1,
	}
	if in.Score != 0 {
		params.Score = &in.Score
	}
	var rows []dbsqlc.RatingListRow
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = q.RatingList(ctx, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.RatingListRow) string {
		return encodeCursor("ratings", givenAt{&row.Rating.GivenAt, &row.Rating.ConversationID})
	})
	items := make([]Rating, 0, len(rows))
	for _, row := range rows {
		items = append(items, ratingView(row.Rating, row.AgentName))
	}
	return &listOutput[Rating]{list[Rating]{items, next}}, nil
}

func (s *server) summarizeRatings(ctx context.Context, in *summarizeRatingsInput) (*output[RatingSummary], error) {
	var rows []dbsqlc.RatingSummaryRow
	err := db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) (err error) {
		rows, err = q.RatingSummary(ctx, dbsqlc.RatingSummaryParams{
			AccountID: keyOf(ctx).AccountID, InboxID: given(in.InboxID), Since: since(in.Since), Until: since(in.Until),
		})
		return err
	})
	return &output[RatingSummary]{summary(rows)}, err
}

// summary adds up how often each agent got each score; an agent's rows stand together.
func summary(rows []dbsqlc.RatingSummaryRow) RatingSummary {
	out := RatingSummary{ByScore: map[string]int64{}, ByAgent: []AgentRatings{}}
	for score := minScore; score <= maxScore; score++ {
		out.ByScore[strconv.Itoa(score)] = 0
	}
	var points, ofAgent int64
	for i, row := range rows {
		if i == 0 || !same(rows[i-1].AgentID, row.AgentID) {
			ofAgent = 0
			agent := AgentRatings{}
			if row.AgentID != nil {
				agent.Agent = &AgentRef{ID: *row.AgentID, Name: row.AgentName}
			}
			out.ByAgent = append(out.ByAgent, agent)
		}
		out.Count += row.Ratings
		out.ByScore[strconv.Itoa(int(row.Score))] += row.Ratings
		points, ofAgent = points+int64(row.Score)*row.Ratings, ofAgent+int64(row.Score)*row.Ratings
		agent := &out.ByAgent[len(out.ByAgent)-1]
		agent.Count += row.Ratings
		agent.Average = float64(ofAgent) / float64(agent.Count)
	}
	if out.Count > 0 {
		average := float64(points) / float64(out.Count)
		out.Average = &average
	}
	return out
}

func same(a, b *handoff.ID) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
