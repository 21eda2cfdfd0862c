package searchindex

import "slices"

// Part is a piece of an excerpt: text as it was written.
type Part struct {
	Text  string
	Match bool // it is what was looked for
}

const (
	excerptRunes = 160
	excerptLead  = 40 // before the first match
)

// Excerpt gives a piece of text around the first match of q, cut into what matches and what does not. It is the beginning of text where
// nothing matches.
func Excerpt(text string, q Query) []Part {
	runes, starts := fold(text)
	marked := marks(runes, q)
	from := max(slices.Index(marked, true)-excerptLead, 0)
	to := min(from+excerptRunes, len(runes))
	var parts []Part
	if from > 0 {
		parts = append(parts, Part{Text: "…"})
	}
	for i := from; i < to; {
		// Several letters may stand for one character, which is shown once.
		j, match := i, false
		for ; j < len(runes) && starts[j] == starts[i]; j++ {
			match = match || marked[j]
		}
		end := len(text)
		if j < len(runes) {
			end = starts[j]
		}
		parts = add(parts, Part{Text: text[starts[i]:end], Match: match})
		i = j
	}
	if to < len(runes) {
		parts = add(parts, Part{Text: "…"})
	}
	return parts
}

func add(parts []Part, p Part) []Part {
	if n := len(parts); n > 0 && parts[n-1].Match == p.Match {
		parts[n-1].Text += p.Text
		return parts
	}
	return append(parts, p)
}

// marks tells of each rune whether it is part of a match.
func marks(runes []rune, q Query) []bool {
	marked := make([]bool, len(runes))
	for _, term := range q.Terms {
		term, number := []rune(term), true
		for _, r := range term {
			number = number && digit(r)
		}
		for i := range runes {
			if end := matchAt(runes, i, term, number); end > i {
				for k := i; k < end; k++ {
					marked[k] = true
				}
			}
		}
	}
	return marked
}

// matchAt gives where the match of term that begins at i ends, or i. What groups a number does not count.
func matchAt(runes []rune, i int, term []rune, number bool) int {
	j := i
	for n, want := range term {
		for number && n > 0 && j < len(runes) && phoneSeparator(runes[j]) {
			j++
		}
		if j >= len(runes) || runes[j] != want {
			return i
		}
		j++
	}
	return j
}
