package kafkatool

import (
	"context"
	"time"
)

// throttle keeps a rate by sleeping when ahead of it.
type throttle struct {
	perSecond float64 // negative: no limit
	start     time.Time
}

// wait returns when the next item after n is due, or the context has ended.
func (t throttle) wait(ctx context.Context, n int64) {
	if t.perSecond < 0 {
		return
	}
	if t.perSecond == 0 {
		<-ctx.Done()
		return
	}
	due := t.start.Add(time.Duration(float64(n) / t.perSecond * float64(time.Second)))
	ahead := time.Until(due)
	if ahead < time.Millisecond {
		return
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
