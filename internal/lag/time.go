package lag

import (
	"context"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxPeeks bounds the fetches under way at once.
const maxPeeks = 16

// addWaiting looks at the first unread record of each partition that lags. What cannot be read stays unknown.
func addWaiting(ctx context.Context, cl *kgo.Client, all []Partition, topics map[string]bool, o Options) error {
	if len(all) == 0 {
		return nil
	}
	details, err := kadm.NewClient(cl).ListTopicsWithInternal(ctx, sorted(topics)...)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, maxPeeks)
	var running sync.WaitGroup
	for i := range all {
		p := &all[i]
		lag, ok := p.Lag()
		if ok && lag <= 0 {
			p.WaitingKnown = true
		}
		d := details[p.Topic]
		at, there := d.Partitions[p.Partition]
		if !ok || lag <= 0 || d.Err != nil || !there || at.Leader < 0 {
			continue
		}
		place := kclient.Place{Topic: p.Topic, TopicID: d.ID, Partition: p.Partition, Leader: at.Leader, Offset: max(p.Committed, p.Start)}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			p.Waiting, p.WaitingKnown = waiting(ctx, cl, place, o)
		})
	}
	running.Wait()
	return ctx.Err()
}

// waiting is the age of the first record behind a place; 0 if there is none.
func waiting(ctx context.Context, cl *kgo.Client, place kclient.Place, o Options) (time.Duration, bool) {
	seen, err := kclient.Peek(ctx, cl, place, o.Committed)
	switch {
	case err != nil:
		return 0, false
	case seen.Record == nil:
		return 0, seen.Next >= seen.End
	}
	return max(0, o.Now.Sub(seen.Record.Timestamp)), true
}
