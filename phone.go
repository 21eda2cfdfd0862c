package handoff

import "regexp"

// phoneForms are the numbers of a country that WhatsApp writes in two ways, with and without the digits that mark a mobile
// phone. Each pattern has what stands before and after these digits as its two groups.
var phoneForms = []struct {
	long, short *regexp.Regexp
	mark        string
}{
	// Brazil put a 9 before the mobile numbers that began with 6 to 9. The wa_id of a number that was registered before still
	// lacks it. Numbers that begin with 2 to 5 have one form: without the 9 they would be somebody's landline.
	{regexp.MustCompile(`^(55[1-9][1-9])9([6-9]\d{7})$`), regexp.MustCompile(`^(55[1-9][1-9])([6-9]\d{7})$`), "9"},
	// Mexico dialled its mobile phones with a 1 after the country code until 2019.
	{regexp.MustCompile(`^(52)1([2-9]\d{9})$`), regexp.MustCompile(`^(52)([2-9]\d{9})$`), "1"},
	// Argentina has a 9 after the country code for calls from abroad. The 15 of calls inside the country is in no wa_id.
	{regexp.MustCompile(`^(54)9([1-3]\d{9})$`), regexp.MustCompile(`^(54)([1-3]\d{9})$`), "9"},
}

// PhoneVariants gives the forms in which WhatsApp writes a phone number, the given one first. The number is in digits with
// country code, as wa_id has it. Most numbers have one form; those of mobile phones in Brazil, Mexico and Argentina have two,
// and the same phone may arrive in either.
func PhoneVariants(number string) []string {
	for _, form := range phoneForms {
		if parts := form.long.FindStringSubmatch(number); parts != nil {
			return []string{number, parts[1] + parts[2]}
		}
		if parts := form.short.FindStringSubmatch(number); parts != nil {
			return []string{number, parts[1] + form.mark + parts[2]}
		}
	}
	return []string{number}
}
