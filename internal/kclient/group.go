package kclient

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// onlyClassic and onlyConsumer are keys that Kafka's consumer refuses with the other protocol.
var (
	onlyClassic  = []string{"partition.assignment.strategy", "heartbeat.interval.ms", "session.timeout.ms"}
	onlyConsumer = []string{"group.remote.assignor"}
)

// GroupOptions turns what a configuration under Kafka's names says about the member of a group into options, the group's name
// first: group.protocol (classic or consumer, KIP-848), group.remote.assignor, group.instance.id, partition.assignment.strategy,
// session.timeout.ms, heartbeat.interval.ms, max.poll.interval.ms, enable.auto.commit and auto.commit.interval.ms. Offsets are committed by the
// clock, those of records that were marked (kgo.AutoCommitMarks). Errors are ErrConfig, in the words of Kafka's.
func GroupOptions(group string, props map[string]string) ([]kgo.Opt, error) {
	s := &settings{}
	s.add(kgo.ConsumerGroup(group))
	protocol := strings.ToUpper(strings.TrimSpace(props["group.protocol"]))
	var refused []string
	switch protocol {
	case "", "CLASSIC":
		protocol, refused = "CLASSIC", onlyConsumer
	case "CONSUMER":
		refused = onlyClassic
	default:
		return nil, badConfig("Invalid value %s for configuration group.protocol: String must be one of (case insensitive): CLASSIC, CONSUMER", props["group.protocol"])
	}
	refused = slices.DeleteFunc(slices.Clone(refused), func(name string) bool { return strings.TrimSpace(props[name]) == "" })
	if len(refused) > 0 {
		return nil, badConfig("%s cannot be set when group.protocol=%s", strings.Join(refused, ", "), protocol)
	}
	if err := s.member(protocol == "CONSUMER", props); err != nil {
		return nil, err
	}
	return s.opts, nil
}

// groupKeys are those that both protocols have, and those that the classic one has, which the other refuses.
var groupKeys = []key{
	{"group.instance.id", nil, func(s *settings, v string) error { s.add(kgo.InstanceID(v)); return nil }},
	{"max.poll.interval.ms", nil, groupMillis(kgo.RebalanceTimeout)},
	{"session.timeout.ms", nil, groupMillis(kgo.SessionTimeout)},
	{"heartbeat.interval.ms", nil, groupMillis(kgo.HeartbeatInterval)},
	{"auto.commit.interval.ms", nil, groupMillis(kgo.AutoCommitInterval)},
	{"enable.auto.commit", nil, nothing}, // see autoCommit
}

// groupMillis is millis for a time that has to be at least one.
func groupMillis(option func(time.Duration) kgo.GroupOpt) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 1 {
			return errors.New("must be a number of milliseconds, at least 1")
		}
		s.add(option(time.Duration(n) * time.Millisecond))
		return nil
	}
}

func (s *settings) member(consumer bool, props map[string]string) error {
	for _, k := range groupKeys {
		if value := strings.TrimSpace(props[k.name]); value != "" {
			if err := k.set(s, value); err != nil {
				return badConfig("%s=%s: %v", k.name, value, err)
			}
		}
	}
	if err := s.autoCommit(props["enable.auto.commit"]); err != nil {
		return err
	}
	if !consumer {
		classes := strings.TrimSpace(props["partition.assignment.strategy"])
		if classes == "" {
			classes = "RangeAssignor,CooperativeStickyAssignor" // as Kafka's
		}
		balancers, err := Balancers(classes)
		if err == nil {
			s.add(kgo.Balancers(balancers...))
		}
		return err
	}
	switch assignor := strings.TrimSpace(props["group.remote.assignor"]); assignor {
	case "", "uniform": // which is what a broker takes if it is not told, unless it is configured otherwise
		s.add(kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	case "range":
		s.add(kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	default:
		return badConfig("group.remote.assignor=%s: it can be uniform or range here", assignor)
	}
	return nil
}

func (s *settings) autoCommit(value string) error {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "true":
		s.add(kgo.AutoCommitMarks())
	case "false":
		s.add(kgo.DisableAutoCommit())
	default:
		return badConfig("enable.auto.commit=%s: must be true or false", value)
	}
	return nil
}

// Balancers are the balancers behind a list of class names of Kafka's assignors.
func Balancers(classes string) (list []kgo.GroupBalancer, err error) {
	for class := range strings.SplitSeq(classes, ",") {
		switch class = strings.TrimSpace(class); class[strings.LastIndexByte(class, '.')+1:] {
		case "RangeAssignor":
			list = append(list, kgo.RangeBalancer())
		case "RoundRobinAssignor":
			list = append(list, kgo.RoundRobinBalancer())
		case "StickyAssignor":
			list = append(list, kgo.StickyBalancer())
		case "CooperativeStickyAssignor":
			list = append(list, kgo.CooperativeStickyBalancer())
		default:
			return nil, fmt.Errorf("%w: There is no assignor %s: RangeAssignor, RoundRobinAssignor, StickyAssignor and CooperativeStickyAssignor are built in", ErrConfig, class)
		}
	}
	return list, nil
}

// isGroupKey reports whether a key is GroupOptions' business: it has an effect for the members of groups only.
func isGroupKey(name string) bool {
	return name == "group.protocol" || slices.Contains(onlyClassic, name) || slices.Contains(onlyConsumer, name) ||
		slices.ContainsFunc(groupKeys, func(k key) bool { return k.name == name })
}
