// Package compress is the one place that turns record bytes into Kafka's four compressed forms
// and back: gzip, snappy, lz4 and zstd.
//
// Place in the road of the bytes: below kafka/batch. A produced batch stays compressed as it
// came; it is decoded once to be validated, and again only by readers that need its records
// (offset by timestamp, coordinators, tools). It is encoded only by those who build batches.
//
// Invariants:
//   - Decoding never puts out, nor allocates room for, more than its Budget allows. What a stream
//     claims about its own size is believed only up to what its length makes possible.
//   - A stream is accepted if it is one that Apache Kafka's Java reader accepts or a legal lz4
//     frame; see Decompressor for what is refused and what is ignored after the end.
//   - In steady state nothing is allocated: decoder states are borrowed from package-level pools
//     (the package's only mutable state) for one call, encoder states belong to a Compressor.
//
// Concurrency: a Decompressor and a Compressor serve one goroutine at a time. No goroutine is
// started, also not inside the codec libraries.
//
// Files: codec.go (ids, names, levels), budget.go (limits of decoding), decompress.go and
// compress.go (the two façades), gzip.go, snappy.go, lz4.go, zstd.go (one codec each),
// xxhash.go (the checksum of lz4 frames).
package compress
