package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What a tenant reads must not tell an internal host with the port open from one with it closed or from a name that is not there.
func TestDelivery_20_OneTextForWhatMayNotBeCalled(t *testing.T) {
	t.Parallel()

	faces := newTwoFaces(t)
	client := faces.client(t, func(name string) []netip.Addr {
		switch name {
		case "open.example.com.":
			return always("127.0.0.1")(name)
		case "closed.example.com.":
			return always("10.77.0.1")(name)
		}
		return nil
	})
	client.floor = 100 * time.Millisecond
	texts := map[string]bool{}
	for host, class := range map[string]ErrorClass{
		"open.example.com": ErrorBlocked, "closed.example.com": ErrorBlocked, "absent.example.com": ErrorDNS,
	} {
		result := post(t, client, faces.url(host))
		require.Equal(t, class, result.ErrorClass, "%s: %v", host, result.Err)
		require.Equal(t, ErrorBlocked, result.ErrorClass.Public())
		require.Zero(t, result.Duration%client.floor, "%s took %s", host, result.Duration)
		require.GreaterOrEqual(t, result.Duration, client.floor)
		require.False(t, result.RemoteIP.IsValid())
		require.Zero(t, result.Status)
		texts[result.Public()] = true

		_, err := client.Get(t.Context(), faces.url(host), nil, 10)
		var failure *Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, class, failure.Class)
		texts[err.Error()] = true
	}
	require.Len(t, texts, 1)
	require.Zero(t, faces.internalHits.Load())
}

// However long it took to find out, a tenant who holds a clock sees the same time. The clock is the bubble's, so the times are exact.
func TestDelivery_20_OneDurationForWhatMayNotBeCalled(t *testing.T) {
	t.Parallel()

	blocked := error(&net.OpError{Op: "dial", Err: errBlocked})
	absent := error(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}})
	for name, tt := range map[string]struct {
		takes time.Duration
		err   error
		want  time.Duration
	}{
		"internal, from the cache":    {0, blocked, refusalFloor},
		"internal, looked up":         {3 * time.Millisecond, blocked, refusalFloor},
		"absent, from the cache":      {time.Millisecond, absent, refusalFloor},
		"absent, asked far away":      {400 * time.Millisecond, absent, refusalFloor},
		"absent, after a repeat":      {refusalFloor + 10*time.Millisecond, absent, 2 * refusalFloor},
		"internal, slow resolver":     {refusalFloor + 20*time.Millisecond, blocked, 2 * refusalFloor},
		"near the deadline":           {defaultTimeout - time.Millisecond, absent, defaultTimeout},
		"refused, which is no secret": {3 * time.Millisecond, &net.OpError{Op: "dial", Err: errors.New("refused")}, 3 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := NewClient(Config{})
				client.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					<-time.After(tt.takes)
					return nil, tt.err
				}
				start := time.Now()
				result := post(t, client, "https://hook.example.com/")
				require.Equal(t, tt.want, result.Duration)
				require.Equal(t, tt.want, time.Since(start))

				start = time.Now()
				_, err := client.Get(t.Context(), "https://hook.example.com/", nil, 10)
				require.Error(t, err)
				require.Equal(t, tt.want, time.Since(start))
			})
		})
	}
}

// A shutdown does not wait for the floor.
func TestDelivery_20_FloorEndsWithTheContext(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		client := NewClient(Config{})
		client.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errBlocked }
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		result := client.Post(ctx, "https://hook.example.com/", nil, nil)
		require.Equal(t, ErrorBlocked, result.ErrorClass)
		require.Equal(t, 10*time.Millisecond, result.Duration)
	})
}
