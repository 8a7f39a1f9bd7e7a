package vfs

import (
	"errors"
	"io"
	"time"
	"unsafe"
)

// ErrLocked is returned by FS.Lock when another holder has the file.
var ErrLocked = errors.New("already locked")

// FS is the only road from durable state to a disk (S-18). Names are slash-separated paths.
// All methods are safe for concurrent use. Errors wrap io/fs and syscall sentinels
// (fs.ErrNotExist, fs.ErrExist, syscall.ENOSPC, …) and name the path.
type FS interface {
	// Create makes an empty file for reading and writing, emptying one that is there. The name
	// is durable only after SyncDir of its directory.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens an existing file for reading and writing.
	OpenReadWrite(name string) (File, error)
	// OpenDirect is OpenReadWrite for a file that is read and written past the page cache where the system can:
	// cheaper for what is written once and made durable at once. What a write promises is what it always does:
	// nothing before SyncData. Offsets and lengths are multiples of BlockSize, and the bytes come from Aligned;
	// anything else may fail with EINVAL.
	OpenDirect(name string) (File, error)
	// MkdirAll makes a directory and the ones above it; it is no error if they exist. The name of
	// each new one is durable only after SyncDir of the directory above it.
	MkdirAll(name string) error
	// List returns the base names in a directory, sorted.
	List(name string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (Info, error)
	// Rename moves a file or directory over a file that may exist: atomic for readers, durable
	// only after SyncDir of the directories on both sides.
	Rename(from, to string) error
	// Remove unlinks a file or an empty directory.
	Remove(name string) error
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock that the kernel drops when the process dies (S-16), creating
	// the file if need be. It fails at once with ErrLocked if somebody holds it.
	Lock(name string) (io.Closer, error)
	// Usage tells the size and the free bytes of the file system that holds a path.
	Usage(name string) (Usage, error)
}

// File is an open file. ReadAt and WriteAt are safe for concurrent use; the writer of a range
// coordinates with its readers. There is no file position and no O_APPEND: the owner tracks the
// logical end itself.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the present length in bytes.
	Size() (int64, error)
	// Truncate cuts or extends (with zeros) the file.
	Truncate(size int64) error
	// Sync makes data and all metadata durable (fsync).
	Sync() error
	// SyncData makes data durable, with the metadata needed to read it back (fdatasync).
	// After an error of Sync or SyncData the unsynced data must be taken for lost; never retry.
	SyncData() error
	// WriteOut starts writing a dirty range to the device. It proves nothing and is only a hint.
	WriteOut(off, n int64) error
	// Preallocate reserves room for n bytes at off without changing the length, where the file system can; Truncate gives back
	// what lies beyond the new length. It is only a hint.
	Preallocate(off, n int64) error
}

// Aligned returns n zero bytes in memory that begin where OpenDirect wants them; n is a multiple of BlockSize. The
// capacity is n.
func Aligned(n int) []byte {
	b := make([]byte, n+BlockSize)
	at := 0
	if off := offBlock(b); off > 0 {
		at = BlockSize - off
	}
	return b[at : at+n : at+n]
}

// offBlock is how far memory begins behind a multiple of BlockSize.
func offBlock(b []byte) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % BlockSize)
}

// Descriptor is implemented by files that have an OS descriptor, for sendfile. The number is
// valid until Close; the caller keeps the file open by its own reference count.
type Descriptor interface {
	Fd() uintptr
}

// Info describes a file or directory.
type Info struct {
	Size    int64
	Dir     bool
	ModTime time.Time
}

// Usage is the room on a file system, in bytes. Free is what an unprivileged user may still take.
type Usage struct {
	Total, Free int64
}
