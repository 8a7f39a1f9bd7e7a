package kafkatool

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/thalweg-io/thalweg/internal/lag"
)

// describe shows groups in the order of their names. One that cannot be described ends it all.
func (g *groupsCall) describe() error {
	ids, err := g.groupIDs()
	if err != nil {
		return err
	}
	ctx, cancel := g.within()
	groups, failed := g.describeGroups(ctx, ids)
	cancel()
	for _, id := range ids {
		if err := failed[id]; err != nil {
			return refused("%s: %s", javaErrorClass(err), kclient.Message(err))
		}
	}
	show := g.printOffsets
	switch {
	case g.Has("members"):
		show = g.printMembers
	case g.Has("state"):
		show = g.printState
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		if err := show(groups[id]); err != nil {
			return err
		}
	}
	return nil
}

// noteState tells what a group's state means for what is shown, and whether anything is.
func (g *groupsCall) noteState(shown group, rows int) bool {
	switch shown.state {
	case stateDead:
		g.printError(fmt.Sprintf("Consumer group '%s' does not exist.", shown.id))
		return false
	case stateEmpty:
		g.warnf("\nConsumer group '%s' has no active members.", shown.id)
	case statePreparing, stateCompleting, stateAssigning, stateReconciling:
		g.warnf("\nWarning: Consumer group '%s' is rebalancing.", shown.id)
	}
	return rows > 0
}

// offsetRow is a partition of a group with its reader, "-" where there is none.
type offsetRow struct {
	place
	epoch, offset, end, lag string
	consumer, host, client  string
}

func (g *groupsCall) printOffsets(shown group) error {
	ctx, cancel := g.within()
	defer cancel()
	rows, err := g.offsetRows(ctx, shown)
	if err != nil || !g.noteState(shown, len(rows)) {
		return err
	}
	topics, consumers, hosts := 15, 15, 15
	for _, r := range rows {
		topics, consumers, hosts = max(topics, len(r.topic)), max(consumers, len(r.consumer)), max(hosts, len(r.host))
	}
	print := func(id, topic, partition, epoch, offset, end, lag, consumer, host, client string) {
		g.printf("\n%-*s %-*s %-10s ", max(15, len(shown.id)), id, topics, topic, partition)
		if g.Has("verbose") {
			g.printf("%-15s ", epoch)
		}
		g.printf("%-15s %-15s %-15s %-*s %-*s %s", offset, end, lag, consumers, consumer, hosts, host, client)
	}
	print("GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID")
	for _, r := range rows {
		print(shown.id, r.topic, strconv.Itoa(int(r.partition)), r.epoch, r.offset, r.end, r.lag, r.consumer, r.host, r.client)
	}
	g.printf("\n")
	return nil
}

// offsetRows are the partitions of members, those with the most first, and then what was committed
// for other partitions.
func (g *groupsCall) offsetRows(ctx context.Context, shown group) ([]offsetRow, error) {
	places, offsets, err := g.committedOffsets(ctx, shown.id)
	if err != nil {
		return nil, err
	}
	members := slices.Clone(shown.members)
	slices.SortStableFunc(members, func(a, b groupMember) int { return cmp.Compare(len(b.assigned), len(a.assigned)) })
	var rows []offsetRow
	assigned := map[place]bool{}
	for _, m := range members {
		for _, p := range m.assigned {
			assigned[p] = true
		}
		add, err := g.rowsOf(ctx, m.assigned, offsets, offsetRow{consumer: m.id, host: m.host, client: m.client})
		if err != nil {
			return nil, err
		}
		rows = append(rows, add...)
	}
	rest := slices.DeleteFunc(places, func(p place) bool { return assigned[p] })
	add, err := g.rowsOf(ctx, rest, offsets, offsetRow{consumer: "-", host: "-", client: "-"})
	return append(rows, add...), err
}

