// Package commitlog is the format, the writer and the reader of a data directory's commit log: a
// bounded ring of pre-written files, recycled in place, into which one write and one fdatasync put
// what is not durable yet of many logs (ARCHITECTURE.md, "Durability, in order", 2 to 5).
//
// Place in the road of the bytes: beside the segments, below storage. storage says what is written
// when, when a file is free again, and what becomes of what is read; this package knows no log.
//
// Invariants: generations of files rise by one and are never used twice while an older file can be
// read; the free file with the lowest generation is recycled first, so that what an entry
// makes void is gone before the entry is. No block is written twice while what it holds counts. A
// file of the next generation is begun only after everything in the one before is durable.
//
// A core: no goroutine, no clock, files only through vfs.FS. A Writer, a Reader and a Fold serve one
// goroutine at a time.
//
// The format is described in docs/format/commit-log.md.
//
// Files: format.go (header and entry), writer.go (the ring), reader.go (entries of one file),
// files.go (which files there are, and writing one at once), fold.go (what is left of a history).
package commitlog
