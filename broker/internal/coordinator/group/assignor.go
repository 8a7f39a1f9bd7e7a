package group

import (
	"cmp"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// subscriber is a member as an assignor sees it.
type subscriber struct {
	id       string
	instance string // "": dynamic
	rack     string // "": not told
	topics   map[kafka.TopicID]struct{}
	has      assignment // the target before
}

// subscribedTopic is a topic that somebody is subscribed to.
type subscribedTopic struct {
	id         kafka.TopicID
	partitions int32
	racks      [][]string // by partition; nil: not known
}

// assignor computes a target: all partitions of topics in order of id, to members in order of id. Every partition that has a subscriber
// gets exactly one.
type assignor func(members []*subscriber, topics []subscribedTopic) map[string]assignment

// assignorOf finds a server-side assignor by name; nil if there is none.
func assignorOf(name string) assignor {
	switch name {
	case "uniform":
		return assignUniform
	case "range":
		return assignRange
	}
	return nil
}

// assignUniform balances the number of partitions and lets each member keep as much as that allows.
//
// First everybody keeps what it had, as far as it is still subscribed and nobody else has it. Then what nobody has goes to the
// subscriber with the least. At last partitions move from a member to one that would still have fewer afterwards, until there is
// none: with equal subscriptions the numbers then differ by one at most.
func assignUniform(members []*subscriber, topics []subscribedTopic) map[string]assignment {
	u := newUniform(members, topics)
	u.keep()
	u.distribute()
	if !u.equal { // else it is balanced already
		u.balance()
	}
	out := make(map[string]assignment, len(members))
	for i, m := range members {
		out[m.id] = u.has[i]
	}
	return out
}

type uniform struct {
	members     []*subscriber
	partitions  []topicPartition
	subscribers map[kafka.TopicID][]int // indexes of members
	owner       map[topicPartition]int
	has         []assignment
	equal       bool // all have the same subscription
}

func newUniform(members []*subscriber, topics []subscribedTopic) *uniform {
	u := &uniform{members: members, subscribers: map[kafka.TopicID][]int{}, owner: map[topicPartition]int{}, has: make([]assignment, len(members)), equal: true}
	for _, t := range topics {
		for i, m := range members {
			if _, ok := m.topics[t.id]; ok {
				u.subscribers[t.id] = append(u.subscribers[t.id], i)
			}
		}
		if n := len(u.subscribers[t.id]); n == 0 {
			continue
		} else if n < len(members) {
			u.equal = false
		}
		for p := range t.partitions {
			u.partitions = append(u.partitions, topicPartition{t.id, p})
		}
	}
	for i := range members {
		u.has[i] = assignment{}
	}
	return u
}

func (u *uniform) give(i int, tp topicPartition) {
	if from, ok := u.owner[tp]; ok {
		delete(u.has[from], tp)
	}
	u.owner[tp] = i
	u.has[i][tp] = 0
}

// keep gives back what each had. With equal subscriptions nobody keeps more than its share, so that nothing has to move twice.
func (u *uniform) keep() {
	before := map[topicPartition]int{}
	for i := len(u.members) - 1; i >= 0; i-- {
		for tp := range u.members[i].has { // order-free: each partition for itself
			before[tp] = i
		}
	}
	share, extra := len(u.partitions), 0
	if u.equal && len(u.members) > 0 {
		share, extra = len(u.partitions)/len(u.members), len(u.partitions)%len(u.members)
	}
	for _, tp := range u.partitions {
		i, ok := before[tp]
		if !ok {
			continue
		}
		if _, subscribed := u.members[i].topics[tp.topic]; !subscribed {
			continue
		}
		switch n := len(u.has[i]); {
		case n < share:
			u.give(i, tp)
		case n == share && extra > 0:
			extra--
			u.give(i, tp)
		}
	}
}

func (u *uniform) distribute() {
	for _, tp := range u.partitions {
		if _, ok := u.owner[tp]; !ok {
			u.give(u.least(tp.topic), tp)
		}
	}
}

// least is the subscriber of a topic that has the fewest partitions, of several the first.
func (u *uniform) least(topic kafka.TopicID) int {
	return slices.MinFunc(u.subscribers[topic], func(a, b int) int { return cmp.Compare(len(u.has[a]), len(u.has[b])) })
}

// balance moves partitions until no move would make two members more equal. Each move lowers the sum of the squares of the
// numbers, so it ends.
func (u *uniform) balance() {
	for moved := true; moved; {
		moved = false
		for _, tp := range u.partitions {
			if to := u.least(tp.topic); len(u.has[to])+1 < len(u.has[u.owner[tp]]) {
				u.give(to, tp)
				moved = true
			}
		}
	}
}

// assignRange gives each subscriber of a topic a range of its partitions, the first ones one more if it does not come out even.
// Topics with the same number of partitions and the same subscribers are divided alike, so that what belongs together stays together.
// Where racks are known and not everything is everywhere, a partition rather goes to a member in a rack of one of its replicas, within
// the same numbers (as KIP-881 does in clients).
func assignRange(members []*subscriber, topics []subscribedTopic) map[string]assignment {
	out := make(map[string]assignment, len(members))
	for _, m := range members {
		out[m.id] = assignment{}
	}
	ordered := slices.SortedFunc(slices.Values(members), compareSubscribers)
	for _, t := range topics {
		var among []*subscriber
		for _, m := range ordered {
			if _, ok := m.topics[t.id]; ok {
				among = append(among, m)
			}
		}
		if len(among) > 0 {
			divide(t, among, out)
		}
	}
	return out
}

// compareSubscribers orders static members by instance before dynamic ones by id: a static member keeps its range over restarts.
func compareSubscribers(a, b *subscriber) int {
	if (a.instance == "") != (b.instance == "") {
		if a.instance != "" {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.instance, b.instance), cmp.Compare(a.id, b.id))
}

func divide(t subscribedTopic, among []*subscriber, out map[string]assignment) {
	room := make([]int, len(among))
	for i := range room {
		room[i] = int(t.partitions) / len(among)
		if i < int(t.partitions)%len(among) {
			room[i]++
		}
	}
	taken := make([]bool, t.partitions)
	give := func(i int, p int32) {
		taken[p] = true
		room[i]--
		out[among[i].id][topicPartition{t.id, p}] = 0
	}
	if racksMatter(t, among) {
		for p := range t.partitions {
			i := slices.IndexFunc(among, func(m *subscriber) bool { return m.rack != "" && slices.Contains(t.racks[p], m.rack) })
			for ; i >= 0 && i < len(among); i++ {
				if room[i] > 0 && slices.Contains(t.racks[p], among[i].rack) {
					give(i, p)
					break
				}
			}
		}
	}
	i := 0
	for p := range t.partitions {
		if taken[p] {
			continue
		}
		for room[i] == 0 {
			i++
		}
		give(i, p)
	}
}

// racksMatter reports whether the racks of members say anything about the partitions: some member is in a rack of some replica, and
// some partition has no replica in a rack of members.
func racksMatter(t subscribedTopic, among []*subscriber) bool {
	ours := map[string]struct{}{}
	for _, m := range among {
		if m.rack != "" {
			ours[m.rack] = struct{}{}
		}
	}
	if len(ours) == 0 || len(t.racks) == 0 {
		return false
	}
	some, everywhere := false, true
	for _, racks := range t.racks {
		here := map[string]struct{}{}
		for _, r := range racks {
			if _, ok := ours[r]; ok {
				here[r] = struct{}{}
			}
		}
		some, everywhere = some || len(here) > 0, everywhere && len(here) == len(ours)
	}
	return some && !everywhere
}
