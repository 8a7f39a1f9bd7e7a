package main

// settings keep internal topics small on both sides and let both compact all the time.
var settings = map[string]string{
	"offsets.topic.replication.factor":         "1",
	"offsets.topic.num.partitions":             "1",
	"transaction.state.log.replication.factor": "1",
	"transaction.state.log.min.isr":            "1",
	"transaction.state.log.num.partitions":     "1",
	"log.cleaner.backoff.ms":                   "100",
	"log.cleaner.min.cleanable.ratio":          "0.01",
	"log.cleaner.dedupe.buffer.size":           "4194304",
}
