package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/e2e/powercut"
	"github.com/thalweg-io/thalweg/e2e/trial"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// recoverWithin is how soon every producer must have acknowledgements again when a disk is well (S-11).
const recoverWithin = 10 * time.Second

// trouble is something that happens to a disk.
type trouble struct {
	name string
	run  func(context.Context, *troubled) error
}

// troubled is a broker on a disk of ours.
type troubled struct {
	*trial.Trial
	*crashes
	disk      *powercut.Disk
	recovered []time.Duration // after the disk was well again, without a restart
}

// troubles in the order in which they are taken in turn. Those that take long come at the end of the
// list and are rarer.
var troubles = []trouble{
	{"full to the last block", fullToTheBlock},
	{"fsync fails with EIO", ends("op=syncdata err=EIO once")},
	{"less room than the reserve", fullToTheReserve},
	{"fsync takes 3 s", slow(3 * time.Second)},
	{"full to the last block", fullToTheBlock},
	{"writes fail with EIO", ends("op=write path=*/group-*/*.log err=EIO once")},
	{"less room than the reserve", fullToTheReserve},
	{"the disk is read-only", ends("op=write-like err=EROFS sticky")},
	{"fsync takes 12 s", slow(12 * time.Second)},
	{"full in the middle of a write", fullInAWrite},
}

func diskTrouble(ctx context.Context, o *options, p *page) error {
	return onDisk(ctx, o, p, func(t *troubled) error {
		if err := t.MakeProbe(ctx); err != nil {
			return err
		}
		next := 0
		err := t.rounds(ctx, t.Trial, o.n, func() (string, error) {
			trouble := troubles[next%len(troubles)]
			next++
			t.wait(ctx, 200*time.Millisecond)
			over := t.Fault(trouble.name)
			defer over()
			err := trouble.run(ctx, t)
			t.disk.Faults().SetRules()
			return trouble.name, errors.Join(err, t.empty())
		})
		p.addf("After a full or slow disk was well again, without a restart, every producer had %d acknowledgements within %v.\n\n", crashAcks, longest(t.recovered).Round(time.Millisecond))
		return err
	})
}

// What fills a disk is a file of somebody else beside the broker's directory.
const (
	diskBytes   = 64 << 20
	ballastName = "/ballast"
)

// fill makes the disk small, if it is not yet, and leaves so many bytes of room on it.
func (t *troubled) fill(room int64) error {
	files := t.disk.Files()
	u, err := files.Usage("/")
	if err != nil {
		return err
	}
	used := u.Total - u.Free
	size := max(diskBytes, 2*used)
	files.SetCapacity(size)
	f, err := files.Create(ballastName)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, size-used-room), 0); !errors.Is(err, syscall.ENOSPC) {
		return err // the broker has gone on writing, and the ballast may not fit
	}
	return nil
}

// empty gives the room back.
func (t *troubled) empty() error {
	err := t.disk.Files().Remove(ballastName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func fullToTheBlock(ctx context.Context, t *troubled) error { return t.full(ctx, 0, false) }

// fullInAWrite leaves room for a part of what comes next.
func fullInAWrite(ctx context.Context, t *troubled) error {
	return t.full(ctx, 1+t.rng.Int64N(16)*vfs.BlockSize, false)
}

// fullToTheReserve leaves less than the fiftieth that is kept free for other things than records.
func fullToTheReserve(ctx context.Context, t *troubled) error {
	return t.full(ctx, diskBytes/100, true)
}

// full is S-11: the broker stays up, refuses records with an error that clients try again after,
// serves reads, with a reserve also changes of metadata, and goes on by itself when there is room.
func (t *troubled) full(ctx context.Context, room int64, reserve bool) error {
	if err := t.fill(room); err != nil {
		return err
	}
	said, err := t.Refused(ctx)
	if err != nil {
		return err
	}
	t.kinds["records refused with "+said.Message]++
	if err := t.Reads(ctx, "group"); err != nil {
		return fmt.Errorf("on a full disk: %w", err)
	}
	if reserve {
		if err := t.CreatesTopic(ctx, "meanwhile"); err != nil {
			return fmt.Errorf("on a full disk with its reserve: %w", err)
		}
	}
	if err := t.empty(); err != nil {
		return err
	}
	return t.recovers(ctx)
}

// recovers wants the same process to serve every producer soon.
func (t *troubled) recovers(ctx context.Context) error {
	t.Mark()
	begin := time.Now()
	err := t.Progress(ctx, crashAcks)
	took := time.Since(begin)
	t.recovered = append(t.recovered, took)
	switch {
	case err != nil:
		return err
	case !t.Running():
		return errors.New("the broker has ended")
	case took > recoverWithin:
		return fmt.Errorf("it took %v after the disk was well, want %v", took, recoverWithin)
	}
	return nil
}

// slow lets every sync take long for once (S-13). Nobody's record is refused for good.
func slow(latency time.Duration) func(context.Context, *troubled) error {
	return func(ctx context.Context, t *troubled) error {
		t.disk.Faults().SetRules(vfs.MustRules("op=sync-like once latency=" + latency.String())...)
		select {
		case <-time.After(latency):
		case <-ctx.Done():
		}
		if err := t.Reads(ctx, "group"); err != nil {
			return fmt.Errorf("while a sync takes long: %w", err)
		}
		return t.recovers(ctx)
	}
}

// ends is S-09 and S-12: the directory, which is the broker's only one, is given up at once; the
// process ends by itself and says why. It starts again on a disk that is well, and what it then
// serves is on the disk, though the failed sync had dropped it there: the power is cut to see.
func ends(rule string) func(context.Context, *troubled) error {
	return func(ctx context.Context, t *troubled) error {
		t.disk.Faults().SetRules(vfs.MustRules(rule)...)
		if err := t.Await(); err != nil {
			return err
		}
		if !strings.Contains(t.Output(), t.disk.Dir()) {
			return fmt.Errorf("the broker ended and did not name %s", t.disk.Dir())
		}
		t.disk.Faults().SetRules()
		if err := t.Restart(); err != nil {
			return err
		}
		if err := t.Progress(ctx, crashAcks); err != nil {
			return err
		}
		if _, err := t.cut(ctx, t.Trial, t.disk); err != nil {
			return err
		}
		return t.Restart()
	}
}

// onDisk starts a trial on a disk of ours and concludes it.
func onDisk(ctx context.Context, o *options, p *page, run func(*troubled) error) error {
	w, err := openWorkshop(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	dir, err := os.MkdirTemp(w.dir, "disk")
	if err != nil {
		return err
	}
	disk, err := powercut.Mount(dir)
	if err != nil {
		return err
	}
	defer func() { _ = disk.Close() }()
	t, err := trial.Start(ctx, trial.Options{
		Broker: trial.NewBroker(w.bin, filepath.Join(dir, "data")), Topics: []trial.Topic{crashTopic("group")},
		Partitions: crashPartitions, Rate: crashRate, Programs: w.programs,
	})
	if err != nil {
		return err
	}
	defer t.Close()
	c := newCrashes(o)
	return c.conclude(ctx, t, p, run(&troubled{Trial: t, crashes: c, disk: disk}))
}
