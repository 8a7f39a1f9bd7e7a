package kclient

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestGroupOptions: what is said about a member of a group is taken, or refused in Kafka's words; keys of one protocol are refused with the
// other.
func TestGroupOptions(t *testing.T) {
	f := func(want string, pairs ...string) {
		t.Helper()
		props := map[string]string{}
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "=")
			props[k] = v
		}
		got := ""
		opts, err := GroupOptions("g", props)
		if err == nil {
			var cl *kgo.Client
			if cl, err = kgo.NewClient(append(opts, kgo.SeedBrokers("localhost:1"), kgo.ConsumeTopics("t"))...); err == nil {
				cl.Close()
			}
		}
		if err != nil {
			if got = strings.TrimPrefix(err.Error(), ErrConfig.Error()+": "); !errors.Is(err, ErrConfig) {
				got = "not ErrConfig: " + got
			}
		}
		if got != want {
			t.Errorf("%v: %s", pairs, got)
		}
	}
	f("")
	f("", "group.protocol=Classic", "session.timeout.ms=6000", "heartbeat.interval.ms=1000", "max.poll.interval.ms=10000", "enable.auto.commit=FALSE")
	f("", "partition.assignment.strategy=org.apache.kafka.clients.consumer.StickyAssignor, RoundRobinAssignor", "auto.commit.interval.ms=100", "group.instance.id=i")
	f("", "group.protocol=consumer", "group.remote.assignor=range", "max.poll.interval.ms=10000", "session.timeout.ms=")
	f("", "group.protocol=CONSUMER", "enable.auto.commit=false")
	f("partition.assignment.strategy, session.timeout.ms cannot be set when group.protocol=CONSUMER", "group.protocol=consumer", "session.timeout.ms=1", "partition.assignment.strategy=x")
	f("group.remote.assignor cannot be set when group.protocol=CLASSIC", "group.remote.assignor=range")
	f("Invalid value share for configuration group.protocol: String must be one of (case insensitive): CLASSIC, CONSUMER", "group.protocol=share")
	f("group.remote.assignor=mine: it can be uniform or range here", "group.protocol=consumer", "group.remote.assignor=mine")
	f("There is no assignor mine: RangeAssignor, RoundRobinAssignor, StickyAssignor and CooperativeStickyAssignor are built in", "partition.assignment.strategy=mine")
	f("session.timeout.ms=0: must be a number of milliseconds, at least 1", "session.timeout.ms=0")
	f("enable.auto.commit=perhaps: must be true or false", "enable.auto.commit=perhaps")
}
