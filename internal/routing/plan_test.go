package routing_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/routing"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// id is short enough to be read in a table, and sorts by its letter.
func id(letter string) handoff.ID {
	var out handoff.ID
	copy(out[:], letter)
	return out
}

func ids(letters string) []handoff.ID {
	var out []handoff.ID
	for letter := range strings.SplitSeq(letters, "") {
		out = append(out, id(letter))
	}
	return out
}

func capacity(n int32) *int32 { return &n }

func minutes(n int) *time.Time {
	at := noon.Add(time.Duration(n) * time.Minute)
	return &at
}

func waiting(letter string, priority handoff.Priority, minute int, skills ...string) routing.Waiting {
	return routing.Waiting{ID: id(letter), Priority: priority, QueuedAt: *minutes(minute), Skills: skills}
}

func passed(w routing.Waiting, by string) routing.Waiting {
	w.PassedBy = ids(by)
	return w
}

func TestPlan(t *testing.T) {
	t.Parallel()

	const normal = handoff.PriorityNormal
	free := []routing.Agent{{ID: id("A")}, {ID: id("B")}}
	for name, test := range map[string]struct {
		assignment handoff.Assignment
		waiting    []routing.Waiting
		agents     []routing.Agent
		want       string // conversation and agent, in order
	}{
		"agents of a manual team claim":         {handoff.AssignManual, []routing.Waiting{waiting("x", normal, 0)}, free, ""},
		"an unknown assignment assigns nothing": {"", []routing.Waiting{waiting("x", normal, 0)}, free, ""},
		"nobody is there":                       {handoff.AssignRoundRobin, []routing.Waiting{waiting("x", normal, 0)}, nil, ""},
		"the longest waiting goes first, within a priority": {
			handoff.AssignRoundRobin,
			[]routing.Waiting{waiting("z", normal, 0), waiting("y", normal, 1), waiting("x", normal, 1), waiting("w", handoff.PriorityUrgent, 9), waiting("v", handoff.PriorityLow, -9)},
			[]routing.Agent{{ID: id("A"), Capacity: capacity(4)}},
			"wA zA xA yA",
		},
		"round robin begins with whoever never had one, then goes by time, then by id": {
			handoff.AssignRoundRobin,
			[]routing.Waiting{waiting("v", normal, 0), waiting("w", normal, 1), waiting("x", normal, 2), waiting("y", normal, 3), waiting("z", normal, 4)},
			[]routing.Agent{{ID: id("A"), AssignedAt: minutes(-1)}, {ID: id("C"), AssignedAt: minutes(-2)}, {ID: id("B"), AssignedAt: minutes(-2)}, {ID: id("D")}},
			"vD wB xC yA zD",
		},
		"round robin does not count": {
			handoff.AssignRoundRobin,
			[]routing.Waiting{waiting("x", normal, 0)},
			[]routing.Agent{{ID: id("A"), Load: 9, AssignedAt: minutes(-2)}, {ID: id("B"), AssignedAt: minutes(-1)}},
			"xA",
		},
		"the least loaded counts what the plan gives, and ties go round": {
			handoff.AssignLeastLoaded,
			[]routing.Waiting{waiting("v", normal, 0), waiting("w", normal, 1), waiting("x", normal, 2), waiting("y", normal, 3)},
			[]routing.Agent{{ID: id("A"), Load: 2}, {ID: id("B"), Load: 0, AssignedAt: minutes(-1)}, {ID: id("C"), Load: 1, AssignedAt: minutes(-2)}},
			"vB wC xB yA",
		},
		"capacity is kept": {
			handoff.AssignLeastLoaded,
			[]routing.Waiting{waiting("x", normal, 0), waiting("y", normal, 1), waiting("z", normal, 2)},
			[]routing.Agent{{ID: id("A"), Load: 3, Capacity: capacity(3)}, {ID: id("B"), Load: 5, Capacity: capacity(3)}, {ID: id("C"), Capacity: capacity(2)}},
			"xC yC",
		},
		"all skills are needed, and who waits for them holds up nobody": {
			handoff.AssignRoundRobin,
			[]routing.Waiting{waiting("x", normal, 0, "german", "billing"), waiting("y", normal, 1, "German"), waiting("z", normal, 2)},
			[]routing.Agent{{ID: id("A"), Skills: []string{"german"}}, {ID: id("B"), Skills: []string{"billing"}}},
			"yA zB",
		},
		"who passed it by is spared": {
			handoff.AssignRoundRobin, []routing.Waiting{passed(waiting("x", normal, 0), "A")}, free, "xB",
		},
		"it waits for an agent who has not passed it by, and is busy": {
			handoff.AssignRoundRobin,
			[]routing.Waiting{passed(waiting("x", normal, 0), "A")},
			[]routing.Agent{{ID: id("A")}, {ID: id("B"), Load: 1, Capacity: capacity(1)}},
			"",
		},
		"it comes back once all with its skills passed it by": {
			handoff.AssignRoundRobin,
			[]routing.Waiting{passed(waiting("x", normal, 0, "german"), "AC")},
			[]routing.Agent{{ID: id("A"), Skills: []string{"german"}}, {ID: id("B")}},
			"xA",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var got []string
			for _, m := range routing.Plan(test.assignment, test.waiting, test.agents) {
				got = append(got, string(m.Conversation[:1])+string(m.Agent[:1]))
			}
			require.Equal(t, test.want, strings.Join(got, " "))
		})
	}
}

