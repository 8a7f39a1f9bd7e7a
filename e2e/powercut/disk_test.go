package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// mountOrSkip mounts an empty disk. Where that cannot be the test is skipped; on a machine that is to
// show it (CI=true, and root on Linux), it fails.
func mountOrSkip(t *testing.T) *Disk {
	t.Helper()
	d, err := Mount(t.TempDir())
	if errors.Is(err, ErrUnavailable) && (os.Getenv("CI") != "true" || os.Geteuid() != 0) {
		t.Skipf("no disk beneath: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *Disk) at(name string) string { return filepath.Join(d.dir, name) }

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// cut is a power cut with nobody on top.
func (d *Disk) cut(t *testing.T, o vfs.CrashOptions) Damage {
	t.Helper()
	d.Freeze()
	damage, err := d.Crash(rand.New(rand.NewPCG(1, 2)), o)
	check(t, err, d.Remount())
	return damage
}

// TestUnsyncedIsLost: of what was written through the mount only what was synced is there after the
// power was cut, names and data each for themselves.
func TestUnsyncedIsLost(t *testing.T) {
	d := mountOrSkip(t)
	files := vfs.OS()
	check(t, files.MkdirAll(d.at("logs")), files.SyncDir(d.Dir()))
	write := func(name, text string, sync func(vfs.File) error) {
		t.Helper()
		f, err := files.Create(d.at(name))
		check(t, err)
		_, err = f.WriteAt([]byte(text), 0)
		check(t, err, sync(f), f.Close())
	}
	unsynced := func(vfs.File) error { return nil }

	write("logs/fdatasync", "kept", vfs.File.SyncData)
	write("logs/fsync", "kept", vfs.File.Sync)
	write("logs/unsynced", "lost", unsynced)
	write("logs/moved", "kept", vfs.File.Sync)
	check(t, files.SyncDir(d.at("logs")))
	write("logs/nameless", "its name is lost", vfs.File.Sync)
	write("logs/fsync", "more", unsynced)
	check(t, files.Rename(d.at("logs/moved"), d.at("logs/elsewhere")))
	if got := must[[]byte](t)(os.ReadFile(d.at("logs/elsewhere"))); string(got) != "kept" {
		t.Errorf("before the crash: %q", got)
	}

	if damage := d.cut(t, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}); damage != (Damage{Names: 3, Files: 2, Blocks: 2}) {
		t.Errorf("%+v: want one name that is gone, two of a rename, and the data of two files", damage)
	}
	names := must[[]string](t)(files.List(d.at("logs")))
	if want := []string{"fdatasync", "fsync", "moved", "unsynced"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	for name, want := range map[string]string{"fdatasync": "kept", "fsync": "kept", "moved": "kept", "unsynced": ""} {
		if got := must[[]byte](t)(os.ReadFile(d.at("logs/" + name))); string(got) != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
}

// TestKilledLosesNothing: what write(2) has returned outlives the writer, though it was not synced.
func TestKilledLosesNothing(t *testing.T) {
	d := mountOrSkip(t)
	text := bytes.Repeat([]byte("water "), 100_000)
	check(t, os.WriteFile(d.at("f"), text, 0o600))
	if damage := d.cut(t, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced}); damage != (Damage{}) {
		t.Errorf("%+v", damage)
	}
	if got := must[[]byte](t)(os.ReadFile(d.at("f"))); !bytes.Equal(got, text) {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

// TestSameAsBelow plays random operations through the mount and on a MemFS, which must agree about
// every outcome, and in the end about every byte. Files stay open over renames and removals.
func TestSameAsBelow(t *testing.T) {
	d := mountOrSkip(t)
	rng := rand.New(rand.NewPCG(7, 7))
	type pair struct{ through, plain vfs.File }
	var open []pair
	through, plain := vfs.OS(), vfs.FS(vfs.NewMem())
	names := []string{"a", "b", "dir/a", "dir/b", "dir/sub/a", "new/a"}
	for step := range 3000 {
		name, other := names[rng.IntN(len(names))], names[rng.IntN(len(names))]
		same := func(what string, one, two error) {
			t.Helper()
			if (one == nil) != (two == nil) {
				t.Fatalf("step %d: %s %s %s: %v through the mount, %v below", step, what, name, other, one, two)
			}
		}
		both := func(f func(vfs.FS, string, string) error) {
			t.Helper()
			same("", f(through, d.at(name), d.at(other)), f(plain, name, other))
		}
		switch k := rng.IntN(12); {
		case k == 0:
			both(func(fs vfs.FS, name, _ string) error { return fs.MkdirAll(filepath.ToSlash(filepath.Dir(name))) })
		case k == 1:
			both(func(fs vfs.FS, name, other string) error { return fs.Rename(name, other) })
		case k == 2:
			both(func(fs vfs.FS, name, _ string) error { return fs.Remove(name) })
		case k == 3:
			name, other = filepath.Dir(name), []string{"dir", "new", "dir/sub"}[rng.IntN(3)]
			if name != "." && name != other && !strings.HasPrefix(other, name+"/") {
				both(func(fs vfs.FS, name, other string) error {
					if _, err := fs.Stat(other); err == nil { // rename(2) goes over an empty directory
						return nil
					}
					return fs.Rename(name, other)
				})
			}
		case k < 6:
			f, one := through.Create(d.at(name))
			g, two := plain.Create(name)
			same("create", one, two)
			if one == nil {
				open = append(open, pair{f, g})
			}
		case k == 6:
			both(func(fs vfs.FS, name, _ string) error {
				info, err := fs.Stat(name)
				if err == nil && !info.Dir {
					other = fmt.Sprint(info.Size)
				}
				return err
			})
		case len(open) > 0:
			i := rng.IntN(len(open))
			p, off, size := open[i], rng.Int64N(20_000), rng.IntN(9000)
			switch rng.IntN(5) {
			case 0:
				check(t, p.through.Truncate(off), p.plain.Truncate(off))
			case 1:
				check(t, p.through.Close(), p.plain.Close())
				open = slices.Delete(open, i, i+1)
			case 2:
				check(t, p.through.SyncData(), p.plain.SyncData(), p.through.WriteOut(0, 4096))
			default:
				text := bytes.Repeat([]byte{byte(step)}, size)
				_, one := p.through.WriteAt(text, off)
				_, two := p.plain.WriteAt(text, off)
				check(t, one, two)
				got, want := make([]byte, 30_000), make([]byte, 30_000)
				n, _ := p.through.ReadAt(got, 0)
				m, _ := p.plain.ReadAt(want, 0)
				length, err := p.through.Size()
				if n != m || !bytes.Equal(got[:n], want[:m]) || length != int64(m) || err != nil {
					t.Fatalf("step %d: %d bytes, length %d, %v; want %d", step, n, length, err, m)
				}
			}
		}
	}
	for _, p := range open {
		check(t, p.through.Close(), p.plain.Close())
	}
	if got, want := contents(t, d.Files(), "/"), contents(t, plain, "/"); got != want {
		t.Errorf("the disk has\n%s\nwant\n%s", got, want)
	}
}

// contents is all that is below a directory.
func contents(t *testing.T, fs vfs.FS, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range must[[]string](t)(fs.List(dir)) {
		name = filepath.ToSlash(filepath.Join(dir, name))
		info := must[vfs.Info](t)(fs.Stat(name))
		if info.Dir {
			b.WriteString(name + "/\n" + contents(t, fs, name))
			continue
		}
		f := must[vfs.File](t)(fs.Open(name))
		data := make([]byte, info.Size)
		if _, err := f.ReadAt(data, 0); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		check(t, f.Close())
		fmt.Fprintf(&b, "%s %d %x\n", name, info.Size, data)
	}
	return b.String()
}

// TestFreezeAt freezes before and right after an operation: it has happened or not, and who made it
// does not hear of it.
func TestFreezeAt(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			d := mountOrSkip(t)
			check(t, os.WriteFile(d.at("a"), []byte("x"), 0o600), os.WriteFile(d.at("c"), nil, 0o600))
			sprung := d.FreezeAt(vfs.Ops(vfs.OpRename), 2, after)
			check(t, os.Rename(d.at("c"), d.at("d")))
			returned := make(chan error, 1)
			go func() { returned <- os.Rename(d.at("a"), d.at("b")) }()
			<-sprung
			d.Freeze()
			select {
			case err := <-returned:
				t.Errorf("the rename returned %v while the disk was frozen", err)
			default:
			}
			_, err := d.Crash(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
			<-returned
			check(t, err, d.Remount())
			_, err = d.Files().Stat("b")
			if (err == nil) != after {
				t.Errorf("the new name: %v", err)
			}
		})
	}
}

// TestFaults: what the rules and the room on the disk do is what a process sees.
func TestFaults(t *testing.T) {
	d := mountOrSkip(t)
	f := must[*os.File](t)(os.Create(d.at("f")))
	defer f.Close()
	want := func(err, number error) {
		t.Helper()
		if !errors.Is(err, number) {
			t.Errorf("%v, want %v", err, number)
		}
	}
	write := func(n int) error {
		_, err := f.WriteAt(make([]byte, n), 0)
		return err
	}
	d.Faults().SetRules(vfs.MustRules("op=sync err=EIO once; op=write err=EROFS once; op=create err=ENOSPC")...)
	want(write(10), syscall.EROFS)
	check(t, write(10))
	want(f.Sync(), syscall.EIO)
	check(t, f.Sync())
	_, err := os.Create(d.at("g"))
	want(err, syscall.ENOSPC)

	d.Faults().SetRules()
	d.Files().SetCapacity(64 << 10)
	want(write(100<<10), syscall.ENOSPC)
	usage := must[vfs.Usage](t)(vfs.OS().Usage(d.Dir()))
	if usage.Total != 64<<10 || usage.Free != 0 {
		t.Errorf("%+v", usage)
	}
	check(t, f.Truncate(0), write(10))

	d.Faults().SetRules(vfs.MustRules("op=sync latency=1h")...)
	synced := make(chan error, 1)
	go func() { synced <- f.Sync() }()
	for d.Faults().Rules()[0].Hits() == 0 {
		time.Sleep(time.Millisecond)
	}
	d.Freeze() // ends the latency
	if _, err := d.Crash(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced}); err != nil {
		t.Error(err)
	}
	want(<-synced, nil)
}

// TestLockAndSend: flock and sendfile work on files of the disk as on any other.
func TestLockAndSend(t *testing.T) {
	d := mountOrSkip(t)
	lock := must[io.Closer](t)(vfs.OS().Lock(d.at("lock")))
	if _, err := vfs.OS().Lock(d.at("lock")); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("%v, want %v", err, vfs.ErrLocked)
	}
	check(t, lock.Close())

	text := bytes.Repeat([]byte("deepest line "), 50_000)
	check(t, os.WriteFile(d.at("f"), text, 0o600))
	f := must[*os.File](t)(os.Open(d.at("f")))
	defer f.Close()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	sent := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.Copy(c, f) // sendfile, from a file to a socket
			c.Close()
		}
		sent <- err
	}()
	c := must[net.Conn](t)(net.Dial("tcp", l.Addr().String()))
	defer c.Close()
	got := must[[]byte](t)(io.ReadAll(c))
	if err := <-sent; err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
	}
}
