// Package recipe builds programs of other people's client libraries, once, in a directory of the
// user's cache: with Maven, pip, npm or Go, from ordinary package registries.
//
// A program is a folder of sources and the commands that build it. What it was built from names
// its directory, so that a changed source or version is built anew and nothing else is.
//
// Concurrency: two processes that build the same program at the same time may disturb each other;
// different programs may be built at the same time.
package recipe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
)

// Recipe is how a program is made.
type Recipe struct {
	Name    string     // of the directory, before the fingerprint
	Sources fs.FS      // copied flat into the directory; folders in it are left out
	Build   [][]string // run one after the other in that directory
	Env     []string   // KEY=value, added to the environment of the builds
}

// doneName marks a directory in which everything was built.
const doneName = "done"

// Prepare returns the directory under cache in which the program was built, building it if it is
// not there yet, of which say is told. Errors: what a build printed; exec.ErrNotFound (wrapped)
// if a program that builds is missing.
func (r Recipe) Prepare(ctx context.Context, cache string, say func(string)) (string, error) {
	hash, err := r.hash()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, r.Name+"-"+hash)
	_, err = os.Stat(filepath.Join(dir, doneName))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	say(fmt.Sprintf("building %s in %s", r.Name, dir))
	return dir, r.make(ctx, dir)
}

// hash names what a program is made of.
func (r Recipe) hash() (string, error) {
	sum := sha256.New()
	fmt.Fprint(sum, r.Build, r.Env)
	err := r.each(func(_ string, text []byte) error {
		sum.Write(text)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

// each calls f for every source.
func (r Recipe) each(f func(name string, text []byte) error) error {
	entries, err := fs.ReadDir(r.Sources, ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		text, err := fs.ReadFile(r.Sources, e.Name())
		if err != nil {
			return err
		}
		if err := f(e.Name(), text); err != nil {
			return err
		}
	}
	return nil
}

func (r Recipe) make(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := r.each(func(name string, text []byte) error { return os.WriteFile(filepath.Join(dir, name), text, 0o644) }); err != nil {
		return err
	}
	for _, argv := range r.Build {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), r.Env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", argv, err, out)
		}
	}
	return os.WriteFile(filepath.Join(dir, doneName), nil, 0o644)
}

// Venv is the path of a program of a virtual environment of Python in the directory venv.
func Venv(name string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join("venv", "Scripts", name)
	}
	return "." + string(filepath.Separator) + filepath.Join("venv", "bin", name)
}

var pythonVersion = regexp.MustCompile(`Python 3\.(\d+)`)

// PythonBefore finds an interpreter of Python 3 that is older than a minor version. Errors: exec.ErrNotFound (wrapped).
func PythonBefore(ctx context.Context, minor int) (string, error) {
	names := []string{"python3"}
	for m := minor - 1; m >= 8; m-- {
		names = append(names, fmt.Sprintf("python3.%d", m))
	}
	for _, name := range names {
		out, err := exec.CommandContext(ctx, name, "--version").Output()
		if m := pythonVersion.FindSubmatch(out); err == nil && m != nil {
			if found, err := strconv.Atoi(string(m[1])); err == nil && found < minor {
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("%w: a Python before 3.%d", exec.ErrNotFound, minor)
}

// JavaPath is a class path: the directory itself and the jars in its folder lib.
func JavaPath() string {
	return "." + string(os.PathListSeparator) + filepath.Join("lib", "*")
}

// Cache is where programs are kept between runs: THALWEG_E2E_CACHE, or a directory of the user's.
func Cache() (string, error) {
	if dir := os.Getenv("THALWEG_E2E_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "thalweg-e2e"), err
}
