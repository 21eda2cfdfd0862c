package handoff

import "time"

// Presence says whether an agent takes conversations. It is a lease: who does not renew it is offline when it runs out.
type Presence string

// The presences of an agent.
const (
	PresenceOnline  Presence = "online"
	PresenceAway    Presence = "away"
	PresenceOffline Presence = "offline"
)

// Presences lists every presence.
var Presences = []Presence{PresenceOnline, PresenceAway, PresenceOffline}

// At is the presence at a time, by the time until which its lease goes; nil for no lease.
func (p Presence) At(until *time.Time, now time.Time) Presence {
	if until == nil || !now.Before(*until) {
		return PresenceOffline
	}
	return p
}

// Assignment says how a team's conversations find their agents.
type Assignment string

// The assignments of a team.
const (
	AssignManual      Assignment = "manual"       // agents claim
	AssignRoundRobin  Assignment = "round_robin"  // to whoever has waited longest for one
	AssignLeastLoaded Assignment = "least_loaded" // to whoever has the fewest
)

// WhenAway says what happens to the conversations of a team's agent who is not online any more.
type WhenAway string

// What happens to the conversations of an agent who is away.
const (
	AwayKeep    WhenAway = "keep"
	AwayRequeue WhenAway = "requeue"
)
