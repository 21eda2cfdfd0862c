package routing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"handoff"
)

// The limits of rules.
const (
	maxRules  = 100
	maxPaths  = 20  // conditions on the payload of one rule
	maxValues = 100 // of one condition
	maxWords  = 20  // skills or tags of one rule
	maxText   = 200 // characters of any text
)

// Check says what is wrong with rules.
func (r Rules) Check() error {
	if len(r) > maxRules {
		return fmt.Errorf("there are %d rules: at most %d are allowed", len(r), maxRules)
	}
	for i, rule := range r {
		if err := rule.check(); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (r Rule) check() error {
	if utf8.RuneCountInString(r.Name) > maxText {
		return fmt.Errorf("its name is longer than %d characters: shorten it", maxText)
	}
	if err := r.If.check(); err != nil {
		return err
	}
	return r.Then.check()
}

func (c If) check() error {
	if s := c.Source; s != "" && s != handoff.SourceGateway && s != handoff.SourceMeta {
		return fmt.Errorf("if.source is %.60q: use %s or %s", string(s), handoff.SourceGateway, handoff.SourceMeta)
	}
	for _, list := range []struct {
		name  string
		texts []string
	}{{"reason", c.Reason}, {"text", c.Text}, {"tags", c.Tags}} {
		if err := checkTexts("if."+list.name, list.texts, maxValues); err != nil {
			return err
		}
	}
	if len(c.Payload) > maxPaths {
		return fmt.Errorf("if.payload has %d paths: at most %d are allowed", len(c.Payload), maxPaths)
	}
	for _, path := range slices.Sorted(maps.Keys(c.Payload)) {
		if err := checkPath(path); err != nil {
			return err
		}
		if err := c.Payload[path].check(); err != nil {
			return fmt.Errorf("if.payload, %.60q: %w", path, err)
		}
	}
	return nil
}

func checkPath(path string) error {
	if utf8.RuneCountInString(path) > maxText || slices.Contains(strings.Split(path, "."), "") {
		return fmt.Errorf("if.payload has the path %.60q: give the names of fields with dots between them, such as order.kind", path)
	}
	return nil
}

func (t Then) check() error {
	if t.TeamID == nil && t.Priority == "" && len(t.Skills) == 0 && len(t.Tags) == 0 {
		return errors.New("then is empty: give at least one of team_id, skills, priority and tags")
	}
	if t.Priority != "" {
		if _, err := handoff.ParsePriority(t.Priority); err != nil {
			return fmt.Errorf("then.priority: %.20q is no priority: use low, normal, high or urgent", t.Priority)
		}
	}
	if err := checkTexts("then.skills", t.Skills, maxWords); err != nil {
		return err
	}
	return checkTexts("then.tags", t.Tags, maxWords)
}

func checkTexts(where string, texts []string, limit int) error {
	if len(texts) > limit {
		return fmt.Errorf("%s has %d texts: at most %d are allowed", where, len(texts), limit)
	}
	for _, text := range texts {
		if strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > maxText || strings.ContainsRune(text, 0) {
			return fmt.Errorf("%s has a text that is empty, holds a NUL character or is longer than %d characters: correct it", where, maxText)
		}
	}
	return nil
}
