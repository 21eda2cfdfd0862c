package admin

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// WorkFields is how people work on an inbox's conversations. In a change an absent field stays as it is.
type WorkFields struct {
	TeamID        *string        // where conversations queue that no rule sends elsewhere; empty removes it
	Routing       *routing.Rules // none removes them
	Replies       *string        // handoff.RepliesAssignee or handoff.RepliesAnyone
	UndoSeconds   *int
	ReopenMinutes *int
	ReopenTo      *string // handoff.ReopenToQueue or handoff.ReopenToAssignee
	Holidays      *[]string

	FirstResponseSeconds *int // 0 is none
	NextResponseSeconds  *int // 0 is none
	WarningSeconds       *int // 0 is none
	ResponseHours        *bool
	WindowWarningMinutes *int // 0 is none

	TypingIndicators *bool
	ReadReceipts     *bool

	Dispositions        *[]string
	DispositionRequired *bool
	CSATText            *string // empty removes it

	RetentionDays *int // ended conversations are deleted after so long; 0 is never
}

// SurveyLink is replaced in csat_text by the address at which the contact rates.
const SurveyLink = "{{link}}"

const (
	maxUndo          = 60                // seconds
	maxReopen        = 30 * 24 * 60      // minutes
	maxResponse      = 30 * 24 * 60 * 60 // seconds
	maxWindowWarning = 24 * 60           // minutes
	maxHolidays      = 500
	maxDispositions  = 100
	maxSurvey        = 1000  // characters
	maxRetention     = 36500 // days
)

// withWaID are the protocols whose conversations show typing and reading to their contacts.
var withWaID = []handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolKapso}

func newWork(row *dbsqlc.Inbox) {
	row.Replies, row.ReopenTo, row.Holidays, row.Dispositions = handoff.RepliesAssignee, handoff.ReopenToQueue, []string{}, []string{}
}

// workStrangers says which of the given fields do not belong to the inbox's protocol.
func (c *check) workStrangers(p handoff.Protocol, f WorkFields) {
	for _, field := range []struct {
		name  string
		given bool
		of    []handoff.Protocol
	}{
		{"team_id", f.TeamID != nil, talking},
		{"routing", f.Routing != nil, talking},
		{"replies", f.Replies != nil, talking},
		{"undo_seconds", f.UndoSeconds != nil, talking},
		{"reopen_minutes", f.ReopenMinutes != nil, talking},
		{"reopen_to", f.ReopenTo != nil, talking},
		{"holidays", f.Holidays != nil, talking},
		{"first_response_seconds", f.FirstResponseSeconds != nil, talking},
		{"next_response_seconds", f.NextResponseSeconds != nil, talking},
		{"warning_seconds", f.WarningSeconds != nil, talking},
		{"response_hours", f.ResponseHours != nil, talking},
		{"window_warning_minutes", f.WindowWarningMinutes != nil, talking},
		{"typing_indicators", f.TypingIndicators != nil, withWaID},
		{"read_receipts", f.ReadReceipts != nil, withWaID},
		{"dispositions", f.Dispositions != nil, talking},
		{"disposition_required", f.DispositionRequired != nil, talking},
		{"csat_text", f.CSATText != nil, talking},
	} {
		c.belongs(field.name, field.given, p, field.of)
	}
}

func (c *check) work(row *dbsqlc.Inbox, f WorkFields) {
	c.workRouting(row, f)
	set(&row.ResponseHours, f.ResponseHours)
	set(&row.TypingIndicators, f.TypingIndicators)
	set(&row.ReadReceipts, f.ReadReceipts)
	set(&row.DispositionRequired, f.DispositionRequired)
	set(&row.Replies, f.Replies)
	c.oneOf("replies", row.Replies, handoff.RepliesAssignee, handoff.RepliesAnyone)
	set(&row.ReopenTo, f.ReopenTo)
	c.oneOf("reopen_to", row.ReopenTo, handoff.ReopenToQueue, handoff.ReopenToAssignee)
	if f.UndoSeconds != nil {
		c.within("undo_seconds", *f.UndoSeconds, 0, maxUndo)
		row.UndoSeconds = int32(min(max(*f.UndoSeconds, 0), maxUndo))
	}
	if f.ReopenMinutes != nil {
		c.within("reopen_minutes", *f.ReopenMinutes, 0, maxReopen)
		row.ReopenMinutes = int32(min(max(*f.ReopenMinutes, 0), maxReopen))
	}
	c.workTimes(row, f)
	row.RetentionDays = c.number("retention_days", row.RetentionDays, f.RetentionDays, maxRetention)
	if f.Holidays != nil {
		c.holidays(row, *f.Holidays)
	}
	if f.Dispositions != nil {
		row.Dispositions = c.words("dispositions", *f.Dispositions, maxDispositions)
	}
	if f.CSATText != nil {
		c.survey(row, *f.CSATText)
	}
}

