package outbound

import (
	"context"
	"time"
)

// refusalFloor is longer than the look-up of a name takes whose server answers.
const refusalFloor = time.Second

// hold gives how long an attempt took that began at start. One whose host may not be called or was not found is held to the next whole
// floor: the text of both is the same, and their durations, which a tenant can read and measure, would tell an internal name that
// exists from one that does not. It ends with ctx.
func (c *Client) hold(ctx context.Context, start time.Time, class ErrorClass) time.Duration {
	took := time.Since(start)
	if class.Public() != ErrorBlocked || c.floor <= 0 {
		return took
	}
	held := took.Truncate(c.floor) + c.floor
	timer := time.NewTimer(held - took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return held
	case <-ctx.Done():
		return time.Since(start)
	}
}
