// Package vfs is the only road from durable state to a disk (S-18).
//
// It stands at the end of the road of the bytes, below storage: FS and File (vfs.go) say what a
// file system does and what it promises after a crash. There is one real implementation and
// there are two for tests:
//
//   - OS: files of the system; fdatasync, sync_file_range and locks on Linux, the nearest there
//     is elsewhere.
//   - MemFS: files in memory that remember what was made durable. CrashClone draws a state that
//     a disk could show after a power failure.
//   - ErrorFS: wraps another FS, counts operations and bytes, and injects errors and latency by
//     rules.
//
// What a caller may rely on after a crash, and MemFS tests: bytes that a successful Sync or
// SyncData covered and that nobody wrote since are there, if the file still has a name; a name
// is there if SyncDir of its directory came after it, and so for each directory above; a Rename
// happened whole or not at all. Nothing else: neither order between writes, nor that a length
// comes with its data, nor that syncing a file makes its name durable.
//
// Concurrency: every method of every implementation may be called from many goroutines. None
// starts one.
//
// Files: vfs.go (interfaces), op.go (names of operations); os.go, os_linux.go, os_direct_linux.go, os_other.go,
// os_unix.go, os_lock_linux.go, os_flock.go, os_noflock.go, os_usage_statfs.go, os_windows.go (OS); mem.go (MemFS), mem_dir.go (names),
// mem_file.go (handles), mem_content.go (blocks), mem_names.go (changes of directories on their
// way to the disk), mem_crash.go (CrashClone); errorfs.go, errorfs_file.go (ErrorFS), rule.go,
// rule_words.go, glob.go (its rule language).
package vfs