func (c *check) workRouting(row *dbsqlc.Inbox, f WorkFields) {
	if f.TeamID != nil {
		row.TeamID = nil
		if id, err := uuid.Parse(*f.TeamID); err == nil {
			row.TeamID = &id
		} else if *f.TeamID != "" {
			c.fault("team_id", "team_id is no id: copy it from the list of teams, or leave it empty for none")
		}
	}
	if f.Routing == nil {
		return
	}
	if row.Routing = nil; len(*f.Routing) == 0 {
		return
	}
	if err := f.Routing.Check(); err != nil {
		c.fault("routing", "routing: %v", err)
		return
	}
	encoded, err := json.Marshal(*f.Routing)
	if err != nil {
		c.fault("routing", "routing: %v", err)
		return
	}
	row.Routing = encoded
}

func (c *check) workTimes(row *dbsqlc.Inbox, f WorkFields) {
	row.FirstResponseSeconds = c.number("first_response_seconds", row.FirstResponseSeconds, f.FirstResponseSeconds, maxResponse)
	row.NextResponseSeconds = c.number("next_response_seconds", row.NextResponseSeconds, f.NextResponseSeconds, maxResponse)
	row.WarningSeconds = c.number("warning_seconds", row.WarningSeconds, f.WarningSeconds, maxResponse)
	row.WindowWarningMinutes = c.number("window_warning_minutes", row.WindowWarningMinutes, f.WindowWarningMinutes, maxWindowWarning)
	if row.WarningSeconds == nil {
		return
	}
	if row.FirstResponseSeconds == nil && row.NextResponseSeconds == nil {
		c.fault("warning_seconds", "warning_seconds warns of late responses: give first_response_seconds or next_response_seconds, or 0 for no warning")
	}
	for _, response := range []*int32{row.FirstResponseSeconds, row.NextResponseSeconds} {
		if response != nil && *row.WarningSeconds >= *response {
			c.fault("warning_seconds", "warning_seconds is %d, and a response has %d: the warning must be shorter", *row.WarningSeconds, *response)
		}
	}
}

func (c *check) holidays(row *dbsqlc.Inbox, days []string) {
	if len(days) > maxHolidays {
		c.fault("holidays", "holidays has %d days: at most %d are allowed; leave out those that are over", len(days), maxHolidays)
		return
	}
	if err := handoff.CheckHolidays(days); err != nil {
		c.fault("holidays", "holidays: %v", err)
		return
	}
	row.Holidays = append([]string{}, slices.Compact(slices.Sorted(slices.Values(days)))...)
}

func (c *check) survey(row *dbsqlc.Inbox, text string) {
	if row.CSATText = nil; text == "" {
		return
	}
	row.CSATText = &text
	c.text("csat_text", text, maxSurvey)
	if !strings.Contains(text, SurveyLink) {
		c.fault("csat_text", "csat_text does not say where the contact rates: put %s where the link belongs", SurveyLink)
	}
}

func (c *check) oneOf(field, value string, known ...string) {
	if !slices.Contains(known, value) {
		c.fault(field, "there is no %s %.60q: there are %s", field, value, listed(known))
	}
}

// checkTeams refuses teams that are not there. Those that are stay until the transaction ends.
func checkTeams(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Inbox, f WorkFields) error {
	var c check
	named := map[string][]handoff.ID{}
	if f.TeamID != nil && row.TeamID != nil {
		named["team_id"] = []handoff.ID{*row.TeamID}
	}
	if f.Routing != nil {
		named["routing"] = f.Routing.Teams()
	}
	for _, field := range []string{"team_id", "routing"} {
		for _, id := range named[field] {
			_, err := q.TeamShare(ctx, dbsqlc.TeamShareParams{AccountID: row.AccountID, ID: id})
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				c.fault(field, "%s names the team %s, which this account does not have: take an id from the list of teams", field, id)
			case err != nil:
				return err
			}
		}
	}
	return c.err()
}

func saveWork(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Inbox) (dbsqlc.Inbox, error) {
	return q.InboxSetWork(ctx, dbsqlc.InboxSetWorkParams{
		ID: row.ID, TeamID: row.TeamID, Routing: row.Routing, Replies: row.Replies, UndoSeconds: row.UndoSeconds, ReopenMinutes: row.ReopenMinutes,
		ReopenTo: row.ReopenTo, Holidays: row.Holidays, FirstResponseSeconds: row.FirstResponseSeconds,
		NextResponseSeconds: row.NextResponseSeconds, WarningSeconds: row.WarningSeconds, ResponseHours: row.ResponseHours,
		WindowWarningMinutes: row.WindowWarningMinutes, TypingIndicators: row.TypingIndicators, ReadReceipts: row.ReadReceipts,
		Dispositions: row.Dispositions, DispositionRequired: row.DispositionRequired, CSATText: row.CSATText, RetentionDays: row.RetentionDays,
	})
}
