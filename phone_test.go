package handoff_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestPhoneVariants(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ number, other string }{
		"Brazil, mobile with the ninth digit":    {"5541988887777", "554188887777"},
		"Brazil, mobile without the ninth digit": {"554188887777", "5541988887777"},
		"Brazil, landline":                       {"554133334444", ""},
		"Brazil, mobile of the newer ranges":     {"5511951234567", ""},
		"Brazil, no such area":                   {"5510988887777", ""},
		"Mexico, with the old 1":                 {"5215512345678", "525512345678"},
		"Mexico, without the old 1":              {"525512345678", "5215512345678"},
		"Mexico, too short":                      {"52155123456", ""},
		"Argentina, with the 9":                  {"5491123456789", "541123456789"},
		"Argentina, without the 9":               {"541123456789", "5491123456789"},
		"Argentina, with the 15 of calls inside": {"54111523456789", ""},
		"Britain":                                {"447700900123", ""},
		"United States":                          {"15550002222", ""},
		"as long as a mobile of Brazil":          {"8613812345678", ""},
		"with a plus it is no wa_id":             {"+5541988887777", ""},
		"letters":                                {"55419888x7777", ""},
		"other digits than ours":                 {"55419888٨7777", ""},
		"nothing":                                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := []string{tc.number}
			if tc.other != "" {
				want = append(want, tc.other)
			}
			require.Equal(t, want, handoff.PhoneVariants(tc.number))
		})
	}
}

// Whichever form one begins with, the forms are the same: so either finds the other, and both take one lock.
func FuzzPhoneVariants(f *testing.F) {
	for _, number := range []string{"5541988887777", "554188887777", "5215512345678", "525512345678", "5491123456789", "541123456789", "447700900123", ""} {
		f.Add(number)
	}
	f.Fuzz(func(t *testing.T, number string) {
		forms := handoff.PhoneVariants(number)
		require.Equal(t, number, forms[0])
		require.LessOrEqual(t, len(forms), 2)
		for _, form := range forms {
			others := handoff.PhoneVariants(form)
			slices.Sort(others)
			require.Equal(t, slices.Sorted(slices.Values(forms)), others)
		}
	})
}
