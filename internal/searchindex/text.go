package searchindex

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxRunes is how much of a text can be found: more than WhatsApp lets anybody write (4096), and as much as a note may hold.
	maxRunes = 10_000
	// minPhoneDigits is how many digits make a number that people write in groups.
	minPhoneDigits = 5
)

// Normalise gives the form in which texts are compared: case, width, accents of Latin, Greek and Cyrillic letters and the length of
// white space make no difference. Numbers that are written in groups, such as +44 (0)20 7946-0958, are added in one piece behind a
// line feed, the only one there is.
func Normalise(text string) string {
	folded, _ := fold(text)
	runes := []rune(string(folded))
	if grouped := groupedNumbers(runes); grouped != "" {
		return string(folded) + "\n" + grouped
	}
	return string(folded)
}

// fold gives the normal form of text, at most maxRunes of it, and for each of its runes where what it stands for begins in text.
func fold(text string) (out []rune, starts []int) {
	var (
		iter   norm.Iter
		folder = cases.Fold()
		space  = true // at the beginning white space is dropped
	)
	iter.InitString(norm.NFKC, text)
	for !iter.Done() && len(out) < maxRunes {
		start := iter.Pos()
		segment := iter.Next()
		for _, r := range string(foldSegment(folder, segment)) {
			switch {
			case r == 0 || r == unicode.ReplacementChar:
			case unicode.IsSpace(r) || unicode.IsControl(r):
				if !space {
					out, starts = append(out, ' '), append(starts, start)
				}
				space = true
			default:
				out, starts, space = append(out, r), append(starts, start), false
			}
		}
	}
	if n := len(out); n > 0 && out[n-1] == ' ' {
		out, starts = out[:n-1], starts[:n-1]
	}
	return out, starts
}

// foldSegment works on a letter and its marks. Marks beyond those of European scripts stay: in Hindi, Thai or Japanese they make
// another letter.
func foldSegment(folder cases.Caser, segment []byte) []byte {
	if len(segment) == 1 && segment[0] < 0x80 {
		c := segment[0]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return []byte{c}
	}
	decomposed := norm.NFKD.Bytes(folder.Bytes(segment))
	plain := strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, string(decomposed))
	return norm.NFKC.Bytes([]byte(plain))
}

// phoneSeparator tells what stands between the groups of a number.
func phoneSeparator(r rune) bool {
	return r == ' ' || r == '-' || r == '+' || r == '(' || r == ')' || r == '.' || r == '/' || r == '‐' || r == '–'
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

// groupedNumbers gives each number that is written in groups without what separates them.
func groupedNumbers(runes []rune) string {
	var numbers []string
	for i := 0; i < len(runes); {
		if !digit(runes[i]) {
			i++
			continue
		}
		var number []rune
		separated, end := false, i
		for j := i; j < len(runes) && (digit(runes[j]) || phoneSeparator(runes[j])); j++ {
			if digit(runes[j]) {
				separated = separated || j > end
				number, end = append(number, runes[j]), j+1
			}
		}
		if separated && len(number) >= minPhoneDigits {
			numbers = append(numbers, string(number))
		}
		i = max(end, i+1)
	}
	return strings.Join(numbers, " ")
}
