package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"path"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// StandaloneOptions are the settings of a log outside a Dir. Zero fields take the defaults of
// DirOptions, but for CheckpointBytes, 64 MiB.
type StandaloneOptions struct {
	Random          func() [16]byte
	Logger          *slog.Logger
	CheckpointBytes int64
	MaxOpenFiles    int
}

// OpenStandalone opens or creates a log that no Dir syncs: its owner calls Log.Sync. dir is the
// log's own directory; whoever opens it holds the lock of the data directory around it. There is
// no clean marker: recovery always runs from the recovery point, which is in a file of ours. An
// empty topic id in tip writes and checks no partition.metadata. Errors: as Dir.OpenLog.
func OpenStandalone(v vfs.FS, dir string, tip kafka.TopicIDPartition, cfg Config, o StandaloneOptions) (*Log, error) {
	if o.CheckpointBytes <= 0 {
		o.CheckpointBytes = 64 << 20
	}
	full := DirOptions{Random: o.Random, Logger: o.Logger, CheckpointBytes: o.CheckpointBytes, MaxOpenFiles: o.MaxOpenFiles}.withDefaults()
	d := &disk{fs: v, files: newFileCache(v, full.MaxOpenFiles), random: full.Random, lg: full.Logger, path: dir, reserve: -1}
	if err := prepareStandalone(v, dir, tip.ID); err != nil {
		return nil, err
	}
	p := &filePoints{disk: d, path: dir + "/" + stateFile}
	k, err := p.read()
	if err != nil {
		return nil, err
	}
	k.noProducers = true
	if d.renew, err = readFailed(v, dir); err != nil {
		return nil, err
	}
	l, err := openLog(d, dir, tip, cfg, nil, p, k)
	if err == nil && d.renew {
		err = clearFailed(v, dir)
	}
	if err != nil {
		return nil, err
	}
	l.checkpointBytes = full.CheckpointBytes
	return l, nil
}

func prepareStandalone(v vfs.FS, dir string, id kafka.TopicID) error {
	if !id.IsZero() {
		if _, err := identifyDurably(v, dir, id); err != nil {
			return err
		}
	} else if err := mkdirDurably(v, dir); err != nil {
		return err
	}
	if err := v.SyncDir(dir); err != nil {
		return err
	}
	return v.SyncDir(path.Dir(dir))
}

// The state file of a standalone log, big-endian:
//
//	0  4 bytes  magic "TWLS"
//	4  uint16   version, 1
//	6  uint16   length of the body, 16
//	8  int64    recovery point
//	16 int64    log start offset
//	24 uint32   CRC-32C of bytes 0 to 23
const (
	stateFile    = ".thalweg-log-state"
	stateMagic   = "TWLS"
	stateVersion = 1
	stateSize    = 28
)

// filePoints keeps recovery point and log start of one standalone log.
type filePoints struct {
	disk *disk
	path string
	mu   struct {
		sync.Mutex
		recovery, start int64
	}
}

// errState is returned for a state file that is not ours or of another version (S-01).
var errState = errors.New("log state file is not usable")

func encodeState(recovery, start int64) []byte {
	b := append(make([]byte, 0, stateSize), stateMagic...)
	b = binary.BigEndian.AppendUint16(b, stateVersion)
	b = binary.BigEndian.AppendUint16(b, stateSize-12)
	b = binary.BigEndian.AppendUint64(b, uint64(recovery))
	b = binary.BigEndian.AppendUint64(b, uint64(start))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseState(b []byte) (recovery, start int64, err error) {
	switch {
	case len(b) != stateSize || string(b[:4]) != stateMagic:
		return 0, 0, fmt.Errorf("%w: %d bytes", errState, len(b))
	case binary.BigEndian.Uint16(b[4:]) != stateVersion || binary.BigEndian.Uint16(b[6:]) != stateSize-12:
		return 0, 0, fmt.Errorf("%w: version %d", errState, binary.BigEndian.Uint16(b[4:]))
	case crc32.Checksum(b[:24], castagnoli) != binary.BigEndian.Uint32(b[24:]):
		return 0, 0, fmt.Errorf("%w: checksum", errState)
	}
	recovery, start = int64(binary.BigEndian.Uint64(b[8:])), int64(binary.BigEndian.Uint64(b[16:]))
	if recovery < 0 || start < 0 {
		return 0, 0, fmt.Errorf("%w: negative offset", errState)
	}
	return recovery, start, nil
}

func (p *filePoints) read() (found, error) {
	k := found{hint: -1, cleaned: -1}
	content, err := readFile(p.disk.fs, p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err == nil {
		k.recovery, k.start, err = parseState(content)
	}
	if err != nil {
		return k, fmt.Errorf("%s: %w", p.path, err)
	}
	p.mu.recovery, p.mu.start = k.recovery, k.start
	return k, nil
}

func (p *filePoints) lower(_ *Log, offset int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.recovery <= offset {
		return nil
	}
	old := p.mu.recovery
	p.mu.recovery = offset
	err := p.writeLocked()
	if err != nil { // asked again, it must be written
		p.mu.recovery = old
	}
	return err
}

func (p *filePoints) note(l *Log) {
	p.mu.Lock()
	p.mu.recovery, p.mu.start = l.recovery.Load(), l.startToFile()
	p.mu.Unlock()
}

func (p *filePoints) noteStart(l *Log) {
	p.mu.Lock()
	p.mu.start = l.startToFile()
	p.mu.Unlock()
}

func (p *filePoints) write() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writeLocked()
}

func (p *filePoints) writeStart() error { return p.write() }

func (p *filePoints) writeLocked() error {
	return writeDurably(p.disk.fs, p.path, encodeState(p.mu.recovery, p.mu.start))
}
