package meta_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/meta"
	"handoff/internal/vendorjson"
)

func TestEveryCodeHasItsAction(t *testing.T) {
	t.Parallel()
	for action, codes := range map[meta.Action][]int{
		meta.ActionRefreshToken: {0, 190},
		meta.ActionPermission:   {3, 10, 131005, 200, 210, 230, 299},
		meta.ActionThrottle:     {4, 80007, 130429, 131048, 133016},
		meta.ActionPairThrottle: {131056},
		meta.ActionRetry:        {1, 2, 131000, 131016, 131057, 133004},
		meta.ActionNever:        {368, 130472, 130497, 131026, 131031, 131047, 131049, 131050},
		meta.ActionFix: {
			33, 100, 131008, 131009, 131021, 131030, 131042, 131051, 131052, 131053, 131062,
			132000, 132001, 132005, 132007, 132012, 132015, 132016, 132068, 132069, 133010,
		},
	} {
		for _, code := range codes {
			body := fmt.Appendf(nil, `{"error":{"message":"(#%d) m","code":%d}}`, code, code)
			// The HTTP status says nothing: Meta answers 3 with 500, and 131056 with 400 or 429.
			for _, status := range []int{200, 400, 401, 403, 429, 500} {
				e, ok := meta.ParseSendError(status, body)
				require.True(t, ok)
				require.Equal(t, code, e.Code)
				require.Equal(t, action, e.Action(), "code %d, HTTP %d", code, status)
				failure := e.Failure()
				require.Equal(t, strconv.Itoa(code), failure.Code)
				require.Regexp(t, `^[a-zM][^(]{20,}[^.]$`, failure.Reason, "code %d", code)
			}
		}
	}
}

func TestUnknownCodesGoByTheStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]meta.Action{
		200: meta.ActionFix, 400: meta.ActionFix, 404: meta.ActionFix, 429: meta.ActionThrottle, 500: meta.ActionRetry, 503: meta.ActionRetry,
	} {
		for _, body := range []string{
			`{"error":{"code":999999}}`, `{"error":{"message":"no code"}}`, `{"error":{"code":"x"}}`, `{"error":{"code":-5}}`,
			`{"error":"text"}`, `{}`, `[]`, `null`, ``, `<html>502</html>`, strings.Repeat("[", 100000),
		} {
			e, ok := meta.ParseSendError(status, []byte(body))
			require.Equal(t, strings.Contains(body, "999999"), ok, body)
			require.Equal(t, want, e.Action(), "HTTP %d: %s", status, body)
			require.NotEmpty(t, e.Failure().Code)
			require.NotEmpty(t, e.Failure().Reason)
		}
	}
	e, _ := meta.ParseSendError(400, []byte(`{"error":{"code":999999,"is_transient":true}}`))
	require.Equal(t, meta.ActionRetry, e.Action(), "Meta says that it passes")
	e, _ = meta.ParseSendError(502, []byte(`<html>`))
	require.Equal(t, meta.CodeUnknown, e.Code, "code 0 is a bad token")
	require.Equal(t, "http_502", e.Failure().Code)
}

func TestSendErrorReadsMetasFields(t *testing.T) {
	t.Parallel()
	e, ok := meta.ParseSendError(400, []byte(`{"error":{"message":"(#131047) Re-engagement message","type":"OAuthException","code":131047,
		"error_subcode":2494010,"error_data":{"messaging_product":"whatsapp","details":"More than 24 hours have passed."},"fbtrace_id":"Az8"}}`))
	require.True(t, ok)
	require.Equal(t, meta.SendError{
		Status: 400, Code: 131047, Subcode: 2494010, Message: "(#131047) Re-engagement message", Details: "More than 24 hours have passed.",
		TraceID: "Az8",
	}, e)
	require.Equal(t, "more than 24 hours have passed since the customer wrote: send a template (Meta: More than 24 hours have passed)",
		e.Failure().Reason)
	require.EqualError(t, e, "Meta's error 131047/2494010: Re-engagement message: More than 24 hours have passed")
	var target meta.SendError
	require.ErrorAs(t, fmt.Errorf("send: %w", e), &target)
	require.Equal(t, 131047, target.Code)

	e, _ = meta.ParseSendError(400, []byte(`{"error":{"message":"(#777777) Strange.","code":"777777","error_data":"why"}}`))
	require.Equal(t, "Meta refused it: Strange: why", e.Failure().Reason)
	e, _ = meta.ParseSendError(401, []byte(`{"error":{"code":190,"error_user_msg":"Your token expired"}}`))
	require.Contains(t, e.Failure().Reason, "(Meta: Your token expired)")
}

// Graph repeats a token that it cannot read: "Malformed access token EAA…".
func TestSendErrorHidesTokens(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"EAAJB2kPx0ZBcBAO3zZAyxWmtbZCZBQ", "1234567890123456|a1b2c3d4e5f6g7h8", "1234567890123456%7Ca1b2c3d4e5f6"} {
		e, ok := meta.ParseSendError(400, fmt.Appendf(nil,
			`{"error":{"message":"Malformed access token %s","code":190,"error_data":{"details":"token=%s"}}}`, token, token))
		require.True(t, ok)
		for _, text := range []string{e.Error(), e.Failure().Reason, e.Message, e.Details} {
			require.NotContains(t, text, token)
			require.NotContains(t, text, token[10:])
		}
		require.Contains(t, e.Error(), "[token]")
	}
}

func TestPairWait(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: 4 * time.Second, 2: 16 * time.Second, 5: 1024 * time.Second, 6: time.Hour, 1 << 40: time.Hour,
	} {
		require.Equal(t, want, meta.PairWait(n), n)
	}
}

var codeInName = regexp.MustCompile(`code-(\d+)\.json$`)

func TestCorpusOfGraphErrors(t *testing.T) {
	t.Parallel()
	files := jsonFiles(t, "whatsapp", "graph-errors")
	actions := map[meta.Action]int{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		e, ok := meta.ParseSendError(400, body)
		require.True(t, ok, file)
		if match := codeInName.FindStringSubmatch(filepath.Base(file)); match != nil {
			require.Equal(t, match[1], strconv.Itoa(e.Code), file)
		}
		require.NotEmpty(t, e.Message, file)
		require.NotEmpty(t, e.Failure().Reason)
		actions[e.Action()]++
	}
	t.Logf("%d errors: %v", len(files), actions)
}

func FuzzParseSendError(f *testing.F) {
	for _, body := range []string{
		`{"error":{"message":"(#100) m","code":100,"error_data":{"details":"d"},"error_subcode":33}}`, `{"error":{"code":1e99}}`, `{"error":[]}`, "\x00",
	} {
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e, ok := meta.ParseSendError(status, body)
		require.Equal(t, ok, e.Code != meta.CodeUnknown)
		require.NotEmpty(t, e.Action())
		failure := e.Failure()
		require.NotEmpty(t, failure.Code)
		require.Equal(t, failure.Reason, vendorjson.SanitizeText(failure.Reason))
		require.LessOrEqual(t, len([]rune(failure.Reason)), 1500)
		require.NotEmpty(t, errors.Unwrap(fmt.Errorf("%w", e)).Error())
	})
}
