// Package foreign writes records with idempotent producers that are not ours: kafka-clients for
// Java and librdkafka, as programs that this package builds and runs, and franz-go.
//
// A Program has one producer for each codec, all in one process, and runs until it is stopped:
// over crashes of the broker, since producers that live on are the ones that retry. Every record
// is a number that no other record has; its bytes are a function of the number.
//
// A program prints lines of ASCII. A line says
//
//	s VALUE TOPIC PARTITION   it is about to send the value; TOPIC is the place in the list
//	a VALUE OFFSET            the value was acknowledged there
//	o VALUE TEXT              it failed after it may have been sent: the outcome is open
//	n VALUE TEXT              the client did not take it: it never was and never will be sent
//	f TEXT                    the client has given up for good
//
// and "s" is written out before anything of the record leaves. It ends when its standard input
// does, having waited for all outcomes.
//
// Java wants a JDK and Maven, librdkafka wants Python with venv; Prepare fetches and builds the
// rest into a directory, once.
//
// Concurrency: a Writer calls its sink from one goroutine at a time.
//
// Files: program.go (what is run, and building it), writer.go (running it), franz.go (the producer
// in this process), event.go (lines), payload.go (bytes of a record), java/ and python/ (the programs).
package foreign