var skills = []string{"german", "billing", "vip"}

func drawLine(r *rapid.T) []routing.Waiting {
	var line []routing.Waiting
	for i := range rapid.IntRange(0, 12).Draw(r, "waiting") {
		w := waiting(string(rune('a'+i)), handoff.Priority(rapid.IntRange(0, 3).Draw(r, "priority")), rapid.IntRange(0, 4).Draw(r, "minute"),
			rapid.SliceOfNDistinct(rapid.SampledFrom(skills), 0, 2, rapid.ID).Draw(r, "skills")...)
		w.PassedBy = rapid.SliceOfN(rapid.SampledFrom(ids("ABCDE")), 0, 4).Draw(r, "passed by")
		line = append(line, w)
	}
	return line
}

func drawAgents(r *rapid.T) []routing.Agent {
	var agents []routing.Agent
	for i := range rapid.IntRange(0, 5).Draw(r, "agents") {
		a := routing.Agent{ID: id(string(rune('A' + i))), Load: rapid.IntRange(0, 4).Draw(r, "load")}
		a.Skills = rapid.SliceOfNDistinct(rapid.SampledFrom(skills), 0, 3, rapid.ID).Draw(r, "skills")
		if rapid.Bool().Draw(r, "limited") {
			a.Capacity = capacity(rapid.Int32Range(1, 4).Draw(r, "capacity"))
		}
		if rapid.Bool().Draw(r, "had one") {
			a.AssignedAt = minutes(rapid.IntRange(-3, 0).Draw(r, "assigned at"))
		}
		agents = append(agents, a)
	}
	return agents
}

// audit replays a plan beside a plain account of the rules.
type audit struct {
	agents []routing.Agent
	given  map[handoff.ID]int
}

func (a audit) room(agent routing.Agent) bool {
	return agent.Capacity == nil || agent.Load+a.given[agent.ID] < int(*agent.Capacity)
}

// may lists who could take a conversation now.
func (a audit) may(w routing.Waiting) []routing.Agent {
	able := slices.DeleteFunc(slices.Clone(a.agents), func(g routing.Agent) bool {
		return slices.ContainsFunc(w.Skills, func(s string) bool { return !slices.Contains(g.Skills, s) })
	})
	fresh := slices.DeleteFunc(slices.Clone(able), func(g routing.Agent) bool { return slices.Contains(w.PassedBy, g.ID) })
	if len(fresh) > 0 {
		able = fresh
	}
	return slices.DeleteFunc(able, func(g routing.Agent) bool { return !a.room(g) })
}

