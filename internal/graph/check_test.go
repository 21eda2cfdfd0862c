package graph_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegraph"
	"handoff/internal/graph"
)

func isErr(err, target error) bool { return errors.Is(err, target) }

// check runs Check and gives its results by name. No result and no error has the token in it.
func (b bundle) check(t *testing.T, wabaID, phoneNumberID string) (map[string]graph.CheckResult, graph.NumberInfo) {
	t.Helper()
	results, info, err := b.Check(t.Context(), token, wabaID, phoneNumberID)
	require.NoError(t, err)
	byName := map[string]graph.CheckResult{}
	for _, result := range results {
		require.NotEmpty(t, result.Detail)
		requireNoToken(t, result.Detail)
		byName[result.Name] = result
	}
	require.Len(t, byName, len(results))
	return byName, info
}

func TestCheckOfGoodCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	results, info := b.check(t, waba, number)
	require.Len(t, results, 4)
	for _, result := range results {
		require.True(t, result.OK, result.Detail)
		require.False(t, result.Skipped)
	}
	require.Equal(t, graph.NumberInfo{
		DisplayPhoneNumber: "+1 555-0100", VerifiedName: "Fake business", QualityRating: "GREEN", CanSend: "AVAILABLE",
	}, info)
}

func TestCheckSaysWhatIsWrongWithTheToken(t *testing.T) {
	t.Parallel()
	both := []string{"whatsapp_business_management", "whatsapp_business_messaging"}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		info   fakegraph.TokenInfo
		ok     bool
		checks int
		says   []string
	}{
		"revoked":   {fakegraph.TokenInfo{Scopes: both}, false, 1, []string{"make a new one", "has been invalidated"}},
		"expired":   {fakegraph.TokenInfo{Valid: true, Scopes: both, ExpiresAt: now.Add(-time.Hour)}, false, 1, []string{"make a new one", "expired"}},
		"ends soon": {fakegraph.TokenInfo{Valid: true, Scopes: both, ExpiresAt: now.Add(48 * time.Hour)}, true, 4, []string{"2026-03-03"}},
		"ends late": {fakegraph.TokenInfo{Valid: true, Scopes: both, ExpiresAt: now.Add(60 * 24 * time.Hour)}, true, 4, []string{"is valid"}},
		"no send":   {fakegraph.TokenInfo{Valid: true, Scopes: both[:1]}, false, 4, []string{"lacks whatsapp_business_messaging:"}},
		"no scope":  {fakegraph.TokenInfo{Valid: true}, false, 4, []string{"whatsapp_business_messaging and whatsapp_business_management"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.SetToken(token, tt.info)
			results, _ := b.check(t, waba, number)
			require.Len(t, results, tt.checks)
			require.Equal(t, tt.ok, results[graph.CheckToken].OK, results[graph.CheckToken].Detail)
			for _, part := range tt.says {
				require.Contains(t, results[graph.CheckToken].Detail, part)
			}
		})
	}
}

// Meta repeats a token that it cannot read in its error. We do not.
func TestCheckHidesATokenThatMetaRepeats(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, bad := range []string{token + "x", "not-a-token of Meta's", "a+b/c=d"} {
		results, _, err := b.Check(t.Context(), bad, waba, number)
		require.NoError(t, err)
		require.Len(t, results, 1)
		require.False(t, results[0].OK)
		require.Contains(t, results[0].Detail, "[token]", "Meta's own words are kept")
		require.NotContains(t, results[0].Detail, bad)
		_, err = b.Media(t.Context(), bad, "300")
		require.Error(t, err)
		require.NotContains(t, err.Error(), bad)
	}
}

// A token that may not look at itself is judged by what it can read.
func TestCheckWithoutDebugToken(t *testing.T) {
	t.Parallel()
	for _, code := range []int{100, 10, 200} {
		b := setup(t)
		b.fake.Fail(fakegraph.Fault{Path: "debug_token", Code: code})
		results, _ := b.check(t, waba, number)
		require.Len(t, results, 4)
		require.True(t, results[graph.CheckToken].OK)
		require.True(t, results[graph.CheckToken].Skipped)
		require.Contains(t, results[graph.CheckToken].Detail, "not checked")
		require.True(t, results[graph.CheckNumber].OK)
	}
}

func TestCheckOfTheNumberAndTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.AddNumber("100000000000002", "200000000000002", "+1 555-0102")

	results, info := b.check(t, waba, "404")
	require.False(t, results[graph.CheckNumber].OK)
	require.Contains(t, results[graph.CheckNumber].Detail, "Object with ID '404' does not exist")
	require.False(t, results[graph.CheckAccount].OK)
	require.True(t, results[graph.CheckHealth].Skipped)
	require.Zero(t, info)

	results, _ = b.check(t, "404", number)
	require.True(t, results[graph.CheckNumber].OK)
	require.False(t, results[graph.CheckAccount].OK)
	require.Contains(t, results[graph.CheckAccount].Detail, "404")

	results, _ = b.check(t, "100000000000002", number)
	require.True(t, results[graph.CheckNumber].OK)
	require.False(t, results[graph.CheckAccount].OK, "the number is in another account")
	require.Contains(t, results[graph.CheckAccount].Detail, "use one of its own, +1 555-0102 (200000000000002)")

	b.fake.AddMedia("300", "image/png", "", []byte("x"))
	results, _ = b.check(t, waba, "300")
	require.False(t, results[graph.CheckNumber].OK, "a file's id")

	_, _, err := b.Check(t.Context(), token, "", "../me")
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
}

func TestCheckOfTheHealth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.Health(number, "BLOCKED", "The display name is not approved.")
	results, info := b.check(t, waba, number)
	require.False(t, results[graph.CheckHealth].OK)
	require.Contains(t, results[graph.CheckHealth].Detail, "The display name is not approved. See WhatsApp Manager.")
	require.Equal(t, "BLOCKED", info.CanSend)
	b.fake.Health(number, "LIMITED", "")
	results, _ = b.check(t, waba, number)
	require.True(t, results[graph.CheckHealth].OK)
	require.Contains(t, results[graph.CheckHealth].Detail, "limits")
	b.fake.Health(number, "", "")
	results, _ = b.check(t, waba, number)
	require.True(t, results[graph.CheckHealth].Skipped)
}

// The number may be on a later page. Pages are asked for at the same host only, as their addresses have the token in them.
func TestCheckReadsAllPages(t *testing.T) {
	t.Parallel()
	b, s := setup(t), newStranger(t)
	for i := range 250 {
		b.fake.AddNumber("100000000000003", fmt.Sprint(300000000000000+i), fmt.Sprintf("+1 555-%04d", i))
	}
	results, _ := b.check(t, "100000000000003", "300000000000249")
	require.True(t, results[graph.CheckAccount].OK, results[graph.CheckAccount].Detail)
	results, _ = b.check(t, "100000000000003", number)
	require.False(t, results[graph.CheckAccount].OK)
	require.Less(t, len(results[graph.CheckAccount].Detail), 400)

	for _, next := range []string{s.url + "/page", "//" + strings.TrimPrefix(s.url, "http://") + "/page", "page"} {
		b.fake.Fail(fakegraph.Fault{
			Path: "/phone_numbers", Status: http.StatusOK, Body: fmt.Sprintf(`{"data":[],"paging":{"next":%q}}`, next+"?access_token="+token),
		})
		results, _ = b.check(t, waba, number)
		require.False(t, results[graph.CheckAccount].OK)
		require.Contains(t, results[graph.CheckAccount].Detail, "another host")
	}
	require.Zero(t, s.got())

	b.fake.Fail(fakegraph.Fault{
		Path: "/phone_numbers", Status: http.StatusOK, Times: -1, Body: fmt.Sprintf(`{"data":[],"paging":{"next":"%s/v24.0/1/phone_numbers"}}`, b.url),
	})
	results, _ = b.check(t, waba, number)
	require.False(t, results[graph.CheckAccount].OK, "endless pages end")
}

// Where Meta cannot be asked, nothing is said about the credentials.
func TestCheckWhileMetaIsDown(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"debug_token", "/v24.0/" + number, "phone_numbers"} {
		for _, fault := range []fakegraph.Fault{{Status: 500}, {Code: 4}, {Code: 131016}, {Hang: true, Times: -1}, {Body: "<html>", Status: 200}} {
			b := setup(t)
			fault.Path = path
			b.fake.Fail(fault)
			results, _, err := b.Check(t.Context(), token, waba, number)
			require.Equal(t, handoff.CodeUnavailable, handoff.ErrorCode(err), "%s %+v: %v", path, fault, results)
			require.Empty(t, results)
			requireNoToken(t, err.Error())
		}
	}
}

// debug_token may be asked with a token that still works for it, and say that it does not for anything else.
func TestCheckBelievesDebugToken(t *testing.T) {
	t.Parallel()
	for data, says := range map[string]string{
		`{"is_valid":false,"error":{"code":190,"message":"The session of ` + token + ` ended"}}`: "(Meta: The session of [token] ended)",
		`{"is_valid":false}`: "not valid",
		`{"is_valid":true,"expires_at":1700000000,"scopes":["whatsapp_business_messaging","whatsapp_business_management"]}`: "expired on 2023-11-14",
	} {
		b := setup(t)
		b.fake.Fail(fakegraph.Fault{Path: "debug_token", Status: http.StatusOK, Body: `{"data":` + data + `}`})
		results, _ := b.check(t, waba, number)
		require.Len(t, results, 1, "nothing else is asked")
		require.False(t, results[graph.CheckToken].OK)
		require.Contains(t, results[graph.CheckToken].Detail, says)
	}
}
