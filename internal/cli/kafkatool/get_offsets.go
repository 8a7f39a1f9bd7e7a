package kafkatool

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func getOffsetsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "topic", Arg: "topic", Help: "The topics, as a regular expression; all if not given."},
		{Name: "partitions", Arg: "n,...", Help: "Their partitions; all if not given."},
		{Name: "topic-partitions", Arg: "topic:n,...", Help: "Or both together: topic is a regular expression, and after the colon stands a number, from-to (to exclusive), from- or -to."},
		{Name: "time", Arg: "time", Default: "latest",
			Help: "Milliseconds, for the first record from then on; or -1 or latest, -2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or latest-tiered, -6 or earliest-pending-upload."},
		{Name: "exclude-internal-topics", Help: "Leave out internal topics."},
	}}
}

// errorOccurred is how kafka-get-offsets tells of an error.
func (c *call) errorOccurred(err error) error {
	var m misuse
	if err == nil || errors.As(err, &m) || c.ctx.Err() != nil {
		return err
	}
	c.warnf("Error occurred: %s", kclient.Message(err))
	return errTold
}

func runGetOffsets(c *call) error { return c.errorOccurred(c.getOffsets()) }

func unparsedGetOffsets(c *call, e option.Error) error { return c.errorOccurred(e) }

func (c *call) getOffsets() error {
	if err := c.Missing("bootstrap-server"); err != nil {
		return misuse{err.Error()}
	}
	if c.Has("topic-partitions") && (c.Has("topic") || c.Has("partitions")) {
		return errors.New("--topic-partitions cannot be used with --topic or --partitions")
	}
	at, err := offsetTime(c.Value("time"))
	if err != nil {
		return err
	}
	rules, err := c.partitionRules()
	if err != nil {
		return err
	}
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	wanted, err := c.matching(cl, rules)
	if err != nil {
		return err
	}
	if len(wanted) == 0 {
		return errors.New("Could not match any topic-partitions with the specified filters")
	}
	offsets, err := c.listOffsets(cl, wanted, at)
	if err != nil {
		return err
	}
	lines := make([]string, 0, len(offsets))
	byName := map[string]int64{}
	for tp, offset := range offsets {
		lines = append(lines, tp)
		byName[tp] = offset
	}
	slices.Sort(lines) // as text, so t-10 stands before t-2, as in Kafka
	for _, tp := range lines {
		i := strings.LastIndexByte(tp, '-')
		c.printf("%s:%s:%d\n", tp[:i], tp[i+1:], byName[tp])
	}
	return nil
}

// offsetTime reads --time.
func offsetTime(text string) (int64, error) {
	words := map[string]int64{"latest": -1, "earliest": -2, "max-timestamp": -3, "earliest-local": -4, "latest-tiered": -5, "earliest-pending-upload": -6}
	if n, ok := words[text]; ok {
		return n, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format timestamp", text)
	}
	return n, nil
}

// partitionRule matches partitions: of some topics, in a range (to exclusive) or in a set.
type partitionRule struct {
	topics   *regexp.Regexp
	from, to int64
	set      map[int32]bool // nil: the range
}

func (r partitionRule) matches(topic string, p int32) bool {
	if !r.topics.MatchString(topic) {
		return false
	}
	if r.set != nil {
		return r.set[p]
	}
	return r.from <= int64(p) && int64(p) < r.to
}

// rulePattern is topic, topic:n, topic:from-to, topic:from- or topic:-to; the topic may be missing.
var rulePattern = regexp.MustCompile(`^([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?$`)

func (c *call) partitionRules() (rules []partitionRule, err error) {
	if !c.Has("topic-partitions") {
		r := partitionRule{to: math.MaxInt32}
		if r.topics, err = includeList(c.Value("topic")); err != nil {
			return nil, err
		}
		if list := c.Value("partitions"); list != "" {
			r.set = map[int32]bool{}
			for _, word := range strings.Split(list, ",") {
				n, err := strconv.ParseInt(word, 10, 32)
				if err != nil {
					return nil, fmt.Errorf("--partitions expects a comma separated list of numeric partition ids, but received: %s", list)
				}
				r.set[int32(n)] = true
			}
		}
		return []partitionRule{r}, nil
	}
	for _, text := range strings.Split(c.Value("topic-partitions"), ",") {
		r, err := parseRule(text)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parseRule(text string) (r partitionRule, err error) {
	m := rulePattern.FindStringSubmatch(text)
	if m == nil {
		return r, fmt.Errorf("Invalid rule specification: %s", text)
	}
	if r.topics, err = includeList(m[1]); err != nil {
		return r, err
	}
	r.to = math.MaxInt32
	for _, part := range []struct {
		text string
		to   *int64
	}{{m[3], &r.from}, {m[4], &r.to}} {
		if part.text != "" {
			if *part.to, err = strconv.ParseInt(part.text, 10, 32); err != nil {
				return r, fmt.Errorf("Invalid rule specification: %s", text)
			}
		}
	}
	if m[2] != "" {
		if r.from, err = strconv.ParseInt(m[2], 10, 32); err != nil {
			return r, fmt.Errorf("Invalid rule specification: %s", text)
		}
		r.to = r.from + 1
	}
	return r, nil
}

// matching lists the partitions that one of the rules wants, by topic.
func (c *call) matching(cl *cluster, rules []partitionRule) (map[string][]int32, error) {
	resp, err := cl.metadata(c.ctx, nil)
	if err != nil {
		return nil, err
	}
	wanted := map[string][]int32{}
	for _, t := range resp.Topics {
		if t.Topic == nil || c.Has("exclude-internal-topics") && (t.IsInternal || internalTopic(*t.Topic)) {
			continue
		}
		for _, p := range t.Partitions {
			if slices.ContainsFunc(rules, func(r partitionRule) bool { return r.matches(*t.Topic, p.Partition) }) {
				wanted[*t.Topic] = append(wanted[*t.Topic], p.Partition)
			}
		}
	}
	return wanted, nil
}

// listOffsets asks for offsets at a time, by "topic-partition". Partitions with errors are errTold
// and left out, those without such an offset only left out.
func (c *call) listOffsets(cl *cluster, wanted map[string][]int32, at int64) (map[string]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	for name, partitions := range wanted {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = name
		for _, id := range partitions {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp, p.CurrentLeaderEpoch = id, at, -1
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return nil, err
	}
	offsets := map[string]int64{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			tp := fmt.Sprintf("%s-%d", t.Topic, p.Partition)
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				c.warnf("Skip getting offsets for topic-partition %s due to error: %s", tp, kclient.Message(err))
			} else if p.Offset >= 0 {
				offsets[tp] = p.Offset
			}
		}
	}
	return offsets, nil
}