func TestPlanIsFair(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(r *rapid.T) {
		assignment := rapid.SampledFrom([]handoff.Assignment{handoff.AssignRoundRobin, handoff.AssignLeastLoaded}).Draw(r, "assignment")
		line, agents := drawLine(r), drawAgents(r)
		plan := routing.Plan(assignment, line, agents)

		matched := map[handoff.ID]handoff.ID{}
		for _, m := range plan {
			require.NotContains(r, matched, m.Conversation, "a conversation is given twice")
			matched[m.Conversation] = m.Agent
		}
		slices.SortStableFunc(line, func(a, b routing.Waiting) int { return slices.Compare(a.ID[:], b.ID[:]) })
		slices.SortStableFunc(line, func(a, b routing.Waiting) int { return a.QueuedAt.Compare(b.QueuedAt) })
		slices.SortStableFunc(line, func(a, b routing.Waiting) int { return int(b.Priority) - int(a.Priority) })
		a := audit{agents: agents, given: map[handoff.ID]int{}}
		for _, w := range line {
			may := a.may(w)
			got, ok := matched[w.ID]
			if !ok {
				require.Empty(r, may, "%s is passed over", w.ID)
				continue
			}
			i := slices.IndexFunc(may, func(g routing.Agent) bool { return g.ID == got })
			require.GreaterOrEqual(r, i, 0, "%s got an agent who may not have it", w.ID)
			for _, other := range may {
				if assignment == handoff.AssignLeastLoaded {
					require.LessOrEqual(r, may[i].Load+a.given[got], other.Load+a.given[other.ID], "not the least loaded")
				} else if a.given[other.ID] == 0 && a.given[got] == 0 && may[i].AssignedAt != nil {
					require.NotNil(r, other.AssignedAt, "who never had one goes first")
					require.False(r, other.AssignedAt.Before(*may[i].AssignedAt), "who had one longest ago goes first")
				} else {
					require.False(r, a.given[got] > 0 && a.given[other.ID] == 0, "an agent gets a second one while another has none")
				}
			}
			a.given[got]++
		}
		require.LessOrEqual(r, len(plan), len(line))
	})
}

func TestPlanDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(r *rapid.T) {
		assignment := rapid.SampledFrom([]handoff.Assignment{handoff.AssignRoundRobin, handoff.AssignLeastLoaded}).Draw(r, "assignment")
		line, agents := drawLine(r), drawAgents(r)
		plan := routing.Plan(assignment, line, agents)

		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		random.Shuffle(len(line), func(i, j int) { line[i], line[j] = line[j], line[i] })
		random.Shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
		require.Equal(r, plan, routing.Plan(assignment, line, agents))
	})
}

func TestEstimate(t *testing.T) {
	t.Parallel()

	at := func(minutes ...int) []time.Time {
		var out []time.Time
		for _, m := range minutes {
			out = append(out, noon.Add(time.Duration(m)*time.Minute))
		}
		return out
	}
	for name, test := range map[string]struct {
		ahead  int
		served []time.Time
		want   time.Duration
		known  bool
	}{
		"too few":                        {0, at(-1, -2), 0, false},
		"too old":                        {0, at(-61, -62, -63, -64), 0, false},
		"too few that are young":         {0, at(-61, -1, -2), 0, false},
		"of the future":                  {0, at(-1, -2, 1), 0, false},
		"the next":                       {0, at(-4, 0, -2), 2 * time.Minute, true},
		"the fourth":                     {3, at(-4, 0, -2), 8 * time.Minute, true},
		"one long gap counts for little": {1, at(0, -1, -2, -50), 2 * time.Minute, true},
		"between two gaps":               {0, at(0, -1, -4), 2 * time.Minute, true},
		"a negative place is the next":   {-5, at(0, -1, -2), time.Minute, true},
		"only the latest count": {0, append(at(-59, -58, -57, -56, -55, -54, -53, -52, -51, -50, -49, -48, -47, -46, -45, -44, -43, -42, -41, -40, -39, -38),
			at(-36, -34, -32, -30, -28, -26, -24, -22, -20, -18, -16, -14, -12, -10, -8, -6, -4, -2, 0)...), 2 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			before := slices.Clone(test.served)
			got, known := routing.Estimate(test.ahead, test.served, noon)
			require.Equal(t, test.known, known)
			require.Equal(t, test.want, got)
			require.Equal(t, before, test.served, "the caller's list stays as it is")
		})
	}
}
