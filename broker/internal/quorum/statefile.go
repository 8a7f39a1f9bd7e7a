package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// The state file holds what this voter has promised: term, vote, and what it began from. It is
// replaced as a whole: written under another name, synced, renamed, directory synced. Its
// existence is the mark that the cluster was initialised here; it is made before the first start
// so that nobody initialises twice. All integers are big-endian. See docs/format/metadata-log.md.
//
//	pos size
//	  0   4  magic "TWQS"
//	  4   2  version (1)
//	  6   2  flags: 1 = the log must be emptied and begin at the floor
//	  8   4  length of the body
//	 12   4  CRC-32C of bytes 0 to 11 and the body
//	 16   4  node id                          (the body begins here)
//	 20   8  term
//	 28   4  vote: node id or -1
//	 32   8  commit index (may lag)
//	 40   8  floor: index, 0 = none
//	 48   8  floor: term
//	 56   8  floor: offset of the first record after it
//	 64   4  number of initial voters n
//	 68  4n  their node ids, ascending
//	      4  length c of the floor's configuration
//	      c  raftpb.ConfState
//	      4  length r of the snapshot reference
//	      r  snapshot reference
const (
	stateFileName = ".thalweg-quorum-state"

	stateMagic      = "TWQS"
	stateVersion    = 1
	stateHeaderSize = 16
	stateMaxBytes   = 1 << 20 // of the file
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// hardState is what Raft must never forget (raftpb.HardState), with the vote as a node id.
type hardState struct {
	term   uint64
	vote   kafka.BrokerID // NoBroker: none in this term
	commit uint64
}

// floor is the last entry that a snapshot has replaced.
type floor struct {
	index  uint64 // 0: no entry is replaced
	term   uint64
	offset int64  // of the first record after it
	conf   []byte // raftpb.ConfState as of index
	ref    []byte // names the snapshot; opaque here
}

// savedState is the content of the state file.
type savedState struct {
	id     kafka.BrokerID
	hard   hardState
	floor  floor
	voters []kafka.BrokerID
	reset  bool // the log must be emptied and begin at the floor
}

const flagReset = 1

// stateFile is the file and its last durable content. Not safe for concurrent use.
type stateFile struct {
	fs    vfs.FS
	name  string
	saved savedState
	found bool // the file was there at open or has been saved since
}

// openStateFile reads the file if there is one. Errors: ErrCorrupt (wrapped, with the name).
func openStateFile(fsys vfs.FS, name string) (*stateFile, error) {
	s := &stateFile{fs: fsys, name: name}
	s.saved.hard.vote = kafka.NoBroker
	raw, err := readWhole(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read quorum state: %w", err)
	}
	if s.saved, err = decodeState(raw); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	s.found = true
	return s, nil
}

func readWhole(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > stateMaxBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrCorrupt, name, size, stateMaxBytes)
	}
	raw := make([]byte, size)
	if n, err := f.ReadAt(raw, 0); n < len(raw) {
		return nil, err
	}
	return raw, nil
}

// save makes st durable before it returns. After an error the content on disk is the former one
// or st, and the quorum must not go on, unless it is lack of room (noRoom): then it is the former one. Term and vote never go back (S-06).
func (s *stateFile) save(st savedState) error {
	if old := s.saved.hard; s.found && (st.hard.term < old.term ||
		st.hard.term == old.term && old.vote != kafka.NoBroker && st.hard.vote != old.vote) {
		panic(fmt.Sprintf("BUG: quorum state goes back: term %d vote %d after term %d vote %d",
			st.hard.term, st.hard.vote, old.term, old.vote))
	}
	if err := writeFile(s.fs, s.name, encodeState(&st)); err != nil {
		return fmt.Errorf("save quorum state: %w", err)
	}
	s.saved, s.found = st, true
	return nil
}

func writeFile(fsys vfs.FS, name string, content []byte) error {
	tmp := name + ".tmp"
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	if err := fsys.SyncDir(path.Dir(name)); err != nil {
		return fmt.Errorf("%w: %w", errHalfDone, err)
	}
	return nil
}

