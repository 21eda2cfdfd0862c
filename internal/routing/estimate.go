package routing

import (
	"slices"
	"time"
)

const (
	// estimateOf is how many of the latest are looked at: enough that one slow hour of the past does not count for long.
	estimateOf   = 20
	minSamples   = 3
	samplesLast  = time.Hour
	farthestDown = 1_000_000 // places; no product of it and an hour overflows
)

// Estimate is how long somebody waits who has as many ahead, by how fast the line moved lately: the median time between the latest of
// the served, which are the times at which conversations of the line found their agents, times the places to go. It is false where
// fewer than three are younger than an hour.
func Estimate(ahead int, served []time.Time, now time.Time) (time.Duration, bool) {
	recent := make([]time.Time, 0, len(served))
	for _, at := range served {
		if !at.After(now) && now.Sub(at) <= samplesLast {
			recent = append(recent, at)
		}
	}
	if len(recent) < minSamples {
		return 0, false
	}
	slices.SortFunc(recent, time.Time.Compare)
	recent = recent[max(0, len(recent)-estimateOf):]
	gaps := make([]time.Duration, 0, len(recent)-1)
	for i := 1; i < len(recent); i++ {
		gaps = append(gaps, recent[i].Sub(recent[i-1]))
	}
	slices.Sort(gaps)
	median := (gaps[(len(gaps)-1)/2] + gaps[len(gaps)/2]) / 2
	return median * time.Duration(min(max(ahead, 0), farthestDown)+1), true
}
