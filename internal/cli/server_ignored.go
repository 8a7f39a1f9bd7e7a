package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker"
)

// advice says of keys that Kafka's own files hold why they have no effect, and which key comes nearest.
var advice = []struct {
	keys    string // separated by blanks; * at the end stands for anything
	reason  string
	nearest string
}{
	{"zookeeper.*", "there is no ZooKeeper, metadata is kept with the data", "log.dirs"},
	{"num.network.threads num.io.threads num.replica.fetchers background.threads num.recovery.threads.per.data.dir", "threads are not configured", "max.connections"},
	{"socket.receive.buffer.bytes socket.listen.backlog.size", "the system sizes it", "queued.max.request.bytes"},
	{"queued.max.requests", "the queue is bounded in bytes", "queued.max.request.bytes"},
	{"process.roles controller.* inter.broker.listener.name security.inter.broker.protocol", "a node is broker and controller in one", "listeners"},
	{"listener.security.protocol.map", "a listener's name is its protocol", "listeners"},
	{"port host.name", "removed in Kafka 3", "listeners"},
	{"advertised.port advertised.host.name", "removed in Kafka 3", "advertised.listeners"},
	{"broker.id.generation.enable reserved.broker.max.id", "ids are given", "node.id"},
	{"log.flush.*", "flushing is a policy", "flush.policy"},
	{"offsets.topic.* transaction.state.log.* share.coordinator.state.topic.*", "internal topics are made as others are", "default.replication.factor"},
	{"group.initial.rebalance.delay.ms", "not in this version", ""},
}

// ignoredKey is one sentence about a key without effect.
func ignoredKey(key string) string {
	reason, nearest := "not in this version", ""
	for _, a := range advice {
		if matchesAny(key, a.keys) {
			reason, nearest = a.reason, a.nearest
			break
		}
	}
	if nearest == "" || !effective(nearest) {
		nearest = alike(key)
	}
	text := key + " has no effect: " + reason
	if nearest != "" {
		text += " (nearest key: " + nearest + ")"
	}
	return text
}

func matchesAny(key, patterns string) bool {
	for _, p := range strings.Fields(patterns) {
		prefix, open := strings.CutSuffix(p, "*")
		if key == p || open && strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// effective reports whether the broker acts on a key: it does if it reads or refuses a value.
func effective(key string) bool {
	_, ignored, err := broker.FromProperties(map[string]string{key: "1"})
	return err != nil || !slices.Contains(ignored, key)
}

// candidates are the keys that may be meant by one that is unknown.
var candidates = []string{"advertised.listeners", "auto.create.topics.enable", "broker.id", "connections.max.idle.ms",
	"default.replication.factor", "fetch.max.bytes", "flush.policy", "listeners", "log.cleanup.policy", "log.dir", "log.dirs",
	"log.retention.bytes", "log.retention.hours", "log.retention.ms", "log.roll.hours", "log.roll.ms", "log.segment.bytes",
	"max.connections", "max.connections.per.ip", "message.max.bytes", "min.insync.replicas", "node.id", "num.partitions",
	"queued.max.request.bytes", "socket.request.max.bytes", "unclean.leader.election.enable"}

// alike finds the effective key that an unknown one looks like: few letters changed, or most words
// the same. Empty if none does.
func alike(key string) string {
	best, bestScore := "", 0.55
	for _, c := range candidates {
		if c == key || !effective(c) {
			continue
		}
		score := max(letters(key, c), words(key, c))
		if score > bestScore {
			best, bestScore = c, score
		}
	}
	return best
}

// letters is 1 for the same text and falls with every letter that must change, relative to the length.
func letters(a, b string) float64 {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	// Two texts of unlike letters still share some by chance: only much likeness counts.
	return 2*(1-float64(row[len(b)])/float64(max(len(a), len(b)))) - 0.9
}

// words is the share of words that two keys have in common.
func words(a, b string) float64 {
	in := map[string]bool{}
	for _, w := range strings.Split(a, ".") {
		in[w] = true
	}
	all := maps.Clone(in)
	common := 0
	for _, w := range strings.Split(b, ".") {
		if in[w] {
			common++
		}
		all[w] = true
	}
	return float64(common) / float64(len(all))
}

// withoutControllers drops the listeners that Kafka keeps for controllers: they serve no clients,
// and a node here needs none.
func withoutControllers(props map[string]string) (dropped []string) {
	controllers := strings.Split(strings.ReplaceAll(props["controller.listener.names"], " ", ""), ",")
	for _, key := range []string{"listeners", "advertised.listeners"} {
		text, ok := props[key]
		if !ok || props["controller.listener.names"] == "" {
			continue
		}
		var kept []string
		for _, l := range strings.Split(text, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(l), "://")
			if !slices.ContainsFunc(controllers, func(c string) bool { return strings.EqualFold(c, name) }) {
				kept = append(kept, l)
			} else if key == "listeners" {
				dropped = append(dropped, strings.TrimSpace(l))
			}
		}
		props[key] = strings.Join(kept, ",")
	}
	return dropped
}
