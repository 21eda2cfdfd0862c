package handoff

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hours says when an inbox takes offloads: at any time within one of its spans, in the inbox's time zone.
type Hours []HoursSpan

// HoursSpan is from one time of day to another, on some days of the week. A span whose end is not after its beginning goes on until
// that time of the next day.
type HoursSpan struct {
	Days []string `json:"days" doc:"mon, tue, wed, thu, fri, sat, sun" example:"[\"mon\",\"fri\"]"`
	From string   `json:"from" doc:"Time of day, HH:MM." example:"09:00"`
	To   string   `json:"to" doc:"Time of day, HH:MM; 24:00 for the end of the day." example:"17:30"`
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Check says what is wrong with hours.
func (h Hours) Check() error {
	for i, span := range h {
		if len(span.Days) == 0 {
			return fmt.Errorf("span %d has no days: use some of %s", i+1, strings.Join(weekdays, ", "))
		}
		for _, day := range span.Days {
			if !slices.Contains(weekdays, day) {
				return fmt.Errorf("span %d has the day %.20q: use some of %s", i+1, day, strings.Join(weekdays, ", "))
			}
		}
		for _, text := range []string{span.From, span.To} {
			if _, err := minuteOfDay(text); err != nil {
				return fmt.Errorf("span %d: %w", i+1, err)
			}
		}
	}
	return nil
}

// Open tells whether at, which is in the inbox's time zone, lies within the hours; no hours at all are always. A holiday, a day like
// 2026-12-25, is closed from midnight to midnight whatever span covers it: one that began the evening before stops at midnight, and
// one that goes on into the day after goes on there. Spans that Check refuses are closed.
func (h Hours) Open(at time.Time, holidays []string) bool {
	return h.week().open(at, holidays)
}

// afterGivesUp is how far After looks.
const afterGivesUp = 400 * 24 * time.Hour

// After is the time at which open has passed within the hours since start, which is in the inbox's time zone; holidays are closed. In
// a night in which the clock changes, what counts is the time that really passes. Where the hours do not hold that much in 400 days,
// as with hours that are never open, it is the end of these days.
func (h Hours) After(start time.Time, open time.Duration, holidays []string) time.Time {
	if open <= 0 || (len(h) == 0 && len(holidays) == 0) {
		return start.Add(max(open, 0))
	}
	w, at, last := h.week(), start, start.Add(afterGivesUp)
	for at.Before(last) {
		next := w.next(at)
		if w.open(at, holidays) {
			if passed := next.Sub(at); passed < open {
				open -= passed
			} else {
				next, open = at.Add(open), 0
			}
		}
		at = next
		if open == 0 {
			break
		}
	}
	if at.After(last) {
		return last
	}
	return at
}

// CheckHolidays says what is wrong with a list of holidays.
func CheckHolidays(days []string) error {
	for _, day := range days {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return fmt.Errorf("%.20q is no day: write it like 2026-12-25", day)
		}
	}
	return nil
}

const minutesOfDay = 24 * 60

// week is hours as minutes of days; always without a span.
type week struct {
	always bool
	spans  []minuteSpan
}

type minuteSpan struct {
	days     [7]bool
	from, to int
}

func (h Hours) week() week {
	w := week{always: len(h) == 0}
	for _, span := range h {
		from, err := minuteOfDay(span.From)
		if err != nil {
			continue
		}
		to, err := minuteOfDay(span.To)
		if err != nil {
			continue
		}
		minutes := minuteSpan{from: from, to: to}
		for i, name := range weekdays {
			minutes.days[i] = slices.Contains(span.Days, name)
		}
		w.spans = append(w.spans, minutes)
	}
	return w
}

func (w week) open(at time.Time, holidays []string) bool {
	if len(holidays) > 0 && slices.Contains(holidays, at.Format(time.DateOnly)) {
		return false
	}
	now, today := at.Hour()*60+at.Minute(), at.Weekday()
	yesterday := (today + 6) % 7
	return w.always || slices.ContainsFunc(w.spans, func(s minuteSpan) bool {
		over := s.to <= s.from
		return (s.days[today] && now >= s.from && (over || now < s.to)) || (over && s.days[yesterday] && now < s.to)
	})
}

// next is the next time at which open may answer otherwise: a span begins or ends, a day begins, or the clock is changed.
func (w week) next(at time.Time) time.Time {
	hour, minute, second := at.Clock()
	now, edge := hour*60+minute, minutesOfDay
	for _, s := range w.spans {
		for _, e := range []int{s.from, s.to} {
			if e > now {
				edge = min(edge, e)
			}
		}
	}
	next := at.Add(time.Duration(edge-now)*time.Minute - time.Duration(second)*time.Second - time.Duration(at.Nanosecond()))
	if _, change := at.ZoneBounds(); !change.IsZero() && change.Before(next) {
		return change.In(at.Location())
	}
	return next
}

func minuteOfDay(text string) (int, error) {
	if text == "24:00" {
		return minutesOfDay, nil
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%.20q is no time of day: write it like 09:30", text)
	}
	return at.Hour()*60 + at.Minute(), nil
}
