package signature_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/signature"
)

const (
	specID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	specTimestamp = 1614265330
	specBody      = `{"test": 2432232314}`
	specV1        = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	specV1a       = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
	metaBody      = `{"object":"whatsapp_business_account","entry":[]}`
)

func headerOf(id, timestamp, signatures string) http.Header {
	header := http.Header{}
	for name, value := range map[string]string{
		signature.HeaderID: id, signature.HeaderTimestamp: timestamp, signature.HeaderSignature: signatures,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return header
}

func specHeader(signatures string) http.Header {
	return headerOf(specID, strconv.Itoa(specTimestamp), signatures)
}

func TestDelivery_01_Vectors(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		secret, id string
		timestamp  int64
		body, want string
	}{
		"standard webhooks": {specSecret, specID, specTimestamp, specBody, specV1},
		"svix": {
			otherSecret, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
			`{"email":"test@example.com","username":"test_user"}`, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
		},
		"ed25519":   {specPrivate, specID, specTimestamp, specBody, specV1a},
		"meta body": {specSecret, "msg_1", 1700000000, metaBody, "v1,b4IX2t5HBEqqwtXyZny3QmoBvtpDyFuLuWBw+OofrZw="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, at := mustParse(t, tt.secret), time.Unix(tt.timestamp, 0)

			header, err := signature.Sign([]signature.Secret{secret}, tt.id, at, []byte(tt.body))

			require.NoError(t, err)
			require.Equal(t, headerOf(tt.id, strconv.FormatInt(tt.timestamp, 10), tt.want), header)
			require.NoError(t, signature.Verify(header, []byte(tt.body), at, secret))
		})
	}
}

// During a rotation each live key adds an entry, and a receiver that knows any one of them accepts.
func TestSignWithSeveralSecrets(t *testing.T) {
	t.Parallel()

	old, private, current := mustParse(t, specSecret), mustParse(t, specPrivate), mustParse(t, otherSecret)
	at := time.Unix(specTimestamp, 0)

	header, err := signature.Sign([]signature.Secret{current, private, old}, specID, at, []byte(specBody))

	require.NoError(t, err)
	entries := strings.Split(header.Get(signature.HeaderSignature), " ")
	require.Len(t, entries, 3)
	require.Equal(t, []string{specV1a, specV1}, entries[1:])
	public, _ := private.Public()
	for _, key := range []signature.Verifier{current, private, public, old} {
		require.NoError(t, signature.Verify(header, []byte(specBody), at, key))
	}
	require.NoError(t, signature.Verify(header, []byte(specBody), at, signature.GenerateSecret(), old), "the second key")
	require.ErrorIs(t, signature.Verify(header, []byte(specBody), at, signature.GenerateSecret()), signature.ErrNoMatch)
	require.ErrorIs(t, signature.Verify(header, []byte(specBody), at), signature.ErrNoMatch, "no keys at all")
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()

	secrets, at := []signature.Secret{mustParse(t, specSecret)}, time.Unix(specTimestamp, 0)
	for _, id := range []string{"", "wamid.HBgLMTU1NQ==", "msg_a.b", "msg a", "msg\r\nx", "msg_é", strings.Repeat("a", 129)} {
		_, err := signature.Sign(secrets, id, at, nil)
		require.ErrorIs(t, err, signature.ErrBadID, "%q", id)
	}
	_, err := signature.Sign(nil, specID, at, nil)
	require.ErrorContains(t, err, "no secret")
	_, err = signature.Sign([]signature.Secret{{}}, specID, at, nil)
	require.ErrorContains(t, err, "secret 1 is empty")
	_, err = signature.Sign(secrets, specID, time.Unix(-1, 0), nil)
	require.ErrorIs(t, err, signature.ErrBadTimestamp)
}

func TestDelivery_01_EveryValidFormIsAccepted(t *testing.T) {
	t.Parallel()

	at := time.Unix(specTimestamp, 0)
	for name, tt := range map[string]struct {
		signatures string
		now        time.Time
	}{
		"alone":                      {specV1, at},
		"first of many":              {specV1 + " v1,AAAA v2,BBBB", at},
		"middle of many":             {"v1,AAAA " + specV1 + " v2,BBBB", at},
		"last of many":               {"v1,AAAA v2,BBBB " + specV1, at},
		"after a broken one":         {"v1, ,x v1 , " + specV1, at},
		"beside ed25519":             {specV1a + " " + specV1, at},
		"five minutes old":           {specV1, at.Add(signature.Tolerance)},
		"five minutes in the future": {specV1, at.Add(-signature.Tolerance)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, signature.Verify(specHeader(tt.signatures), []byte(specBody), tt.now, mustParse(t, specSecret)))
		})
	}
}

