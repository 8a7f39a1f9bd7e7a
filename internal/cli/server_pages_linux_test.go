package cli

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestForgetProgram: fewer pages of files are mapped after it, and the program goes on.
func TestForgetProgram(t *testing.T) {
	mapped := func() int {
		t.Helper()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip(err)
		}
		m := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)
		if m == nil {
			t.Skip("the system does not say how much of files is mapped")
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	before := mapped()
	forgetProgram()
	if after := mapped(); after > before*3/4 {
		t.Errorf("%d kB of files are mapped, before it were %d", after, before)
	}
}

// TestUnwritable: pages are let go of only where they cannot differ from the file.
func TestUnwritable(t *testing.T) {
	for line, want := range map[string]string{
		"00400000-00e5d000 r-xp 00000000 fe:00 11100210                           /bin/thalweg\n": "400000 a5d000 true",
		"00e5d000-018fe000 r--p 00a5d000 fe:00 11100210                           /bin/thalweg\n": "e5d000 aa1000 true",
		"018fe000-01977000 rw-p 014fe000 fe:00 11100210                           /bin/thalweg\n": "0 0 false",
		"00e5d000-018fe000 r--p 00a5d000 fe:00 11100210                           /bin/other\n":   "0 0 false",
		"00e5d000-018fe000 r--s 00a5d000 fe:00 11100210                           /bin/thalweg\n": "0 0 false",
		"7f57dfe60000-7f57e0000000 r--p 00000000 00:00 0\n":                                       "0 0 false",
		"00e5d000 r--p 00a5d000 fe:00 11100210 /bin/thalweg\n":                                    "0 0 false",
		"x-y r--p 00a5d000 fe:00 11100210 /bin/thalweg\n":                                         "0 0 false",
		"018fe000-00e5d000 r--p 00a5d000 fe:00 11100210 /bin/thalweg\n":                           "0 0 false",
		"": "0 0 false",
	} {
		start, n, ok := unwritable([]byte(line), "/bin/thalweg")
		if got := fmt.Sprintf("%x %x %v", start, n, ok); got != want {
			t.Errorf("%q: %s", line, got)
		}
	}
}
