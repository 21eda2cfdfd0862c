package handoff_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
)

var everyDay = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

func in(t testing.TB, zone string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	return location
}

// local reads a time of an inbox's zone.
func local(t testing.TB, zone, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, in(t, zone))
	require.NoError(t, err)
	return at
}

func TestOpen(t *testing.T) {
	t.Parallel()

	office := handoff.Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "17:30"}}
	night := handoff.Hours{{Days: []string{"thu", "fri"}, From: "22:00", To: "06:00"}}
	christmas := []string{"2026-12-25"} // a Friday
	for name, test := range map[string]struct {
		hours    handoff.Hours
		holidays []string
		at       string
		want     bool
	}{
		"no hours are always":                          {nil, nil, "2026-12-25 03:00", true},
		"no hours, on a holiday":                       {nil, christmas, "2026-12-25 03:00", false},
		"the day after a holiday":                      {nil, christmas, "2026-12-26 00:00", true},
		"at the beginning":                             {office, nil, "2026-12-24 09:00", true},
		"a minute before":                              {office, nil, "2026-12-24 08:59", false},
		"in the last minute":                           {office, nil, "2026-12-24 17:29", true},
		"at the end":                                   {office, nil, "2026-12-24 17:30", false},
		"on a Saturday":                                {office, nil, "2026-12-26 12:00", false},
		"in hours, on a holiday":                       {office, christmas, "2026-12-25 12:00", false},
		"over midnight":                                {night, nil, "2026-12-25 05:59", true},
		"over midnight, at the end":                    {night, nil, "2026-12-25 06:00", false},
		"the night before a holiday":                   {night, christmas, "2026-12-24 23:59", true},
		"the night before, past midnight":              {night, christmas, "2026-12-25 00:00", false},
		"the night that begins on the holiday":         {night, christmas, "2026-12-25 23:00", false},
		"the night that began on it, past midnight":    {night, christmas, "2026-12-26 00:00", true},
		"all day, up to the end":                       {handoff.Hours{{Days: everyDay, From: "00:00", To: "24:00"}}, nil, "2026-12-25 23:59", true},
		"from a time to the same is a day and a night": {handoff.Hours{{Days: []string{"thu"}, From: "08:00", To: "08:00"}}, nil, "2026-12-25 07:59", true},
		"a span that is refused is closed":             {handoff.Hours{{Days: everyDay, From: "x", To: "24:00"}}, nil, "2026-12-25 12:00", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, test.want, test.hours.Open(local(t, "Europe/Berlin", test.at), test.holidays))
		})
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()

	office := handoff.Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "17:00"}}
	nights := handoff.Hours{{Days: everyDay, From: "22:00", To: "04:00"}}
	for name, test := range map[string]struct {
		hours    handoff.Hours
		holidays []string
		start    string
		open     time.Duration
		want     string
	}{
		"always":                             {nil, nil, "2026-12-24 12:00", 100 * time.Hour, "2026-12-28 16:00"},
		"always but on holidays":             {nil, []string{"2026-12-25", "2026-12-27"}, "2026-12-24 23:00", 26 * time.Hour, "2026-12-28 01:00"},
		"nothing has to pass":                {office, nil, "2026-12-24 03:00", 0, "2026-12-24 03:00"},
		"within a span":                      {office, nil, "2026-12-24 09:30", time.Hour, "2026-12-24 10:30"},
		"up to its very end":                 {office, nil, "2026-12-24 16:00", time.Hour, "2026-12-24 17:00"},
		"a minute more":                      {office, nil, "2026-12-24 16:00", time.Hour + time.Minute, "2026-12-25 09:01"},
		"from a closed time":                 {office, nil, "2026-12-24 03:00", time.Hour, "2026-12-24 10:00"},
		"over a weekend":                     {office, nil, "2026-12-25 16:30", time.Hour, "2026-12-28 09:30"},
		"over a holiday and a weekend":       {office, []string{"2026-12-25"}, "2026-12-24 16:30", time.Hour, "2026-12-28 09:30"},
		"a night of which a holiday is half": {nights, []string{"2026-12-25"}, "2026-12-24 22:00", 3 * time.Hour, "2026-12-26 01:00"},
		"the night without 02:00 to 03:00":   {nights, nil, "2026-03-29 01:00", 2 * time.Hour, "2026-03-29 04:00"},
		"the night with it twice":            {nights, nil, "2026-10-25 01:00", 4 * time.Hour, "2026-10-25 04:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := test.hours.After(local(t, "Europe/Berlin", test.start), test.open, test.holidays)
			require.Equal(t, local(t, "Europe/Berlin", test.want), got)
		})
	}
}

