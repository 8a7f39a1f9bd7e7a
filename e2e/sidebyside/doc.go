// Package sidebyside plays one script of command lines through Apache Kafka's own tools against an Apache Kafka and against
// Thalweg, and through Thalweg's tools of the same names against another Thalweg, and compares what they print: ids,
// addresses, times and directories masked, every other deviation an exception with its reason, or a failure.
//
// Two pairs are compared. Apache Kafka's tools against the two brokers show the broker; Apache Kafka's tools and ours
// against Thalweg show the tools. Reading commands that differ are run again for a while, since a broker's view of the
// cluster follows the controller's.
//
// Files: session.txt (the script), step.go (what a step is), outcome.go (what a step gave, masked), exceptions.go (what may
// differ, and why), play.go (the three systems), report.go (what came of it).
package sidebyside
