package kafkatool

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// resetPlan is where the offsets of one group go.
type resetPlan struct {
	id     string
	places []place // in the order in which they are printed
	to     map[place]int64
}

func (g *groupsCall) resetOffsets() error {
	ids, err := g.groupIDs()
	if err != nil {
		return err
	}
	ctx, cancel := g.within()
	groups, failed := g.describeGroups(ctx, ids)
	cancel()
	var plans []resetPlan
	for _, id := range inJavaOrder(ids, javaHash) {
		if err := failed[id]; err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return refused("%s", kclient.Message(err))
		}
		plan := resetPlan{id: id}
		if state := groups[id].state; state != "" && state != stateEmpty && state != stateDead {
			g.printError(fmt.Sprintf("Assignments can only be reset if the group '%s' is inactive, but the current state is %s.", id, state))
		} else if plan, err = g.resetGroup(id); err != nil {
			return err
		}
		plans = append(plans, plan)
	}
	if g.Has("export") {
		g.exportPlans(plans)
		return nil
	}
	g.printPlans(plans)
	return nil
}

// resetGroup decides where the offsets of a group go, and commits them with --execute.
func (g *groupsCall) resetGroup(id string) (resetPlan, error) {
	ctx, cancel := g.within()
	defer cancel()
	places, err := g.placesToReset(ctx, id)
	if err != nil {
		return resetPlan{}, err
	}
	to, err := g.targets(ctx, id, places)
	if err != nil {
		return resetPlan{}, err
	}
	plan := resetPlan{id: id, places: placesInJavaOrder(places), to: to}
	if g.Has("execute") {
		err = g.commit(ctx, plan)
	}
	return plan, err
}

// placesToReset are the partitions that are meant.
func (g *groupsCall) placesToReset(ctx context.Context, id string) (places []place, err error) {
	switch {
	case g.Has("all-topics"):
		places, _, err := g.committedOffsets(ctx, id)
		return placesInJavaOrder(places), err
	case g.Has("topic"):
		return g.namedPlaces(ctx)
	case g.Has("from-file"):
		return g.filePlaces(id)
	}
	return nil, misused("One of the reset scopes should be defined: --all-topics, --topic.")
}

func (g *groupsCall) namedPlaces(ctx context.Context) (places []place, err error) {
	var whole []string
	for _, text := range g.Values("topic") {
		topic, partitions, err := topicArgument(text)
		if err != nil {
			return nil, err
		}
		if partitions == nil {
			whole = append(whole, topic)
		}
		for _, p := range partitions {
			places = append(places, place{topic, p})
		}
	}
	more, failed, err := g.partitionsOf(ctx, whole)
	for _, err := range failed {
		return nil, err
	}
	return append(places, more...), err
}

// targets is the new offset of each partition, by the scenario.
func (g *groupsCall) targets(ctx context.Context, id string, places []place) (map[place]int64, error) {
	switch {
	case g.Has("to-offset"):
		return g.toOffset(ctx, places)
	case g.Has("to-earliest"):
		return g.toTime(ctx, places, earliestTime)
	case g.Has("to-latest"):
		return g.toTime(ctx, places, latestTime)
	case g.Has("shift-by"):
		return g.shiftBy(ctx, id, places)
	case g.Has("to-datetime"):
		at, err := parseDateTime(g.Value("to-datetime"))
		if err != nil {
			return nil, err
		}
		return g.toTimestamp(ctx, places, at)
	case g.Has("by-duration"):
		ago, err := parseDuration(g.Value("by-duration"))
		if err != nil {
			return nil, err
		}
		return g.toTimestamp(ctx, places, time.Now().Add(-ago).UnixMilli())
	case g.Has("from-file"):
		return g.fromFile(ctx, id)
	case g.Has("to-current"):
		return g.toCurrent(ctx, id, places)
	}
	return nil, misused("Option '[reset-offsets]' requires one of the following scenarios: [[to-latest], [by-duration], [to-datetime], [from-file], [shift-by], [to-offset], [to-earliest], [to-current]]")
}

