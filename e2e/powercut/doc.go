// Package powercut is a disk beneath the real binary whose power can be cut.
//
// A Disk is a directory of this machine, served by FUSE from a vfs.MemFS: there is one model of
// what a crash may take, that of package vfs, and the processes on top of it need not know. All
// that a process wrote is in the disk's present state, as it would be in the page cache of a
// kernel; only what it synced is durable. Crash draws what the disk could hold if the power
// failed now: every unsynced 4 KiB block kept, dropped, zeroed or torn, lengths apart from
// data, changes of directories there or not. Between MemFS and FUSE stands a vfs.ErrorFS, so
// that operations fail or wait by rule, and the room on the disk has a bound if one is set.
//
// A power cut takes four steps, in this order:
//
//	disk.Freeze()          no operation begins any more, those that run end
//	process.Kill()         SIGKILL: its threads wait in operations that will not return to it
//	disk.Crash(rng, o)     the disk is what survived; what waited is answered with EIO
//	disk.Remount()         when the process is gone: what survived is served again
//
// FreezeAt does the first step by itself before or after the n-th operation of a kind from now
// on, for instance right after a rename and before the directory is synced.
//
// What passes through the mount: everything that the broker does with files. Writes are not
// held back by the kernel (no writeback cache), so that what write(2) has returned is in the
// disk's present state and a SIGKILL loses nothing. flock is the kernel's own and ends with the
// mount. Hard links, symbolic links, extended attributes, fallocate and device files are
// refused. The process that serves a disk had better use Files and not the mount: while the disk is
// frozen it would wait for itself.
//
// Concurrency: methods of Disk may be called from many goroutines, but Freeze, Crash, Remount and
// Close belong to one.
//
// Mounting wants Linux, /dev/fuse and root; Available says what is missing.
//
// Files: disk.go (Disk), gate.go (what stops operations), damage.go (what a crash did),
// mount_linux.go, node_linux.go, handle_linux.go, errno_linux.go (FUSE), mount_other.go (elsewhere).
package powercut
