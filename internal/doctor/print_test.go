package doctor_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/doctor"
)

func TestTheReportInWords(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, doctor.Print(&out, doctor.Report{Status: doctor.Failed, Findings: []doctor.Finding{
		{Check: "database", Status: doctor.OK, Says: "PostgreSQL answers"},
		{Check: "temporal", Status: doctor.Failed, Says: "Temporal does not answer at temporal:7233", Cause: "it is not running", Cure: "start it"},
		{Check: "workers", Status: doctor.Skipped, Says: "skipped because temporal is not well"},
		{Check: "public_url", Status: doctor.Warning, Says: "HANDOFF_PUBLIC_URL is not set", Cure: "set it"},
	}}))
	require.Equal(t, `ok       database                    PostgreSQL answers
failed   temporal                    Temporal does not answer at temporal:7233
                                     cause: it is not running
                                     do this: start it
skipped  workers                     skipped because temporal is not well
warning  public_url                  HANDOFF_PUBLIC_URL is not set
                                     do this: set it

1 ok, 1 warning, 1 failed, 1 skipped
`, out.String())
}

func TestTheDocumentationListsTheChecks(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/doctor.md")
	require.NoError(t, err)
	var want strings.Builder
	want.WriteString("| check | what is looked at | skipped unless |\n| --- | --- | --- |\n")
	for _, c := range doctor.Checks() {
		needs := make([]string, 0, len(c.Needs))
		for _, need := range c.Needs {
			needs = append(needs, "`"+need+"`")
		}
		want.WriteString("| `" + c.Name + "` | " + c.Looks + " | " + strings.Join(needs, ", ") + " |\n")
	}
	require.Contains(t, string(content), want.String())
}
