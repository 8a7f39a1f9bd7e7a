package profile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// What is saved is read again; nobody else can read it; the current one goes with its profile.
func TestProfiles(t *testing.T) {
	path := Path(t.TempDir())
	open := func() *File {
		t.Helper()
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open()
	if len(f.Names()) > 0 || f.Current() != "" {
		t.Errorf("%v, %s", f.Names(), f.Current())
	}
	props := map[string]string{"bootstrap.servers": "a:1"}
	for _, err := range []error{f.Put("prod", props, false), f.Put("dev", props, false), f.Use("prod"), f.Save()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	props["bootstrap.servers"] = "changed"
	f = open()
	if got, err := f.Get("prod"); err != nil || got["bootstrap.servers"] != "a:1" || f.Current() != "prod" || !slices.Equal(f.Names(), []string{"dev", "prod"}) {
		t.Errorf("%v %v %s %v", got, err, f.Current(), f.Names())
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := f.Put("prod", props, false); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	if err := f.Put("prod", props, true); err != nil {
		t.Error(err)
	}
	for _, err := range []error{f.Use("none"), f.Remove("none")} {
		if !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "a b", "-x", "a\n"} {
		if f.Put(name, props, true) == nil {
			t.Errorf("%q is a name", name)
		}
	}
	if err := f.Remove("prod"); err != nil || f.Current() != "" {
		t.Errorf("%v, %s", err, f.Current())
	}
	if _, err := f.Get("prod"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file that is damaged, or of a later layout, is told and not overwritten.
func TestStrangeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.json")
	f := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	f("{", "damaged")
	f(`{"version":2}`, "layout 2")
	f(`{"version":1,"profiles":{"a":`, "damaged")
}

func TestSecrets(t *testing.T) {
	for _, k := range []string{"sasl.jaas.config", "ssl.key.password", "SSL.Truststore.Password", "ssl.keystore.key", "sasl.oauthbearer.client.credentials.client.secret"} {
		if Shown(k, "x") != Hidden {
			t.Errorf("%s is shown", k)
		}
	}
	for _, k := range []string{"bootstrap.servers", "ssl.keystore.location", "sasl.mechanism"} {
		if Shown(k, "x") != "x" {
			t.Errorf("%s is hidden", k)
		}
	}
}
