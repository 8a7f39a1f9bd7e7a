package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// version of the file's layout.
const version = 1

// maxBytes bounds the file.
const maxBytes = 1 << 20

// ErrUnknown: there is no profile of that name.
var ErrUnknown = errors.New("there is no such profile")

// ErrExists: there is one already.
var ErrExists = errors.New("the profile exists")

// File is the profiles of a user.
type File struct {
	path     string
	contents contents
}

// contents is the JSON of the file.
type contents struct {
	Version  int                          `json:"version"`
	Current  string                       `json:"current,omitempty"`
	Profiles map[string]map[string]string `json:"profiles"`
}

// Path is where the file lies below the user's directory of configurations.
func Path(configDir string) string { return filepath.Join(configDir, "thalweg", "profiles.json") }

// Open reads the file; one that does not exist holds no profiles.
func Open(path string) (*File, error) {
	f := &File{path: path, contents: contents{Version: version}}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.contents.Profiles = map[string]map[string]string{}
		return f, nil
	case err != nil:
		return nil, err
	case len(text) > maxBytes:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxBytes)
	}
	if err := json.Unmarshal(text, &f.contents); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if f.contents.Version != version {
		return nil, fmt.Errorf("%s has layout %d, this program knows %d", path, f.contents.Version, version)
	}
	if f.contents.Profiles == nil {
		f.contents.Profiles = map[string]map[string]string{}
	}
	return f, nil
}

// Names lists the profiles, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.contents.Profiles)) }

// Current is the one in use, "" for none.
func (f *File) Current() string { return f.contents.Current }

// Get returns a copy of a profile's properties, or ErrUnknown.
func (f *File) Get(name string) (map[string]string, error) {
	p, ok := f.contents.Profiles[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	return maps.Clone(p), nil
}

// Put adds a profile; ErrExists if there is one of that name and it is not to be replaced.
func (f *File) Put(name string, props map[string]string, replace bool) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.HasPrefix(name, "-") {
		return fmt.Errorf("%q is no name for a profile: letters and digits, without blanks", name)
	}
	if _, ok := f.contents.Profiles[name]; ok && !replace {
		return fmt.Errorf("%w: %s", ErrExists, name)
	}
	f.contents.Profiles[name] = maps.Clone(props)
	return nil
}

// Remove forgets a profile; the current one is then none.
func (f *File) Remove(name string) error {
	if _, ok := f.contents.Profiles[name]; !ok {
		return fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	delete(f.contents.Profiles, name)
	if f.contents.Current == name {
		f.contents.Current = ""
	}
	return nil
}

// Use makes a profile the current one; "" makes it none.
func (f *File) Use(name string) error {
	if _, ok := f.contents.Profiles[name]; !ok && name != "" {
		return fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	f.contents.Current = name
	return nil
}

// Save replaces the file.
func (f *File) Save() error {
	dir := filepath.Dir(f.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(f.contents, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".profiles-*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(text, '\n'))
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