// mustExist is an error if a partition is not there or has no leader.
func (g *groupsCall) mustExist(ctx context.Context, places []place) error {
	there, err := g.presenceOf(ctx, places)
	switch {
	case err != nil:
		return err
	case len(there.missing) > 0:
		return fmt.Errorf("The partitions \"%s\" do not exist", joinPlaces(there.missing))
	case len(there.leaderless) > 0:
		return fmt.Errorf("The partitions \"%s\" have no leader", joinPlaces(there.leaderless))
	}
	return nil
}

func joinPlaces(places []place) string {
	words := make([]string, len(places))
	for i, p := range places {
		words[i] = p.String()
	}
	return strings.Join(words, ",")
}

func (g *groupsCall) toTime(ctx context.Context, places []place, at int64) (map[place]int64, error) {
	if err := g.mustExist(ctx, places); err != nil {
		return nil, err
	}
	return g.offsetsAt(ctx, places, at)
}

func (g *groupsCall) toOffset(ctx context.Context, places []place) (map[place]int64, error) {
	wanted := map[place]int64{}
	for _, p := range places {
		wanted[p] = g.Number("to-offset")
	}
	return g.inRange(ctx, places, wanted)
}

// inRange moves offsets that lie outside of their log to its nearer end, and says so.
func (g *groupsCall) inRange(ctx context.Context, places []place, wanted map[place]int64) (map[place]int64, error) {
	starts, err := g.toTime(ctx, places, earliestTime)
	if err != nil {
		return nil, err
	}
	ends, err := g.offsetsAt(ctx, places, latestTime)
	if err != nil {
		return nil, err
	}
	to := map[place]int64{}
	for _, p := range placesInJavaOrder(places) {
		to[p] = wanted[p]
		if to[p] > ends[p] {
			g.logWarning("New offset (%d) is higher than latest offset for topic partition %s. Value will be set to %d.", wanted[p], p, ends[p])
			to[p] = ends[p]
		} else if to[p] < starts[p] {
			g.logWarning("New offset (%d) is lower than earliest offset for topic partition %s. Value will be set to %d.", wanted[p], p, starts[p])
			to[p] = starts[p]
		}
	}
	return to, nil
}

// logWarning is a line as Kafka's tool logs it.
func (g *groupsCall) logWarning(format string, args ...any) {
	g.warnf("[%s] WARN %s (org.apache.kafka.tools.GroupOffsetsResetter)", time.Now().Format("2006-01-02 15:04:05,000"), fmt.Sprintf(format, args...))
}

func (g *groupsCall) shiftBy(ctx context.Context, id string, places []place) (map[place]int64, error) {
	if err := g.mustExist(ctx, places); err != nil {
		return nil, err
	}
	_, offsets, err := g.committedOffsets(ctx, id)
	if err != nil {
		return nil, err
	}
	wanted := map[place]int64{}
	for _, p := range places {
		at, ok := offsets[p]
		if !ok {
			return nil, misused("Cannot shift offset for partition %s since there is no current committed offset", p)
		}
		wanted[p] = at.offset + g.Number("shift-by")
	}
	return g.inRange(ctx, places, wanted)
}

// toTimestamp: the end where no record is as young as that.
func (g *groupsCall) toTimestamp(ctx context.Context, places []place, at int64) (map[place]int64, error) {
	to, err := g.toTime(ctx, places, at)
	if err != nil {
		return nil, err
	}
	var without []place
	for _, p := range places {
		if to[p] < 0 {
			without = append(without, p)
		}
	}
	for _, p := range placesInJavaOrder(without) {
		g.printf("\nWarn: Partition %d from topic %s is empty. Falling back to latest known offset.\n", p.partition, p.topic)
	}
	ends, err := g.offsetsAt(ctx, without, latestTime)
	for p, end := range ends {
		to[p] = end
	}
	return to, err
}

func (g *groupsCall) toCurrent(ctx context.Context, id string, places []place) (map[place]int64, error) {
	if err := g.mustExist(ctx, places); err != nil {
		return nil, err
	}
	_, offsets, err := g.committedOffsets(ctx, id)
	if err != nil {
		return nil, err
	}
	to := map[place]int64{}
	var without []place
	for _, p := range places {
		if at, ok := offsets[p]; ok {
			to[p] = at.offset
		} else {
			without = append(without, p)
		}
	}
	ends, err := g.offsetsAt(ctx, without, latestTime)
	for p, end := range ends {
		to[p] = end
	}
	return to, err
}

