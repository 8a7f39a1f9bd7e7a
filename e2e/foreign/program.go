package foreign

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
)

//go:embed java/pom.xml java/Writer.java python/requirements.txt python/writer.py
var sources embed.FS

// Program is a writer that can be run.
type Program struct {
	Name string   // of the client library
	argv []string // before the arguments of a Spec; empty: franz-go, in this process
}

// recipe is how a program is made of its sources in a directory.
type recipe struct {
	name, sources string
	build         [][]string // run one after the other in a directory that has the sources
	run           []string   // of a Program, relative to that directory
}

// recipes begin with the programs that everything needs that they name: a JDK and Maven, Python 3.
func recipes() []recipe {
	return []recipe{
		{"kafka-clients", "java", [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"},
			{"javac", "-cp", filepath.Join("lib", "*"), "Writer.java"},
		}, []string{"java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", "." + string(os.PathListSeparator) + filepath.Join("lib", "*"), "Writer"}},
		{"librdkafka", "python", [][]string{
			{"python3", "-m", "venv", "venv"},
			{venv("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements.txt"},
		}, []string{venv("python"), "-u", "writer.py"}},
	}
}

// venv is a program of a virtual environment of Python.
func venv(name string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join("venv", "Scripts", name)
	}
	return "." + string(filepath.Separator) + filepath.Join("venv", "bin", name)
}

// Prepare returns all programs, franz-go first. Those that are not yet in the directory are built
// there, which fetches packages and is told to say; it takes a minute at most. Errors: what is
// missing, or what a build printed.
func Prepare(ctx context.Context, dir string, say func(string)) ([]Program, error) {
	programs := []Program{{Name: "franz-go"}}
	for _, r := range recipes() {
		p, err := r.prepare(ctx, dir, say)
		if err != nil {
			return nil, fmt.Errorf("build the writer with %s: %w", r.name, err)
		}
		programs = append(programs, p)
	}
	return programs, nil
}

// doneName marks a directory in which everything was built.
const doneName = "done"

func (r recipe) prepare(ctx context.Context, dir string, say func(string)) (Program, error) {
	hash, err := r.hash()
	if err != nil {
		return Program{}, err
	}
	dir = filepath.Join(dir, r.sources+"-"+hash)
	if _, err := os.Stat(filepath.Join(dir, doneName)); errors.Is(err, fs.ErrNotExist) {
		say(fmt.Sprintf("building the writer with %s in %s", r.name, dir))
		if err := r.make(ctx, dir); err != nil {
			return Program{}, err
		}
	} else if err != nil {
		return Program{}, err
	}
	return Program{r.name, append([]string{dir}, r.run...)}, nil
}

// hash names what a program is made of.
func (r recipe) hash() (string, error) {
	sum := sha256.New()
	fmt.Fprint(sum, r.build)
	err := r.each(func(_ string, text []byte) error {
		sum.Write(text)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

// each calls f for every source.
func (r recipe) each(f func(name string, text []byte) error) error {
	entries, err := sources.ReadDir(r.sources)
	for _, e := range entries {
		var text []byte
		if text, err = sources.ReadFile(path.Join(r.sources, e.Name())); err == nil {
			err = f(e.Name(), text)
		}
		if err != nil {
			return err
		}
	}
	return err
}

func (r recipe) make(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := r.each(func(name string, text []byte) error { return os.WriteFile(filepath.Join(dir, name), text, 0o644) }); err != nil {
		return err
	}
	for _, argv := range r.build {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", argv, err, out)
		}
	}
	return os.WriteFile(filepath.Join(dir, doneName), nil, 0o644)
}

// CacheDir is where Prepare may keep programs between runs: THALWEG_E2E_CACHE, or a directory of the user's.
func CacheDir() (string, error) {
	if dir := os.Getenv("THALWEG_E2E_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "thalweg-e2e"), err
}
