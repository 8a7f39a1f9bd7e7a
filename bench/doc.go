// Package bench is the measuring rig: it starts brokers as processes, gives each the same fixed work, and says what
// that cost them. `thalweg bench` is its command.
//
// Place: beside the products; it talks to brokers over sockets and to the operating system, and knows nothing of what is
// inside them. The broker under test is the running binary, another one of ours, or an Apache Kafka.
//
// What is counted is processor time of the broker's process, user and system, as the operating system accounts for it: on a
// machine that others use too it is the only figure that holds still. Brokers are measured in turns (A B A B …) with the same
// work; the first turn is thrown away; what is reported are the medians and quartiles of each, and those of the ratios within
// turns. Before each turn so much memory is touched and given back as the work will dirty, because
// the first touch of a page that the host of a virtual machine has taken back costs more than everything else.
//
// The driver replays prepared requests and looks at little of the answers, so that it is cheap beside the broker; what it used
// itself, and how late it was where it follows a schedule, is reported with each row.
//
// Invariants: work is fixed, never time; a wrong or missing answer fails the scenario, it does not make it faster; both brokers
// of a pair run during the whole scenario, so that neither finds a different machine.
//
// Concurrency: a Rig runs one scenario at a time. Only Linux accounts for a process from outside in the way this needs.
//
// The time of a run is dealt out to its scenarios by weight: one whose share is used up makes fewer turns. What fails, or takes far
// longer than its share, is a cell or row that says so; everything else goes on.
//
// Files: rig.go (Rig: options, turns), budget.go (time dealt out), scenario.go (the table of scenarios), scenario_*.go (what they do), flow.go (the
// traffic of connections), request.go (prepared requests), records.go (batches to send), broker.go (Broker and Maker), thalweg.go,
// kafka.go and yardstick.go (how each is started), nats.go (what is asked of JetStream), process*.go (processor time and memory of a process), memory*.go (warm pages),
// responder.go (what does nothing, to be held against), pin*.go (broker and driver on processors of their own),
// statistics.go (medians, quartiles), report.go (rows, table, JSON), curve.go (percentiles), plot.go (pictures), machine.go (what it was measured on).
package bench
