package handoff

import "slices"

// Priority orders a queue: the higher ones go first.
type Priority int16

// The priorities.
const (
	PriorityLow Priority = iota
	PriorityNormal
	PriorityHigh
	PriorityUrgent
)

var priorities = []string{"low", "normal", "high", "urgent"}

// ParsePriority reads the name of a priority.
func ParsePriority(name string) (Priority, error) {
	i := slices.Index(priorities, name)
	if i < 0 {
		return PriorityNormal, Errorf(CodeInvalid, "%.20q is no priority: use low, normal, high or urgent", name)
	}
	return Priority(i), nil
}

// String is the priority's name.
func (p Priority) String() string {
	if p < 0 || int(p) >= len(priorities) {
		return priorities[PriorityNormal]
	}
	return priorities[p]
}
