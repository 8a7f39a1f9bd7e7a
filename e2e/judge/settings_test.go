package judge

// settings keep internal topics small on both sides.
var settings = map[string]string{
	"offsets.topic.replication.factor":         "1",
	"offsets.topic.num.partitions":             "2",
	"transaction.state.log.replication.factor": "1",
	"transaction.state.log.min.isr":            "1",
	"transaction.state.log.num.partitions":     "2",
	"group.initial.rebalance.delay.ms":         "0",
}