// errHalfDone marks an error after which something cannot be done again from its beginning.
var errHalfDone = errors.New("half done")

func encodeState(st *savedState) []byte {
	be := binary.BigEndian
	b := make([]byte, stateHeaderSize, 256)
	b = be.AppendUint32(b, uint32(st.id))
	b = be.AppendUint64(b, st.hard.term)
	b = be.AppendUint32(b, uint32(st.hard.vote))
	b = be.AppendUint64(b, st.hard.commit)
	b = be.AppendUint64(b, st.floor.index)
	b = be.AppendUint64(b, st.floor.term)
	b = be.AppendUint64(b, uint64(st.floor.offset))
	b = be.AppendUint32(b, uint32(len(st.voters)))
	for _, v := range st.voters {
		b = be.AppendUint32(b, uint32(v))
	}
	for _, part := range [][]byte{st.floor.conf, st.floor.ref} {
		b = be.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	copy(b, stateMagic)
	be.PutUint16(b[4:], stateVersion)
	if st.reset {
		be.PutUint16(b[6:], flagReset)
	}
	be.PutUint32(b[8:], uint32(len(b)-stateHeaderSize))
	be.PutUint32(b[12:], stateCRC(b))
	return b
}

func stateCRC(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], crcTable), crcTable, b[stateHeaderSize:])
}

func decodeState(b []byte) (savedState, error) {
	be := binary.BigEndian
	switch {
	case len(b) < stateHeaderSize:
		return savedState{}, fmt.Errorf("%w: %d bytes are no state file", ErrCorrupt, len(b))
	case string(b[:4]) != stateMagic:
		return savedState{}, fmt.Errorf("%w: magic is %q", ErrCorrupt, b[:4])
	case be.Uint16(b[4:]) != stateVersion:
		return savedState{}, fmt.Errorf("%w: version %d is not known to this release", ErrCorrupt, be.Uint16(b[4:]))
	case be.Uint32(b[8:]) != uint32(len(b)-stateHeaderSize):
		return savedState{}, fmt.Errorf("%w: body of %d bytes instead of %d", ErrCorrupt, len(b)-stateHeaderSize, be.Uint32(b[8:]))
	case be.Uint32(b[12:]) != stateCRC(b):
		return savedState{}, fmt.Errorf("%w: checksum of the state file does not match", ErrCorrupt)
	}
	st, err := decodeStateBody(b[stateHeaderSize:])
	st.reset = be.Uint16(b[6:])&flagReset != 0
	return st, err
}

func decodeStateBody(b []byte) (st savedState, err error) {
	r := stateReader{b: b}
	st.id = kafka.BrokerID(r.uint32())
	st.hard = hardState{term: r.uint64(), vote: kafka.BrokerID(r.uint32()), commit: r.uint64()}
	st.floor = floor{index: r.uint64(), term: r.uint64(), offset: int64(r.uint64())}
	for n := r.uint32(); n > 0 && !r.short; n-- {
		st.voters = append(st.voters, kafka.BrokerID(r.uint32()))
	}
	st.floor.conf = r.bytes(int(r.uint32()))
	st.floor.ref = r.bytes(int(r.uint32()))
	switch {
	case r.short || len(r.b) != 0:
		return st, fmt.Errorf("%w: body of the state file has a wrong length", ErrCorrupt)
	case st.hard.term > maxTerm || st.hard.vote < kafka.NoBroker || st.hard.commit < st.floor.index || st.floor.offset < 0:
		return st, fmt.Errorf("%w: impossible values in the state file", ErrCorrupt)
	}
	return st, nil
}

// stateReader takes fields off the front; short is set when they run out.
type stateReader struct {
	b     []byte
	short bool
}

func (r *stateReader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short = true
		r.b = nil
		return make([]byte, min(max(n, 0), 8))
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *stateReader) uint32() uint32 { return binary.BigEndian.Uint32(r.bytes(4)) }
func (r *stateReader) uint64() uint64 { return binary.BigEndian.Uint64(r.bytes(8)) }
