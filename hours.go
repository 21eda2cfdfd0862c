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

// Open tells whether at, which is in the inbox's time zone, lies within the hours. Hours that Check refuses are closed.
func (h Hours) Open(at time.Time) bool {
	now := at.Hour()*60 + at.Minute()
	today, yesterday := weekdays[at.Weekday()], weekdays[(at.Weekday()+6)%7]
	for _, span := range h {
		from, err := minuteOfDay(span.From)
		if err != nil {
			continue
		}
		to, err := minuteOfDay(span.To)
		if err != nil {
			continue
		}
		over := to <= from
		if slices.Contains(span.Days, today) && now >= from && (over || now < to) {
			return true
		}
		if over && slices.Contains(span.Days, yesterday) && now < to {
			return true
		}
	}
	return false
}

func minuteOfDay(text string) (int, error) {
	if text == "24:00" {
		return 24 * 60, nil
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%.20q is no time of day: write it like 09:30", text)
	}
	return at.Hour()*60 + at.Minute(), nil
}