func TestDelivery_01_NegativeCases(t *testing.T) {
	t.Parallel()

	at, ts := time.Unix(specTimestamp, 0), strconv.Itoa(specTimestamp)
	public, err := signature.ParsePublicKey(specPublic)
	require.NoError(t, err)
	secret := mustParse(t, specSecret)
	many := strings.Repeat("v1,AAAA ", 32) + specV1
	for _, empty := range []string{"", "whsec_"} { // version 0.0.1 of the official Go library signs with the latter
		_, err := signature.ParseSecret(empty)
		require.Error(t, err)
	}
	hugeEntry := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 1<<16))

	for name, tt := range map[string]struct {
		header http.Header
		body   string
		now    time.Time
		key    signature.Verifier
		want   error
	}{
		"no headers":             {http.Header{}, specBody, at, secret, signature.ErrMissingHeader},
		"no id":                  {headerOf("", ts, specV1), specBody, at, secret, signature.ErrMissingHeader},
		"no timestamp":           {headerOf(specID, "", specV1), specBody, at, secret, signature.ErrMissingHeader},
		"no signature":           {headerOf(specID, ts, ""), specBody, at, secret, signature.ErrMissingHeader},
		"empty entry":            {specHeader("v1,"), specBody, at, secret, signature.ErrNoMatch},
		"version alone":          {specHeader("v1"), specBody, at, secret, signature.ErrNoMatch},
		"comma alone":            {specHeader(","), specBody, at, secret, signature.ErrNoMatch},
		"spaces alone":           {specHeader("  "), specBody, at, secret, signature.ErrNoMatch},
		"cut signature":          {specHeader(specV1[:20]), specBody, at, secret, signature.ErrNoMatch},
		"one bit off":            {specHeader("v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), specBody, at, secret, signature.ErrNoMatch},
		"signature too long":     {specHeader(hugeEntry), specBody, at, secret, signature.ErrNoMatch},
		"unknown version":        {specHeader("v2" + specV1[2:]), specBody, at, secret, signature.ErrNoMatch},
		"HMAC named as ed25519":  {specHeader("v1a" + specV1[2:]), specBody, at, secret, signature.ErrNoMatch},
		"ed25519 named as HMAC":  {specHeader("v1" + specV1a[3:]), specBody, at, public, signature.ErrNoMatch},
		"HMAC for a public key":  {specHeader(specV1), specBody, at, public, signature.ErrNoMatch},
		"ed25519 one bit off":    {specHeader("v1a,i" + specV1a[5:]), specBody, at, public, signature.ErrNoMatch},
		"commas for spaces":      {specHeader("v1,AAAA," + specV1), specBody, at, secret, signature.ErrNoMatch},
		"after too many entries": {specHeader(many), specBody, at, secret, signature.ErrNoMatch},
		"other secret":           {specHeader(specV1), specBody, at, mustParse(t, otherSecret), signature.ErrNoMatch},
		"other body":             {specHeader(specV1), specBody + " ", at, secret, signature.ErrNoMatch},
		"empty body":             {specHeader(specV1), "", at, secret, signature.ErrNoMatch},
		"other id":               {headerOf("msg_other", ts, specV1), specBody, at, secret, signature.ErrNoMatch},
		"other timestamp":        {headerOf(specID, "1614265331", specV1), specBody, at, secret, signature.ErrNoMatch},
		"leading zero":           {headerOf(specID, "0"+ts, specV1), specBody, at, secret, signature.ErrNoMatch},
		"id with a dot":          {headerOf("msg_a.b", ts, specV1), specBody, at, secret, signature.ErrBadID},
		"timestamp in words":     {headerOf(specID, "hello", specV1), specBody, at, secret, signature.ErrBadTimestamp},
		"timestamp with a sign":  {headerOf(specID, "+"+ts, specV1), specBody, at, secret, signature.ErrBadTimestamp},
		"timestamp with decimal": {headerOf(specID, ts+".0", specV1), specBody, at, secret, signature.ErrBadTimestamp},
		"timestamp negative":     {headerOf(specID, "-1", specV1), specBody, at, secret, signature.ErrBadTimestamp},
		"timestamp overflowing":  {headerOf(specID, "9223372036854775807", specV1), specBody, at, secret, signature.ErrBadTimestamp},
		"timestamp far away":     {headerOf(specID, "999999999999", specV1), specBody, at, secret, signature.ErrTooNew},
		"a second too old":       {specHeader(specV1), specBody, at.Add(5*time.Minute + time.Second), secret, signature.ErrTooOld},
		"a second too new":       {specHeader(specV1), specBody, at.Add(-5*time.Minute - time.Second), secret, signature.ErrTooNew},
		"zero secret":            {specHeader(specV1), specBody, at, signature.Secret{}, signature.ErrNoMatch},
		"zero public key":        {specHeader(specV1a), specBody, at, signature.PublicKey{}, signature.ErrNoMatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, signature.Verify(tt.header, []byte(tt.body), tt.now, tt.key), tt.want)
		})
	}
}