// rowsOf completes rows of partitions that have a reader in common.
func (g *groupsCall) rowsOf(ctx context.Context, places []place, offsets map[place]committed, reader offsetRow) (rows []offsetRow, err error) {
	slices.SortFunc(places, comparePlaces)
	there, err := g.presenceOf(ctx, places)
	if err != nil {
		return nil, err
	}
	ends, err := g.offsetsAt(ctx, there.led, latestTime)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		r := reader
		r.place, r.epoch, r.offset, r.end, r.lag = p, "-", "-", "-", "-"
		at, isCommitted := offsets[p]
		end, hasEnd := ends[p]
		if isCommitted {
			r.offset, r.epoch = strconv.FormatInt(at.offset, 10), orDash(at.leaderEpoch)
		}
		if hasEnd {
			r.end = strconv.FormatInt(end, 10)
		}
		if isCommitted && hasEnd {
			if behind, ok := lag.Of(at.offset, end); ok {
				r.lag = strconv.FormatInt(behind, 10)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func orDash(n *int32) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(int(*n))
}

func (g *groupsCall) printMembers(shown group) error {
	g.noteState(shown, len(shown.members))
	ids, instances, hosts, clients, current, target := 15, 17, 15, 15, 20, 20
	static, old, upgraded := false, false, false
	for _, m := range shown.members {
		ids, instances, hosts, clients = max(ids, len(m.id)), max(instances, len(m.instance)), max(hosts, len(m.host)), max(clients, len(m.client))
		current, target = max(current, len(assignmentText(m.assigned))), max(target, len(assignmentText(m.target)))
		static = static || m.instance != ""
		if m.upgraded != nil {
			old, upgraded = old || !*m.upgraded, upgraded || *m.upgraded
		}
	}
	mixed := old && upgraded
	row := func(id string, member [4]string, partitions string, verbose [5]string) {
		g.printf("%-*s %-*s ", max(15, len(shown.id)), id, ids, member[0])
		if static {
			g.printf("%-*s ", instances, member[1])
		}
		g.printf("%-*s %-*s %-15s ", hosts, member[2], clients, member[3], partitions)
		if g.Has("verbose") {
			g.printf("%-15s %-*s %-15s %-*s", verbose[0], current, verbose[1], verbose[2], target, verbose[3])
		}
		if g.Has("verbose") && mixed {
			g.printf(" %s", verbose[4])
		}
		g.printf("\n")
	}
	g.printf("\n")
	row("GROUP", [4]string{"CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID"}, "#PARTITIONS",
		[5]string{"CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT", "UPGRADED"})
	for _, m := range shown.members {
		isUpgraded := "-"
		if m.upgraded != nil {
			isUpgraded = strconv.FormatBool(*m.upgraded)
		}
		row(shown.id, [4]string{m.id, m.instance, m.host, m.client}, strconv.Itoa(len(m.assigned)),
			[5]string{orDash(m.epoch), assignmentText(m.assigned), orDash(shown.targetEpoch), assignmentText(m.target), isUpgraded})
	}
	return nil
}

// assignmentText is t:0,1;u:0, or "-" for nothing.
func assignmentText(places []place) string {
	if len(places) == 0 {
		return "-"
	}
	var parts []string
	for name, ids := range byTopic(places) {
		slices.Sort(ids)
		parts = append(parts, name+":"+joinIDs(ids, ","))
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

func (g *groupsCall) printState(shown group) error {
	if !g.noteState(shown, 1) {
		return nil
	}
	at := shown.coordinator
	coordinator := fmt.Sprintf("%s:%d  (%d)", at.Host, at.Port, at.NodeID)
	row := func(id, coordinator, assignor, state, epoch, target, members string) {
		g.printf("\n%-*s %-*s %-20s %-20s ", max(15, len(shown.id)), id, max(25, len(coordinator)), coordinator, assignor, state)
		if g.Has("verbose") {
			g.printf("%-15s %-25s ", epoch, target)
		}
		g.printf("%s", members)
	}
	row("GROUP", fmt.Sprintf("%-*s", len(coordinator), "COORDINATOR (ID)"), "ASSIGNMENT-STRATEGY", "STATE", "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH", "#MEMBERS")
	row(shown.id, coordinator, cmp.Or(shown.assignor, "-"), shown.state, orDash(shown.epoch), orDash(shown.targetEpoch), strconv.Itoa(len(shown.members)))
	g.printf("\n")
	return nil
}
