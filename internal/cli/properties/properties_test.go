package properties

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Expected values are what java.util.Properties.load makes of the same text.
func TestParse(t *testing.T) {
	f := func(text string, pairs ...string) {
		t.Helper()
		want := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			want[pairs[i]] = pairs[i+1]
		}
		if got := Parse(text); !maps.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
	f("")
	f("# comment\n! comment\n  # indented\n")
	f("a=1", "a", "1")
	f(" a=1 ", "a", "1 ")
	f("b : 2", "b", "2")
	f("c 3", "c", "3")
	f("d", "d", "")
	f("e=x\\\n   y", "e", "xy")
	f("e=x\\\\\nf=1", "e", `x\`, "f", "1")
	f(" f = g=h\r\n", "f", "g=h")
	f("a=1\na=last", "a", "last")
	f("end=x\\", "end", "x")
	f(`sep=\t`, "sep", "\t")
	f(`a\=b=\u0041\u4e2d\n`, "a=b", "A中\n")
	f(`smile=\ud83d\ude00`, "smile", "😀")
	f(`odd=\u12`, "odd", "u12")
	f(`path=c:\\data`, "path", `c:\data`)
}

func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.properties")
	if err := os.WriteFile(path, []byte(strings.Repeat("a", maxBytes+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a=1\\\nb")
	f.Add(`x\u00=\`)
	f.Add(`\ud83d\ud83d`)
	f.Fuzz(func(t *testing.T, text string) { Parse(text) })
}
