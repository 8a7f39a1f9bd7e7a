// Package kafka gets an Apache Kafka from Maven Central, runs a broker of it and its command-line
// tools: what Thalweg is compared with. Nothing of it is part of Thalweg or linked to it: they are
// processes of Java 17, started by tests and by the command e2e/kafka/run.
//
// The jars (pom.xml names the version) are kept in the user's cache directory, outside the
// repository; the first call of Fetch downloads about 55 MiB through Maven. A broker is one node,
// controller and broker in one process, on free ports of 127.0.0.1, with a directory that its caller
// gives, and a heap of at most 1 GiB.
//
// Files:
//
//	pom.xml            the version, and what goes onto the class path
//	fetch.go           Home: the jars in the cache; Need for tests
//	broker.go          Broker: format, start, wait until it serves, stop
//	tools.go           Kafka's tools by name, each as a process of its own
//	shell.go           Shell: many tools one after the other in one JVM
//	Shell.java         the other end of it
//	log4j2.properties  warnings to standard error, as Kafka's distribution has it; of a broker that is not measured all that it says
//	run/               the command
package kafka
