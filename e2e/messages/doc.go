// Package messages sends random requests to a broker: valid ones of every API and version that it
// advertises, with every field filled by reflection over kmsg, and damaged ones. It checks that each valid one is
// answered with what kmsg can read, that no answer says UNKNOWN_SERVER_ERROR, and that the process keeps its memory,
// goroutines and file descriptors.
//
// Files: random.go (valid messages), mutate.go (damage), conn.go (a connection that counts what was answered),
// answer.go (what is wrong with an answer), run.go (an API and version through a broker), node.go (the process's figures).
package messages
