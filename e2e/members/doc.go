// Package members plays many members of a consumer group: clients of franz-go in a process of their own, of the classic protocol or
// of KIP-848, with an eye on who owns what.
//
// The parent (Start, Process) tells the child over its standard input who is to come and to go; the child says on its standard
// output when the group is stable and how long that took. A group is stable when every partition of the topic has exactly one owner,
// every member that is in has one, and nothing of that has changed for Calm.
//
// Files: doc.go, process.go (parent and the child's loop), crowd.go (the members and what they own).
package members
