package searchindex

import (
	"slices"
	"unicode"

	"handoff"
)

// dense tells of characters of which one or two make a word: those of Chinese, Japanese and Korean, and pictures.
func dense(r rune) bool {
	if r < 0x1100 {
		return false
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi) ||
		r == 'ー' || (r >= 0x2190 && unicode.Is(unicode.So, r))
}

func gap(r rune) bool { return r == ' ' || r == '\n' }

// Grams gives the hashes of the pieces of a normalised text by which it is found, each once. They hold the account, so that one
// account's common words make no other's search slow. Pieces with a space in them are left out: their neighbours say as much.
func Grams(account handoff.ID, text string) []int32 {
	runes := []rune(text)
	seed := hashBytes(fnvOffset, account[:])
	grams := make([]int32, 0, len(runes))
	for i, r := range runes {
		if gap(r) {
			continue
		}
		if dense(r) {
			grams = append(grams, int32(hashRune(seed, r)))
		}
		if i+1 >= len(runes) || gap(runes[i+1]) {
			continue
		}
		pair := hashRune(hashRune(seed, r), runes[i+1])
		if dense(r) || dense(runes[i+1]) {
			grams = append(grams, int32(pair))
			continue
		}
		if i+2 < len(runes) && !gap(runes[i+2]) && !dense(runes[i+2]) {
			grams = append(grams, int32(hashRune(pair, runes[i+2])))
		}
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// FNV-1a: a collision costs a look at a row that does not match, no more.
const (
	fnvOffset = uint32(2166136261)
	fnvPrime  = uint32(16777619)
)

func hashBytes(h uint32, bytes []byte) uint32 {
	for _, b := range bytes {
		h = (h ^ uint32(b)) * fnvPrime
	}
	return h
}

func hashRune(h uint32, r rune) uint32 {
	return hashBytes(h, []byte{byte(r >> 16), byte(r >> 8), byte(r)})
}
