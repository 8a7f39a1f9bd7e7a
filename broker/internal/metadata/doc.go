// Package metadata is what a node knows about its cluster: a fold over the metadata log.
//
// Place in the road of the bytes: quorum commits batches of metadata records → Loader replays them
// → an immutable Image and the Delta to the image before → publishers (replica, coordinators,
// quota, …). The api reads Loader.Current for every request; the controller decides on a Builder
// of its own that starts from the committed image.
//
// Invariants: Builder.Apply is the only place where the state of the cluster changes, for the
// loader and for the controller's working state alike, so that both come to the same image. An
// Image never changes once it is made, and neither does anything reached from it: topics,
// partitions, brokers, slices. Equal records give equal images and equal hashes (C-18), also by way
// of Image.Records (C-20). A topic is its id; the name is a label. What an image does not
// hold is not thereby deleted: only a Delta with a deletion says so (C-21).
//
// Concurrency: an Image may be read by anybody at any time, lookups do not allocate. Loader and
// Builder belong to one goroutine (the quorum loop), except Loader.Current. Builders are made and
// images frozen only there too: cloning a tree touches the tree that it is cloned from.
//
// Files: image.go (lookups), topic.go, broker.go (what an image holds), builder.go (replay),
// builder_brokers.go, builder_topics.go, records.go (an image as records, hash), check.go
// (invariants), delta.go, loader.go (transactions, publishing), client_quota.go (quotas and which of them counts), config.go (which value of a config
// counts), config_synonyms.go (what else could), server_config.go, server_config_table.go (every key of server.properties), group_config.go, client_metrics.go, topic_config.go (typed effective topic config), topic_config_table.go (every topic
// config), config_value.go (parsing and checking values).
package metadata
