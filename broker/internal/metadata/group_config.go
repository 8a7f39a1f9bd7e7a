package metadata

import (
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// GroupConfigDef describes one config of a group of any type.
type GroupConfigDef struct {
	Name      string
	Type      ConfigType
	Default   string
	NoDefault bool
	// Server is the server key whose value is the default; empty if there is none.
	Server string
	// Hidden says that Kafka does not describe it.
	Hidden bool
	// Effective says that a coordinator of this broker acts on the value; otherwise it is accepted, kept and shown
	// without effect.
	Effective bool

	check validator // may be nil
}

// GroupResource is the resource of a group's configs. A group need not exist to have them.
func GroupResource(group string) Resource { return Resource{Type: schema.ResourceGroup, Name: group} }

// GroupConfigs yields every group config in order of name until yield returns false.
func GroupConfigs(yield func(*GroupConfigDef) bool) {
	for i := range groupConfigs {
		if !yield(&groupConfigs[i]) {
			return
		}
	}
}

// GroupConfigDefOf returns the definition of a group config, or nil if there is none of that name.
func GroupConfigDefOf(name string) *GroupConfigDef {
	i, ok := slices.BinarySearchFunc(groupConfigs[:], name, func(d GroupConfigDef, n string) int { return strings.Compare(d.Name, n) })
	if !ok {
		return nil
	}
	return &groupConfigs[i]
}

// groupConfigs is every group config of Kafka 4.4 in order of name; read-only.
var groupConfigs = [...]GroupConfigDef{
	{Name: "consumer.assignment.interval.ms", Type: TypeInt, Default: "1000", Server: "group.consumer.assignment.interval.ms", Effective: true, check: atLeast(0)},
	{Name: "consumer.assignor.offload.enable", Type: TypeBoolean, Default: "true", Server: "group.consumer.assignor.offload.enable", Hidden: true},
	{Name: "consumer.heartbeat.interval.ms", Type: TypeInt, Default: "5000", Server: "group.consumer.heartbeat.interval.ms", Effective: true, check: atLeast(1)},
	{Name: "consumer.session.timeout.ms", Type: TypeInt, Default: "45000", Server: "group.consumer.session.timeout.ms", Effective: true, check: atLeast(1)},
	{Name: "errors.deadletterqueue.copy.record.enable", Type: TypeBoolean, Default: "false"},
	{Name: "errors.deadletterqueue.topic.name", Type: TypeString},
	{Name: "share.assignment.interval.ms", Type: TypeInt, Default: "1000", Server: "group.share.assignment.interval.ms", check: atLeast(0)},
	{Name: "share.assignor.offload.enable", Type: TypeBoolean, Default: "true", Server: "group.share.assignor.offload.enable", Hidden: true},
	{Name: "share.auto.offset.reset", Type: TypeString, Default: "latest", check: offsetReset},
	{Name: "share.delivery.count.limit", Type: TypeInt, Default: "5", Server: "group.share.delivery.count.limit", check: atLeast(2)},
	{Name: "share.heartbeat.interval.ms", Type: TypeInt, Default: "5000", Server: "group.share.heartbeat.interval.ms", check: atLeast(1)},
	{Name: "share.isolation.level", Type: TypeString, Default: "read_uncommitted", check: oneOf("read_committed", "read_uncommitted")},
	{Name: "share.partition.max.record.locks", Type: TypeInt, Default: "2000", Server: "group.share.partition.max.record.locks", check: atLeast(100)},
	{Name: "share.record.lock.duration.ms", Type: TypeInt, Default: "30000", Server: "group.share.record.lock.duration.ms", check: atLeast(1000)},
	{Name: "share.renew.acknowledge.enable", Type: TypeBoolean, Default: "true"},
	{Name: "share.session.timeout.ms", Type: TypeInt, Default: "45000", Server: "group.share.session.timeout.ms", check: atLeast(1)},
	{Name: "streams.acceptable.recovery.lag", Type: TypeLong, Default: "10000", Server: "group.streams.acceptable.recovery.lag", Hidden: true, check: atLeast(0)},
	{Name: "streams.assignment.interval.ms", Type: TypeInt, Default: "1000", Server: "group.streams.assignment.interval.ms", check: atLeast(0)},
	{Name: "streams.assignor.name", Type: TypeString, Default: "sticky", Server: "group.streams.assignors"},
	{Name: "streams.assignor.offload.enable", Type: TypeBoolean, Default: "true", Server: "group.streams.assignor.offload.enable", Hidden: true},
	{Name: "streams.heartbeat.interval.ms", Type: TypeInt, Default: "5000", Server: "group.streams.heartbeat.interval.ms", check: atLeast(1)},
	{Name: "streams.initial.rebalance.delay.ms", Type: TypeInt, Default: "3000", Server: "group.streams.initial.rebalance.delay.ms", check: atLeast(0)},
	{Name: "streams.num.standby.replicas", Type: TypeInt, Default: "0", Server: "group.streams.num.standby.replicas", check: atLeast(0)},
	{Name: "streams.num.warmup.replicas", Type: TypeInt, Default: "2", Server: "group.streams.num.warmup.replicas", Hidden: true, check: atLeast(0)},
	{Name: "streams.rack.aware.assignment.tags", Type: TypeList, Server: "group.streams.rack.aware.assignment.tags"},
	{Name: "streams.session.timeout.ms", Type: TypeInt, Default: "45000", Server: "group.streams.session.timeout.ms", check: atLeast(1)},
	{Name: "streams.task.offset.interval.ms", Type: TypeInt, Default: "60000", Server: "group.streams.task.offset.interval.ms", Hidden: true, check: atLeast(1)},
}

// offsetReset accepts latest, earliest and by_duration: with a duration in ISO 8601 that is not negative.
func offsetReset(value string) (string, string) {
	duration, by := strings.CutPrefix(value, "by_duration:")
	if value == "latest" || value == "earliest" || by && isoDuration(duration) {
		return "", ""
	}
	return value, "Invalid value " + value + " for configuration share.auto.offset.reset: value should be one of 'latest', 'earliest' or 'by_duration:<duration>', where the duration is not negative"
}

// isoDuration reports whether a text is PnDTnHnMn.nS, each part optional, but not all of them.
func isoDuration(s string) bool {
	rest, ok := strings.CutPrefix(strings.ToUpper(s), "P")
	date, clock, timed := strings.Cut(rest, "T")
	if !ok || rest == "" || timed && clock == "" {
		return false
	}
	return isoParts(date, "D") && isoParts(clock, "HMS")
}

// isoParts reports whether a text is numbers, each followed by one of the units, in their order.
func isoParts(s, units string) bool {
	for s != "" {
		digits := strings.TrimLeft(s, "0123456789.")
		number := s[:len(s)-len(digits)]
		if _, err := strconv.ParseFloat(number, 64); err != nil || digits == "" {
			return false
		}
		unit := digits[0]
		i := strings.IndexByte(units, unit)
		if i < 0 || strings.Contains(number, ".") && unit != 'S' {
			return false
		}
		units, s = units[i+1:], digits[1:]
	}
	return true
}

// GroupConfig returns the value of a group config that counts on this node and where it comes from: the group's
// own, or else that of the server key that is its default (see ServerConfig), or else the built-in one. ok is
// false if there is no such config or it has no value. The group need not exist. It parses nothing and costs
// up to three lookups of O(log n); keep the result of a group until a Delta names its resource or a broker's.
func (m *Image) GroupConfig(group, name string) (value string, source Source, ok bool) {
	if v, ok := m.Config(GroupResource(group), name); ok {
		return v, SourceGroup, true
	}
	def := GroupConfigDefOf(name)
	if def == nil {
		return "", 0, false
	}
	return m.groupDefault(def)
}

func (m *Image) groupDefault(def *GroupConfigDef) (string, Source, bool) {
	if def.Server != "" {
		if v, source, ok := m.ServerConfig(def.Server); ok {
			return v, source, true
		}
	}
	return def.Default, SourceDefault, !def.NoDefault
}

// GroupConfigInt is GroupConfig of a config that is a number: milliseconds, or how many. What does not parse,
// which only a newer Kafka could have accepted, counts as the built-in value. A config of another type is a mistake of the caller.
func (m *Image) GroupConfigInt(group, name string) int64 {
	v, _, _ := m.GroupConfig(group, name)
	if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
		return n
	}
	def := GroupConfigDefOf(name)
	if def == nil || def.Type != TypeInt && def.Type != TypeLong {
		panic("BUG: " + name + " is no number of a group")
	}
	n, _ := strconv.ParseInt(def.Default, 10, 64)
	return n
}

