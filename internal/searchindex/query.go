package searchindex

import (
	"strings"
	"unicode"

	"handoff"
)

// Query is what somebody looks for: texts that have all of the terms, in any order.
type Query struct {
	Terms []string // normalised
}

// ParseQuery reads the words of a query, which are apart by white space, and the phrases, which stand in quotation marks. A number is
// found however it is grouped. It needs one term that an index can find: three characters, or one Chinese, Japanese or Korean one.
func ParseQuery(text string) (Query, error) {
	var q Query
	folded, _ := fold(strings.Map(plainQuote, text))
	for i, part := range strings.Split(string(folded), `"`) {
		if i%2 == 1 {
			q.add(strings.TrimSpace(part))
			continue
		}
		for word := range strings.FieldsSeq(part) {
			q.add(wanted(word))
		}
	}
	if len(q.Terms) == 0 {
		return q, handoff.Errorf(handoff.CodeInvalid, "q has no word to look for: give letters or digits, or a phrase in quotation marks")
	}
	for _, term := range q.Terms {
		if len(Grams(handoff.ID{}, term)) > 0 {
			return q, nil
		}
	}
	return q, handoff.Errorf(handoff.CodeInvalid,
		"q is too short: one of its words needs three characters that follow each other, or one that is Chinese, Japanese or Korean")
}

func (q *Query) add(term string) {
	if term != "" {
		q.Terms = append(q.Terms, term)
	}
}

// Grams gives the grams that a text with all of the terms has.
func (q Query) Grams(account handoff.ID) []int32 {
	return Grams(account, strings.Join(q.Terms, "\n"))
}

// Patterns gives the terms for LIKE.
func (q Query) Patterns() []string {
	patterns := make([]string, 0, len(q.Terms))
	for _, term := range q.Terms {
		patterns = append(patterns, Containing(term))
	}
	return patterns
}

// Containing is the pattern for LIKE of what has a text somewhere in it.
func Containing(text string) string { return "%" + likeEscaper.Replace(text) + "%" }

// Matches tells whether a normalised text has all of the terms.
func (q Query) Matches(normalised string) bool {
	for _, term := range q.Terms {
		if !strings.Contains(normalised, term) {
			return false
		}
	}
	return true
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func plainQuote(r rune) rune {
	if r == '“' || r == '”' || r == '„' || r == '«' || r == '»' {
		return '"'
	}
	return r
}

// wanted gives a word as it is looked for. Numbers lose what groups them, as the added numbers of a text have: see Normalise. A word of
// nothing but punctuation is none.
func wanted(word string) string {
	if strings.IndexFunc(word, func(r rune) bool { return !unicode.IsPunct(r) && r != '+' }) < 0 {
		return ""
	}
	core := strings.TrimRight(strings.TrimLeft(word, "+("), ")")
	if strings.IndexFunc(core, func(r rune) bool { return !digit(r) && !phoneSeparator(r) }) >= 0 {
		return word
	}
	digits := strings.Map(func(r rune) rune {
		if digit(r) {
			return r
		}
		return -1
	}, core)
	if len(digits) < minPhoneDigits && digits != core {
		return word
	}
	return digits
}