// filePlaces are the partitions that the file has for a group.
func (g *groupsCall) filePlaces(id string) ([]place, error) {
	plans, err := readPlans(g.Value("from-file"), g.Values("group"))
	if err != nil {
		return nil, err
	}
	if _, ok := plans[id]; !ok {
		g.printError(fmt.Sprintf("No reset plan for group %s found.", id))
	}
	return plans[id].places, nil
}

// fromFile: the file decides, even where --topic names other partitions.
func (g *groupsCall) fromFile(ctx context.Context, id string) (map[place]int64, error) {
	plans, err := readPlans(g.Value("from-file"), g.Values("group"))
	if err != nil {
		return nil, err
	}
	return g.inRange(ctx, plans[id].places, plans[id].to)
}

// readPlans reads lines of topic,partition,offset if there is one group, or group,topic,partition,offset.
func readPlans(path string, groups []string) (map[string]resetPlan, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("java.io.IOException: Unable to read file %s", path)
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.FieldsPerRecord = -1
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s is not CSV: %w", path, err)
	}
	alone := len(groups) == 1 && len(lines) > 0
	if alone {
		_, _, err := planLine(lines[0])
		alone = err == nil
	}
	plans := map[string]resetPlan{}
	for i, fields := range lines {
		id := ""
		if alone {
			id = groups[0]
		} else if len(fields) > 0 {
			id, fields = fields[0], fields[1:]
		}
		p, offset, err := planLine(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d of %s: %w", i+1, path, err)
		}
		plan := plans[id]
		if plan.to == nil {
			plan.to = map[place]int64{}
		}
		if _, again := plan.to[p]; !again {
			plan.places = append(plan.places, p)
		}
		plan.to[p] = offset
		plans[id] = plan
	}
	return plans, nil
}

func planLine(fields []string) (p place, offset int64, err error) {
	if len(fields) != 3 {
		return p, 0, fmt.Errorf("%q is not topic,partition,offset", strings.Join(fields, ","))
	}
	id, err := strconv.ParseInt(fields[1], 10, 32)
	if err != nil {
		return p, 0, fmt.Errorf("%q is not a partition", fields[1])
	}
	if offset, err = strconv.ParseInt(fields[2], 10, 64); err != nil {
		return p, 0, fmt.Errorf("%q is not an offset", fields[2])
	}
	return place{fields[0], int32(id)}, offset, nil
}

// commit writes a plan as the offsets of its group, which has no members.
func (g *groupsCall) commit(ctx context.Context, plan resetPlan) error {
	if len(plan.places) == 0 {
		return nil
	}
	there, err := g.presenceOf(ctx, plan.places)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = plan.id, -1
	for name, partitions := range byTopic(plan.places) {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.TopicID = name, there.ids[name]
		for _, n := range partitions {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = n, plan.to[place{name, n}], -1, kmsg.StringPtr("")
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, g.Client)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *groupsCall) printPlans(plans []resetPlan) {
	ids, topics := 15, 15
	for _, plan := range plans {
		for _, p := range plan.places {
			ids, topics = max(ids, len(plan.id)), max(topics, len(p.topic))
		}
	}
	row := func(id, topic, partition, offset string) {
		g.printf("\n%-*s %-*s %-10s %s", ids, id, topics, topic, partition, offset)
	}
	if len(plans) > 0 {
		row("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")
	}
	for _, plan := range plans {
		for _, p := range plan.places {
			row(plan.id, p.topic, strconv.Itoa(int(p.partition)), strconv.FormatInt(plan.to[p], 10))
		}
	}
	g.printf("\n")
}

// exportPlans prints what --from-file reads: without the group if there is one.
func (g *groupsCall) exportPlans(plans []resetPlan) {
	alone := len(g.Values("group")) == 1
	for _, plan := range plans {
		for _, p := range plan.places {
			if !alone {
				g.printf("%s,", csvField(plan.id))
			}
			g.printf("%s,%d,%d\n", csvField(p.topic), p.partition, plan.to[p])
		}
	}
	g.printf("\n")
}

// csvField puts a text between quotes where Kafka's tool does: if it is long, or has a character
// below '-', which comma and quote are.
func csvField(text string) string {
	if len(text) <= 24 && !strings.ContainsFunc(text, func(r rune) bool { return r < '-' }) {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
