package kafkatool

import (
	"strings"
	"testing"
)

// TestJavaText: how many replacement characters there are was printed by Java 17 (new String(bytes, UTF_8)).
func TestJavaText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := strings.ReplaceAll(javaText([]byte(in)), "\ufffd", "?"); got != want {
			t.Errorf("%q: %q, Java has %q", in, got, want)
		}
	}
	f("", "")
	f("häß 深泓 💧", "häß 深泓 💧")
	f("a\xff\xfeb", "a??b")
	f("\x80\xbf", "??")
	f("\xc2", "?")
	f("\xc3(", "?(")
	f("\xc0\xaf", "??")
	f("\xe2\x82", "?")
	f("\xe2\x82c", "?c")
	f("\xe2(c", "?(c")
	f("\xe0\x80\xaf", "???")
	f("\xed\xa0\x80x", "?x")
	f("\xed\xa0x", "?x")
	f("\xf0\x9f\x92", "?")
	f("\xf0\x9f\x92x", "?x")
	f("\xf0\x9fx", "?x")
	f("\xf0\x80\x80\xaf", "????")
	f("\xf4\x90\x80\x80", "????")
	f("\xf8\x88\x80\x80\x80", "?????")
	f("\xef\xbf\xbd", "?")
}
