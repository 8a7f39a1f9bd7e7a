// Package controller decides: it is the fold over the metadata log that may also add to it. It
// answers the requests that change cluster metadata (topics, configs, client quotas, broker registration and heartbeats,
// ISR changes, elections, producer id blocks) by turning them into records.
//
// Place in the road of the bytes: api → Controller.Do → decision on the working state → one batch
// → quorum (Raft) → committed → metadata.Loader replays and publishes → Controller.Apply answers.
//
// # Wiring
//
// Machine is the quorum.Machine of a node; it calls the loader and then the controller. In full:
//
//	loader := metadata.NewLoader(metadata.ImageOptions{ClusterID: …, NodeID: …, Defaults: …})
//	loader.Subscribe(replicaManager)                 // and other publishers
//	machine := &controller.Machine{Loader: loader, Now: nowMs}
//	core, err := quorum.Open(quorum.Options{Machine: machine, …})
//	machine.Controller = controller.New(controller.Options{…}, loader.Current(), core)
//	runner := quorum.NewRunner(core, …); runner.Start()
//
//	// An API handler, on any goroutine. Do and what it calls run on the loop; done too.
//	runner.Submit(func(*quorum.Core) {
//		c.Do(nowMs(), func() controller.Decision { return c.CreateTopics(req, caller) },
//			func(answer any, err error) { … answer.(*kmsg.CreateTopicsResponse) … })
//	})
//	// A timer of the shell, about every 500 ms:
//	runner.Submit(func(*quorum.Core) { c.Tick(nowMs()) })
//
// New must have been called before the quorum calls the machine for the first time: entries that
// were committed before are replayed by the loader then. The done function must not block; err is
// nil, kerr.NotController (this node does not lead, or lost leadership before the decision was
// known to be committed: whether it was is unknown, as in Kafka), or what the quorum said.
//
// # Invariants
//
//   - Do, Apply, Lead, Tick and the decision methods run on the quorum loop, one at a time.
//   - A decision reads only the working state = committed image + own records proposed in this
//     term (ARCHITECTURE, decision 4). Nothing else is state, except sessions: who sent heartbeats
//     when, which is soft, never answered as a fact and begins anew with each term.
//   - One decision is one batch is one Raft entry: all of its records or none.
//   - The working state is dropped when leadership is lost (C-01), and is made from the committed
//     image when it is won.
//   - No answer leaves before everything it could have read is committed: every answer, also a
//     refusal and a read, waits behind the highest proposed index (C-01).
//
// # Time and randomness
//
// The package starts no goroutine and reads no clock: now is an argument, in milliseconds since
// 1970, and randomness comes from Options. The same calls give the same records.
//
// # Files
//
// controller.go (Options, leadership, working state), decide.go (Decision, Do, parked answers),
// machine.go (quorum → loader → controller), bootstrap.go (first records of a cluster),
// request.go (a client's request to its decision),
// create_topics.go, create_topics_checks.go, assignment.go (manual), placement.go (striped),
// create_partitions.go, delete_topics.go, alter_configs.go, alter_client_quotas.go, elect_leaders.go, update_features.go, describe_quorum.go, register_broker.go, heartbeat.go, sessions.go, elections.go (who leads, who is
// in the ISR), alter_partition.go, producer_ids.go.
package controller
