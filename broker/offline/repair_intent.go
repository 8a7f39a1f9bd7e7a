package offline

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// intentFile says, in a log's directory, where a repair that has begun cuts it: once later segments are gone, the log
// may not show any more what was wrong with it. One line of text:
//
//	repair 1 FILE END CRC
//
// with the name of the file that keeps what is cut off the segment, the offset after the last batch that stays, and the CRC-32C of
// all before it, in hexadecimal. It holds only as long as that file has the same bytes as the end of the segment: not
// after a broker has gone on.
const intentFile = ".thalweg-repair"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (r *Repair) writeIntent(dir string, p *Plan) error {
	if len(p.Cuts) == 0 || p.Cuts[0].whole || plantedNoIntent {
		return nil
	}
	line := fmt.Sprintf("repair 1 %s %d ", p.Cuts[0].Kept, p.End)
	return r.replace(path.Join(dir, intentFile), fmt.Appendf(nil, "%s%08x\n", line, crc32.Checksum([]byte(line), castagnoli)))
}

// replace writes a small file as a whole, durably but for its name.
func (r *Repair) replace(name string, content []byte) error {
	f, err := r.fs.Create(name + temporary)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(content, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, r.fs.Remove(name+temporary))
	}
	return r.fs.Rename(name+temporary, name)
}

// resume looks for a repair that was broken off, and puts its damage into the state if it still holds.
func (r *Repair) resume(dir string, p *Plan, st *storage.State) error {
	content, err := r.small(path.Join(dir, intentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.begun = true
	kept, end, ok := parseIntent(string(content))
	if !ok {
		return nil
	}
	var base, from int64
	if n, err := fmt.Sscanf(kept, ".thalweg-%d-%d", &base, &from); n != 2 || err != nil {
		return nil
	}
	info, err := r.fs.Stat(path.Join(dir, kept))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for i := range st.Segments {
		s := &st.Segments[i]
		if err != nil || s.Base != base || from < 0 || info.Size == 0 || s.Size-from != info.Size {
			continue
		}
		var same bool
		if same, err = r.same(path.Join(dir, kept), 0, path.Join(dir, segmentFile(base, LogSuffix)), from, info.Size); same {
			p.resumed = true
			st.Bad, st.End, s.Good, st.Reason, st.Gaps = i, end, from, "a repair that was broken off cuts there", nil
		}
	}
	return err
}

func parseIntent(line string) (kept string, end int64, ok bool) {
	var sum uint32
	if n, err := fmt.Sscanf(line, "repair 1 %s %d %x\n", &kept, &end, &sum); n != 3 || err != nil || end < 0 {
		return "", 0, false
	}
	before := line[:strings.LastIndexByte(line, ' ')+1]
	return kept, end, crc32.Checksum([]byte(before), castagnoli) == sum
}

// maxIntent bounds what is read of the file.
const maxIntent = 1 << 10

func (r *Repair) small(name string) ([]byte, error) {
	f, err := r.fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(n, maxIntent))
	return b, readAt(f, b, 0)
}

// dropIntent is the last step.
func (r *Repair) dropIntent(dir string) error {
	err := r.fs.Remove(path.Join(dir, intentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, r.fs.SyncDir(dir))
}
