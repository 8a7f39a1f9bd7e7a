// Package broker is the façade of the broker: a Config, New, Start, Shutdown. It wires what lies
// below broker/internal and holds no state of its own that matters.
//
//	cfg, ignored, err := broker.FromProperties(map[string]string{"listeners": "PLAINTEXT://localhost:9092"})
//	b, err := broker.New(cfg)
//	err = b.Start(ctx)       // serves when it returns
//	err = b.Shutdown(ctx)    // finishes requests, flushes, and marks the stop as clean
//
// Place in the road of the bytes: above it. Products reach a broker in the same process by DialInProcess
// and speak the protocol, like everybody else.
//
// Concurrency: all methods of a Broker may be called from any goroutine; Start once.
//
// Files: config.go (Config), properties.go (Kafka's names for it), listener.go (addresses), broker.go (wiring,
// start, shutdown), control.go (the way to the controller), lifecycle.go (registration and heartbeats),
// opener.go (opening logs), upkeep.go, agenda.go (retention, removal and what
// else is done for logs in the background), state.go (alive, ready),
// metrics.go (what is exported, in groups; metrics_*.go declare and collect one each), metrics_server.go (HTTP).
package broker
