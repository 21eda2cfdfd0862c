package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// Why somebody holds a conversation, as owners and events show it.
const (
	reasonClaimed     = "claimed"
	reasonAccepted    = "accepted"
	reasonAssigned    = "assigned"
	reasonTransferred = "transferred"
	reasonTakenOver   = "taken_over"
	reasonReopened    = "reopened"
	reasonStarted     = "started"
	reasonOpened      = "opened"
	reasonOffloaded   = "offloaded"
	reasonReleased    = "released"
	reasonPassed      = "passed"
	reasonSilent      = "agent_silent"
	reasonAway        = "agent_away"
	reasonWrote       = "contact_wrote"
	reasonAnswered    = "answered"
	reasonDue         = "due"
	reasonWoken       = "woken"
	reasonEnded       = "ended"
	reasonCancelled   = "cancelled"
	reasonMoved       = "moved"
)

// holdBy gives the conversation to an agent.
func (l *locked) holdBy(ctx context.Context, agent handoff.ID, reason string) error {
	l.moved(reason)
	l.conv.Status, l.conv.AssigneeID = handoff.StatusAssigned, &agent
	return l.watch(ctx)
}

// lineUp puts the conversation into the queue. What was there before comes back to its old place.
func (l *locked) lineUp(reason string, passedBy ...handoff.ID) {
	l.moved(reason)
	l.conv.Status, l.conv.AssigneeID, l.conv.SilentAt = handoff.StatusWaiting, nil, nil
	l.conv.PassedBy = append(l.conv.PassedBy, passedBy...)
	if l.conv.QueuedAt == nil {
		l.conv.QueuedAt = &l.now
	}
}

// holdByBot gives the conversation to the bot: nobody owes the contact an answer then.
func (l *locked) holdByBot(reason string) {
	l.moved(reason)
	l.conv.Status, l.conv.AssigneeID, l.conv.QueuedAt = handoff.StatusBot, nil, nil
	l.settled()
}

func (l *locked) moved(reason string) {
	l.withdraw()
	l.resume()
	l.conv.SnoozedUntil, l.conv.PassedBy = nil, []handoff.ID{}
	l.conv.ControlSince, l.conv.ControlReason, l.changed = &l.now, &reason, true
}

// withdraw ends an offer without a word.
func (l *locked) withdraw() {
	l.conv.OfferedTo, l.conv.OfferedBot, l.conv.OfferExpiresAt = nil, false, nil
}

// await notes that the contact waits for an answer, unless they do already.
func (l *locked) await(ctx context.Context, since time.Time) error {
	if l.conv.AwaitingSince != nil {
		return nil
	}
	l.conv.AwaitingSince = &since
	limit := l.inbox.FirstResponseSeconds
	if l.conv.FirstRespondedAt != nil {
		limit = l.inbox.NextResponseSeconds
	}
	if limit != nil {
		due, err := l.workingTime(since, time.Duration(*limit)*time.Second)
		if err != nil {
			return err
		}
		l.respondBy(due)
	}
	return l.watch(ctx)
}

// respondBy sets when a response is late, and when that is told first.
func (l *locked) respondBy(due time.Time) {
	l.conv.ResponseDueAt, l.conv.ResponseNoticeAt = &due, &due
	if s := l.inbox.WarningSeconds; s != nil {
		if warn := due.Add(-time.Duration(*s) * time.Second); warn.After(l.now) {
			l.conv.ResponseNoticeAt = &warn
		}
	}
}

// workingTime is when so much time has passed, within the inbox's hours where it counts those only.
func (l *locked) workingTime(start time.Time, d time.Duration) (time.Time, error) {
	if !l.inbox.ResponseHours {
		return start.Add(d), nil
	}
	var hours handoff.Hours
	if l.inbox.Hours != nil {
		if err := json.Unmarshal(l.inbox.Hours, &hours); err != nil {
			return start, fmt.Errorf("read the hours of inbox %s: %w", l.inbox.ID, err)
		}
	}
	zone, err := time.LoadLocation(l.inbox.TimeZone)
	if err != nil {
		return start, fmt.Errorf("read the time zone of inbox %s: %w", l.inbox.ID, err)
	}
	return hours.After(start.In(zone), d, l.inbox.Holidays).UTC(), nil
}

// answered notes that a person has answered.
func (l *locked) answered() {
	if l.conv.FirstRespondedAt == nil {
		l.conv.FirstRespondedAt = &l.now
	}
	l.settled()
}

func (l *locked) settled() {
	l.conv.AwaitingSince, l.conv.ResponseDueAt, l.conv.ResponseNoticeAt, l.conv.SilentAt = nil, nil, nil, nil
	l.changed = true
}

// watch sets the time by which the assignee has to answer before the conversation goes back to the queue, where its team has one.
func (l *locked) watch(ctx context.Context) error {
	l.conv.SilentAt = nil
	if l.conv.Status != handoff.StatusAssigned || l.conv.AwaitingSince == nil {
		return nil
	}
	team, err := l.readTeam(ctx)
	if err != nil || team == nil || team.SilentSeconds == nil {
		return err
	}
	since := *l.conv.AwaitingSince
	if l.conv.ControlSince != nil && l.conv.ControlSince.After(since) {
		since = *l.conv.ControlSince
	}
	at := since.Add(time.Duration(*team.SilentSeconds) * time.Second)
	l.conv.SilentAt = &at
	return nil
}

// readTeam is the team in whose line the conversation stands; nil for none.
func (l *locked) readTeam(ctx context.Context) (*dbsqlc.Team, error) {
	if l.conv.TeamID == nil {
		return nil, nil
	}
	if l.team != nil && l.team.ID == *l.conv.TeamID {
		return l.team, nil
	}
	row, err := l.q.TeamGetAny(ctx, dbsqlc.TeamGetAnyParams{AccountID: l.ref.AccountID, ID: *l.conv.TeamID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	l.team = &row
	return l.team, err
}

// heardFrom does what follows when the contact writes: the conversation comes back from wherever it was put aside.
func (l *locked) heardFrom(ctx context.Context, at time.Time) error {
	if err := l.keepOpen(ctx, happening{author: handoff.AuthorContact}, reasonWrote); err != nil {
		return err
	}
	if l.conv.Status == handoff.StatusSnoozed {
		if err := l.wakeUp(ctx, happening{author: handoff.AuthorContact}, reasonWrote); err != nil {
			return err
		}
	}
	if l.conv.Status == handoff.StatusBot {
		if !l.protocol.Handover {
			return nil // it is for the bot
		}
		if err := l.enqueue(ctx, reasonWrote, nil); err != nil {
			return err
		}
	}
	if err := l.await(ctx, at); err != nil {
		return err
	}
	return l.sendExpected(ctx)
}
