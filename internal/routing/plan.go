package routing

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"handoff"
)

// Agent is an online member of the team.
type Agent struct {
	ID     handoff.ID
	Skills []string
	// Capacity is how many conversations at once the agent is given; nil for no limit.
	Capacity *int32
	// Load is how many the agent has or is offered, of any team.
	Load int
	// AssignedAt is when the agent was last given one; nil for never.
	AssignedAt *time.Time
	// JustAsked tells that this was a moment ago.
	JustAsked bool
}

// Waiting is a conversation in the team's line.
type Waiting struct {
	ID       handoff.ID
	Priority handoff.Priority
	QueuedAt time.Time
	// Skills are what an agent needs, all of them, in whatever case.
	Skills []string
	// PassedBy are the agents who declined it, let their offer expire, gave it back or lost it.
	PassedBy []handoff.ID
	// JustPassed tells that the latest of them gave it back or lost it a moment ago.
	JustPassed bool
}

// Match gives a conversation to an agent.
type Match struct {
	Conversation, Agent handoff.ID
}

// Plan gives the conversations of a line to agents with room, the highest priority first, then the longest waiting, then by id. Each
// conversation takes the best agent that is free when its turn comes: one that cannot be served keeps back nobody behind it.
//
// An agent who has passed a conversation by gets it again only once every agent with its skills has, busy ones included, and not at
// once: what somebody has just declined must not come back in the same moment. A manual team's plan is empty: its agents claim.
func Plan(assignment handoff.Assignment, waiting []Waiting, agents []Agent) []Match {
	if assignment != handoff.AssignRoundRobin && assignment != handoff.AssignLeastLoaded {
		return nil
	}
	line, desk := slices.Clone(waiting), newDesk(assignment, agents)
	slices.SortFunc(line, inLine)
	var matches []Match
	for i := range line {
		if desk.free == 0 {
			break
		}
		if agent := desk.pick(&line[i]); agent != nil {
			desk.give(agent)
			matches = append(matches, Match{Conversation: line[i].ID, Agent: agent.ID})
		}
	}
	return matches
}

func inLine(a, b Waiting) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.QueuedAt.Compare(b.QueuedAt), bytes.Compare(a.ID[:], b.ID[:]))
}

// desk is the team's agents while a plan is made.
type desk struct {
	assignment handoff.Assignment
	agents     []seat
	free       int // agents with room
	given      int
}

// seat is an agent with what the plan has given so far.
type seat struct {
	*Agent
	load int
	turn int // 0 until the plan gives the agent one; then greater the later that was
}

func newDesk(assignment handoff.Assignment, agents []Agent) *desk {
	d := &desk{assignment: assignment, agents: make([]seat, 0, len(agents))}
	for i := range agents {
		s := seat{Agent: &agents[i], load: agents[i].Load}
		if s.room() {
			d.free++
		}
		d.agents = append(d.agents, s)
	}
	return d
}

func (s *seat) room() bool { return s.Capacity == nil || s.load < int(*s.Capacity) }

// pick is nil where nobody is free who may have it.
func (d *desk) pick(w *Waiting) *seat {
	var fresh, again *seat
	askedAll := true
	for i := range d.agents {
		s := &d.agents[i]
		if !able(s.Agent, w) {
			continue
		}
		passed := slices.Contains(w.PassedBy, s.ID)
		askedAll = askedAll && passed
		switch {
		case !s.room(), passed && (w.JustPassed || s.JustAsked):
		case passed:
			again = d.better(again, s)
		default:
			fresh = d.better(fresh, s)
		}
	}
	if askedAll {
		return again
	}
	return fresh
}

func able(a *Agent, w *Waiting) bool {
	for _, skill := range w.Skills {
		if !slices.ContainsFunc(a.Skills, func(have string) bool { return strings.EqualFold(have, skill) }) {
			return false
		}
	}
	return true
}

// better is whichever of two comes first; best may be nil.
func (d *desk) better(best, s *seat) *seat {
	if best == nil || d.compare(s, best) < 0 {
		return s
	}
	return best
}

func (d *desk) compare(a, b *seat) int {
	if d.assignment == handoff.AssignLeastLoaded && a.load != b.load {
		return cmp.Compare(a.load, b.load)
	}
	return cmp.Or(cmp.Compare(a.turn, b.turn), earlier(a.AssignedAt, b.AssignedAt), bytes.Compare(a.ID[:], b.ID[:]))
}

// earlier orders times with never first.
func earlier(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return a.Compare(*b)
}

func (d *desk) give(s *seat) {
	d.given++
	s.load++
	s.turn = d.given
	if !s.room() {
		d.free--
	}
}
