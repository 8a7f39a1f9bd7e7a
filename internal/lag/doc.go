// Package lag tells how far behind a consumer group is: in records and in time. It is the one place where that is
// computed; every tool that shows a lag shows this one.
//
// Place: above kclient; a client of the protocol that runs against any Kafka cluster.
//
// Invariants: the lag of a partition is its visible end minus the committed offset. The visible end is the high
// watermark, or for groups that read committed records only the last stable offset. A group that has committed nothing
// has no lag there, which is not the same as none. A lag may be negative: records that had been read are gone.
//
// The lag in time is the age of the oldest record that has not been read: how long it has been waiting. It costs a
// fetch of one batch per partition that lags, so it is asked for separately.
//
// Concurrency: the functions may be called from any goroutine.
//
// Files: lag.go (Of, Partition, Measure), time.go (the lag in time).
package lag