// CheckGroupConfigs returns nil if a group may be given these configs, which are sorted by name, each alone and all
// together with the bounds that the brokers set. Errors: ErrConfig with a sentence for the client.
func (m *Image) CheckGroupConfigs(values []ConfigValue) error {
	for _, v := range values {
		def := GroupConfigDefOf(v.Name)
		if def == nil {
			return badConfig("Unknown group config name: %s", v.Name)
		}
		if err := checkValue(def.Name, def.Type, def.check, v.Value); err != nil {
			return err
		}
		if err := m.checkGroupBounds(def, v.Value); err != nil {
			return err
		}
	}
	for _, kind := range [...]string{"consumer", "share", "streams"} {
		session, heartbeat := kind+".session.timeout.ms", kind+".heartbeat.interval.ms"
		if m.groupInt(values, session) <= m.groupInt(values, heartbeat) {
			return badConfig("%s must be greater than %s", session, heartbeat)
		}
	}
	return nil
}

// groupInt is the number that a group with those configs would have.
func (m *Image) groupInt(values []ConfigValue, name string) int64 {
	var text string
	if i, ok := findConfig(values, name); ok {
		text = values[i].Value
	} else {
		text, _, _ = m.groupDefault(GroupConfigDefOf(name))
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n
}

// checkGroupBounds: the brokers' group.<type>.min.<config> and group.<type>.max.<config> bound it.
func (m *Image) checkGroupBounds(def *GroupConfigDef, value string) error {
	kind, name, _ := strings.Cut(def.Name, ".")
	name = strings.TrimPrefix(name, "num.")
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if def.Server == "" || err != nil {
		return nil
	}
	bound := func(which string) (key string, limit int64, ok bool) {
		key = "group." + kind + "." + which + "." + name
		text, _, found := m.ServerConfig(key)
		limit, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		return key, limit, found && err == nil
	}
	low, least, hasLeast := bound("min")
	high, most, hasMost := bound("max")
	switch below, above := hasLeast && n < least, hasMost && n > most; {
	case (below || above) && hasLeast && hasMost:
		return badConfig("%s must be in the range %d to %d inclusive.", def.Name, least, most)
	case below:
		return badConfig("%s must be greater than or equal to %s", def.Name, low)
	case above:
		return badConfig("%s must be less than or equal to %s", def.Name, high)
	}
	return nil
}

// GroupServerKey reports whether a server key is the default of a group config, or bounds one.
func GroupServerKey(key string) bool {
	for i := range groupConfigs {
		if key == groupConfigs[i].Server && key != "" {
			return true
		}
	}
	rest, ok := strings.CutPrefix(key, "group.")
	if !ok {
		return false
	}
	for i := range groupConfigs {
		kind, name, _ := strings.Cut(groupConfigs[i].Name, ".")
		name = strings.TrimPrefix(name, "num.")
		if groupConfigs[i].Server != "" && (rest == kind+".min."+name || rest == kind+".max."+name) {
			return true
		}
	}
	return false
}
