package sidebyside

import "regexp"

// pair names what is compared.
type pair int

const (
	brokers pair = iota // Apache Kafka's tools against Apache Kafka and against Thalweg
	tools               // Apache Kafka's tools and ours against Thalweg
)

func (p pair) String() string { return [...]string{"brokers", "tools"}[p] }

// exception is a deviation that is wanted or known. In steps whose command line matches step, lines that match line are taken out
// of both outcomes. One that no step needs is an error.
type exception struct {
	pair       pair
	step, line *regexp.Regexp
	reason     string
}

var exceptions = []exception{
	except(brokers, `--all$`, `^ (flush\.policy|log\.flush\.policy|metrics\.listener|metrics\.profiling|client\.telemetry\.enable|max\.partitions)=`, "keys of our own, described like Kafka's"),
	except(brokers, `--all$`, `^ max\.decompressed\.message\.bytes=`, "new in 4.4 and not known here; what a batch may decode to is bounded by our own budget (limits.md)"),
	except(brokers, `--describe --broker 1 --all`, `^ (process\.roles|controller\.listener\.names|controller\.quorum\.bootstrap\.servers|listeners)=`, "one process is broker and controller without being told, and has no listener for controllers; we were started on port 0"),
	except(brokers, `--describe --broker 1 --all`, `^ log\.initial\.task\.delay\.ms=`, "an internal key, set to make the other broker start its tasks at once"),
	except(brokers, `--describe --broker 1 --all`, `^ queued\.max\.request\.bytes=`, "bounded by default: 256 MiB, not unlimited"),
	except(brokers, `--broker-defaults --add-config nope=1`, `.`, "a key that is not Kafka's is refused; Kafka keeps it for plugins, of which we have none"),
	except(brokers, `--describe --entity-type brokers$`, `^ nope=null `, "what the command above has left"),
	except(brokers, `kafka-features`, `^Feature: (eligible\.leader\.replicas|group|kraft|share|streams|transaction)\.version `, "the only feature told is metadata.version"),
	except(brokers, `kafka-features`, `^Feature: metadata\.version `, "our metadata.version is 4.3-IV0, Kafka's 4.4-IV2"),
	except(brokers, `kafka-features \$B (upgrade|downgrade|disable)`, `^(Could not|Can not) (upgrade|downgrade|disable) `, "the level of a feature cannot change; the reasons given are others"),
	except(brokers, `kafka-metadata-quorum \$B describe --status`, `^CurrentVoters: `, "no listener for controllers, so no endpoints of voters"),

	except(tools, `kafka-console-consumer`, `^! The consumer rebalance protocol \(KIP-848\) is production-ready!`, "advice of the Java client about itself"),
	except(tools, `kafka-consumer-groups \$B --describe --group g1`, `^g1 p 0 0 0 0 - - -$`, "our console consumer commits where it has read something, the Java client every position"),
	except(tools, `kafka-get-offsets \$B$`, `^__consumer_offsets:\d+:`, "the same: one record less"),
	except(tools, `kafka-broker-api-versions`, `^ (DeleteShareGroupOffsets\(92\)|StreamsGroupTopologyDescriptionUpdate\(93\)|UnregisterController\(94\)): UNSUPPORTED`, "APIs that our client does not know are not listed"),
}

func except(p pair, step, line, reason string) exception {
	return exception{p, regexp.MustCompile(step), regexp.MustCompile(line), reason}
}
