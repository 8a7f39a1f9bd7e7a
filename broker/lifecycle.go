package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// heartbeatInterval is broker.heartbeat.interval.ms.
	heartbeatInterval = 2 * time.Second
	// expiryInterval is Kafka's producer.id.expiration.check.interval.ms.
	expiryInterval = 10 * time.Minute
	// A controller that was not there is asked again after a pause that grows from the first of
	// these to the second: an election of one takes a millisecond, one of many a second.
	firstPause = time.Millisecond
	maxPause   = 100 * time.Millisecond
)

// lifecycle registers the broker with the controller and keeps it registered (KIP-631).
type lifecycle struct {
	b           *Broker
	incarnation kafka.UUID
	stop        chan struct{}
	done        chan struct{}
}

// join registers this incarnation and waits until it is unfenced: only then does it lead
// partitions, each in a new leader epoch (durability 6).
func (l *lifecycle) join(ctx context.Context, at []Listener) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := l.register(ctx, at)
		if err == nil {
			break
		}
		if !errors.Is(err, kerr.NotController) && !errors.Is(err, kerr.DuplicateBrokerRegistration) {
			return fmt.Errorf("register broker %d: %w", l.b.cfg.NodeID, err)
		}
		select { // no leader yet, or the former incarnation's session runs on
		case <-time.After(pause):
		case <-l.b.runner.Done():
			return l.b.runner.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := l.opened(ctx); err != nil {
		return err
	}
	for {
		resp, err := l.beat(ctx, false)
		switch {
		case err == nil && !resp.IsFenced:
			return nil
		case err != nil && !errors.Is(err, kerr.NotController):
			return fmt.Errorf("first heartbeat: %w", err)
		}
		select { // not caught up yet
		case <-time.After(firstPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// opened waits until the logs that the metadata tell of are open, as far as they can be: everything up to the
// registration has been replayed.
func (l *lifecycle) opened(ctx context.Context) error {
	l.b.replicas.Settle()
	done := make(chan struct{})
	l.b.replicas.AfterOpening(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-l.b.runner.Done():
		return l.b.runner.Err()
	case <-ctx.Done():
		return fmt.Errorf("logs are still being opened: %w", ctx.Err())
	}
}

func (l *lifecycle) register(ctx context.Context, at []Listener) error {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.SetVersion(req.MaxVersion())
	req.BrokerID, req.ClusterID, req.IncarnationID = l.b.cfg.NodeID, l.b.clusterID, l.incarnation
	req.PreviousBrokerEpoch = int64(l.b.previousEpoch())
	for _, a := range at {
		r := kmsg.NewBrokerRegistrationRequestListener()
		r.Name, r.Host, r.Port = a.Name, a.Host, uint16(a.Port)
		req.Listeners = append(req.Listeners, r)
	}
	for _, f := range controller.SupportedFeatures() {
		r := kmsg.NewBrokerRegistrationRequestFeature()
		r.Name, r.MinSupportedVersion, r.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, r)
	}
	for _, d := range l.b.dirs {
		req.LogDirs = append(req.LogDirs, d.ID())
	}
	resp, err := await(ctx, l.b, func(done func(*kmsg.BrokerRegistrationResponse, error)) { l.b.control.register(req, done) })
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	l.b.epoch.Store(resp.BrokerEpoch)
	return nil
}

// beat sends one heartbeat.
func (l *lifecycle) beat(ctx context.Context, shutdown bool) (*kmsg.BrokerHeartbeatResponse, error) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(req.MaxVersion())
	req.BrokerID, req.BrokerEpoch = l.b.cfg.NodeID, l.b.epoch.Load()
	req.CurrentMetadataOffset = l.b.loader.Current().Offset()
	req.WantShutdown = shutdown
	for _, d := range l.b.dirs {
		if d.Err() != nil {
			req.OfflineLogDirs = append(req.OfflineLogDirs, d.ID())
		}
	}
	resp, err := await(ctx, l.b, func(done func(*kmsg.BrokerHeartbeatResponse, error)) { l.b.control.heartbeat(req, done) })
	if err != nil {
		return nil, err
	}
	return resp, kerr.ErrorForCode(resp.ErrorCode)
}

// run sends heartbeats until leave.
func (l *lifecycle) run() {
	defer close(l.done)
	t := time.NewTicker(heartbeatInterval)
	defer t.Stop()
	expiry := time.NewTicker(expiryInterval)
	defer expiry.Stop()
	for {
		select {
		case <-l.stop:
			return
		case now := <-expiry.C:
			l.b.replicas.ExpireProducers(now)
			continue
		case <-t.C:
		}
		l.turn()
	}
}

// turn is one heartbeat with what goes with it.
func (l *lifecycle) turn() {
	l.b.checkDirs()
	l.b.replicas.Retry()
	ctx, cancel := context.WithTimeout(context.Background(), heartbeatInterval)
	defer cancel()
	_, err := l.beat(ctx, false)
	if errors.Is(err, kerr.StaleBrokerEpoch) || errors.Is(err, kerr.BrokerIDNotRegistered) {
		err = l.register(ctx, l.b.advertised()) // the controller has forgotten this incarnation
	}
	if err != nil {
		l.b.lg.Warn("heartbeat failed", "err", err)
	}
	l.assign(ctx)
	l.b.control.tick()
	if l.b.metrics != nil {
		l.b.watch.refresh(l.b)
	}
}

// assign tells the controller of logs that lie elsewhere than it says (KIP-858).
func (l *lifecycle) assign(ctx context.Context) {
	misplaced := l.b.replicas.Misplaced()
	if len(misplaced) == 0 {
		return
	}
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = l.b.cfg.NodeID, l.b.epoch.Load()
	for id, dir := range misplaced {
		d, t, p := kmsg.NewAssignReplicasToDirsRequestDirectory(), kmsg.NewAssignReplicasToDirsRequestDirectoryTopic(), kmsg.NewAssignReplicasToDirsRequestDirectoryTopicPartition()
		d.ID, t.TopicID, p.Partition = dir.ID(), id.ID, id.Partition
		t.Partitions = append(t.Partitions, p)
		d.Topics = append(d.Topics, t)
		req.Directories = append(req.Directories, d)
	}
	resp, err := await(ctx, l.b, func(done func(*kmsg.AssignReplicasToDirsResponse, error)) { l.b.control.assign(req, done) })
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		l.b.replicas.Unassigned(misplaced)
		l.b.lg.Warn("cannot tell the controller where logs lie", "logs", len(misplaced), "err", err)
	}
}

// leaveTimeout bounds how long a broker waits for its leaderships to be taken over.
const leaveTimeout = 5 * time.Second

// leave stops the heartbeats and walks through the controlled shutdown: the broker goes when the controller
// says that nobody counts on it any more.
func (l *lifecycle) leave(ctx context.Context) {
	close(l.stop)
	<-l.done
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		resp, err := l.beat(ctx, true)
		if err != nil {
			l.b.lg.Warn("the controller did not release this broker", "err", err)
			return
		}
		if resp.ShouldShutdown {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// await turns a call with a callback into one that waits.
func await[T any](ctx context.Context, b *Broker, call func(done func(T, error))) (T, error) {
	type outcome struct {
		t   T
		err error
	}
	ch := make(chan outcome, 1)
	call(func(t T, err error) { ch <- outcome{t, err} })
	var zero T
	select {
	case o := <-ch:
		return o.t, o.err
	case <-b.runner.Done():
		return zero, errors.Join(errQuorumEnded, b.runner.Err())
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

var errQuorumEnded = errors.New("the metadata quorum has ended")
