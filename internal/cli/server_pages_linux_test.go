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

// TestForgetsOnlyTheFile: pages are let go of only where they do not differ from the file.
func TestForgetsOnlyTheFile(t *testing.T) {
	const anonymous, none = "Rss: 8 kB\nAnonymous:             8 kB\nKSM: 0 kB\n", "Rss: 8 kB\nAnonymous:             0 kB\nKSM: 0 kB\n"
	for smaps, want := range map[string]string{
		"00400000-00e5d000 r-xp 00000000 fe:00 11100210                           /bin/thalweg\n" + none:      "[{400000 a5d000}]",
		"00e5d000-018fe000 r--p 00a5d000 fe:00 11100210                           /bin/thalweg\n" + none:      "[{e5d000 aa1000}]",
		"00e5d000-018fe000 r--p 00a5d000 fe:00 11100210                           /bin/thalweg\n" + anonymous: "[]", // a loader has written into it
		"018fe000-01977000 rw-p 014fe000 fe:00 11100210                           /bin/thalweg\n" + none:      "[]",
		"00e5d000-018fe000 r--p 00a5d000 fe:00 11100210                           /bin/other\n" + none:        "[]",
		"00e5d000-018fe000 r--s 00a5d000 fe:00 11100210                           /bin/thalweg\n" + none:      "[]",
		"00e5d000-018fe000 r--p 00a5d000 fe:00 11100210                           /bin/thalweg\n":             "[]",
		"00400000-00500000 r-xp 00000000 fe:00 1 /bin/thalweg\n7f57dfe60000-7f57e0000000 r--p 00000000 00:00 0\n" + none +
			"00600000-00700000 r-xp 00000000 fe:00 1 /bin/thalweg\n" + none: "[{600000 100000}]",
		"00e5d000 r--p 00a5d000 fe:00 11100210 /bin/thalweg\n" + none:          "[]",
		"x-y r--p 00a5d000 fe:00 11100210 /bin/thalweg\n" + none:               "[]",
		"018fe000-00e5d000 r--p 00a5d000 fe:00 11100210 /bin/thalweg\n" + none: "[]",
		none: "[]",
		"":   "[]",
	} {
		if got := fmt.Sprintf("%x", unchanged([]byte(smaps), "/bin/thalweg")); got != want {
			t.Errorf("%q: %s", smaps, got)
		}
	}
}