func TestAfterKeepsSeconds(t *testing.T) {
	t.Parallel()

	office := handoff.Hours{{Days: everyDay, From: "09:00", To: "17:00"}}
	start := time.Date(2026, 12, 24, 16, 59, 59, 400_000_000, time.UTC)
	require.Equal(t, time.Date(2026, 12, 25, 9, 0, 0, 100_000_000, time.UTC), office.After(start, 700*time.Millisecond, nil))
}

func TestAfterGivesUp(t *testing.T) {
	t.Parallel()

	start := local(t, "Europe/Berlin", "2026-12-24 12:00")
	far := start.Add(400 * 24 * time.Hour)
	for name, hours := range map[string]handoff.Hours{
		"never open":   {{Days: everyDay, From: "x", To: "09:00"}},
		"hardly open":  {{Days: []string{"mon"}, From: "09:00", To: "09:01"}},
		"without days": {{From: "09:00", To: "10:00"}},
	} {
		require.Equal(t, far, hours.After(start, 100*time.Hour, nil), name)
	}
}

// Zones whose clocks do unusual things: by half an hour, at midnight, by a whole day.
var walks = []struct{ zone, from string }{
	{"UTC", "2026-12-24 12:00"},
	{"Europe/Berlin", "2026-03-28 12:00"},
	{"Europe/Berlin", "2026-10-24 12:00"},
	{"Australia/Lord_Howe", "2026-04-04 12:00"},
	{"America/Sao_Paulo", "2018-11-03 12:00"},
	{"Pacific/Apia", "2011-12-29 12:00"},
}

// The answer is that of somebody who looks at the clock every minute.
func TestAfterWalks(t *testing.T) {
	t.Parallel()

	const walked = 6 * 24 * 60
	clock := rapid.Custom(func(r *rapid.T) string {
		return time.Time{}.Add(time.Duration(rapid.IntRange(0, 95).Draw(r, "quarters")) * 15 * time.Minute).Format("15:04")
	})
	span := rapid.Custom(func(r *rapid.T) handoff.HoursSpan {
		to := rapid.OneOf(clock, rapid.Just("24:00")).Draw(r, "to")
		return handoff.HoursSpan{Days: rapid.SliceOfNDistinct(rapid.SampledFrom(everyDay), 1, 7, rapid.ID).Draw(r, "days"), From: clock.Draw(r, "from"), To: to}
	})
	rapid.Check(t, func(r *rapid.T) {
		walk := rapid.SampledFrom(walks).Draw(r, "zone")
		start := local(t, walk.zone, walk.from).Add(time.Duration(rapid.IntRange(0, 2*24*60).Draw(r, "minutes")) * time.Minute)
		hours := handoff.Hours(rapid.SliceOfN(span, 0, 3).Draw(r, "hours"))
		var holidays []string
		for _, days := range rapid.SliceOfN(rapid.IntRange(0, 4), 0, 2).Draw(r, "holidays") {
			holidays = append(holidays, start.AddDate(0, 0, days).Format(time.DateOnly))
		}
		open := time.Duration(rapid.IntRange(0, 30*60).Draw(r, "open")) * time.Minute

		got := hours.After(start, open, holidays)

		at, left := start, open
		for range walked {
			if left == 0 {
				break
			}
			if hours.Open(at, holidays) {
				left -= time.Minute
			}
			at = at.Add(time.Minute)
		}
		if left > 0 {
			require.False(r, got.Before(at), "it has not passed after %s", at)
			return
		}
		require.Equal(r, at, got)
		require.Equal(r, start.Location(), got.Location())
	})
}

func TestCheckHolidays(t *testing.T) {
	t.Parallel()

	require.NoError(t, handoff.CheckHolidays([]string{"2026-12-25", "2028-02-29"}))
	for _, day := range []string{"", "25.12.2026", "2026-02-29", "2026-1-1", "2026-12-25T00:00:00Z"} {
		require.ErrorContains(t, handoff.CheckHolidays([]string{day}), "is no day: write it like 2026-12-25", day)
	}
}
