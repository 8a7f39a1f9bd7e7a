package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// header builds a frame: numbers, client id ("-" is null), and whatever follows.
func header(key, version int16, client, rest string) []byte {
	b := appendInt32(appendInt16(appendInt16(nil, key), version), 77)
	if client == "-" {
		b = appendInt16(b, -1)
	} else {
		b = appendString(b, client, false)
	}
	return append(b, rest...)
}

func TestParseHeader(t *testing.T) {
	f := func(key, version int16, client, rest, wantBody string, wantErr error) {
		t.Helper()
		h, body, err := ParseHeader(header(key, version, client, rest))
		if err != wantErr || string(body) != wantBody {
			t.Errorf("body %q, error %v", body, err)
		}
		if h.Key != key || h.Version != version || h.CorrelationID != 77 || string(h.ClientID) != strings.Trim(client, "-") || (h.ClientID == nil) != (client == "-") {
			t.Errorf("header %+v", h)
		}
	}
	f(0, 8, "me", "body", "body", nil)          // header v1
	f(0, 9, "me", "\x00body", "body", nil)      // header v2
	f(0, 9, "-", "\x00body", "body", nil)       // null client id
	f(0, 9, "", "\x00", "", nil)                // empty body
	f(17, 1, "me", "\x00body", "\x00body", nil) // never flexible
	f(18, 3, "me", "\x00body", "body", nil)
	f(0, 9, "me", "\x02\x00\x01x\x05\x00body", "body", nil)     // unknown tags are skipped
	f(0, 9, "me", "\x02\x05\x01x\x05\x00body", "", ErrTagOrder) // twice the same
	f(0, 9, "me", "\x02\x06\x01x\x05\x00body", "", ErrTagOrder) // descending
	f(0, 9, "me", "\x01\x05\x09body", "", ErrLength)            // larger than the rest
	f(0, 9, "me", "\x01", "", ErrCount)                         // count without fields
	f(0, 9, "me", "\x41"+strings.Repeat("x", 200), "", ErrTags) // 65 of them
	f(0, 9, "me", "\xff\xff\xff\xff\x0fxxxxxxx", "", ErrTags)   // 2^32-1 of them
	f(0, 9, "me", "\xff\xff\xff\xff\x1fxxxxxxx", "", ErrVarint) // over-long
	f(0, 9, "me", "", "", ErrShort)                             // no section at all
	f(18, 99, "me", "\xffbody", "\xffbody", nil)                // unknown version: not looked at
	f(5, 0, "me", "\xffbody", "\xffbody", nil)                  // removed key
	f(1234, 0, "me", "\xffbody", "\xffbody", nil)               // unknown key
	f(-1, -1, "me", "\xffbody", "\xffbody", nil)

	tags := "\x40"
	for i := range 64 {
		tags += string([]byte{byte(i), 0})
	}
	f(0, 9, "me", tags+"body", "body", nil) // as many as there may be
}

func TestParseHeaderShort(t *testing.T) {
	whole := header(0, 9, "client", "\x00")
	for n := range whole {
		if _, body, err := ParseHeader(whole[:n]); err == nil || body != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, _, err := ParseHeader(header(0, 9, "client", "")[:12]); err != ErrLength {
		t.Errorf("client id beyond the end: %v", err)
	}
}

// kmsg's formatter is the independent check for every API and version.
func TestParseHeaderKmsg(t *testing.T) {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("somebody"))
	r := newRandomizer(2)
	everyVersion(func(key, version int16) {
		q := r.request(key, version)
		frame := format.AppendRequest(nil, q, 4711)
		n, err := FrameSize(frame, MaxFrame)
		if err != nil || n != len(frame)-PrefixSize {
			t.Fatalf("key %d version %d: size %d, %v", key, version, n, err)
		}
		if k, v, ok := PeekKey(frame); k != key || v != version || !ok {
			t.Fatalf("peeked %d %d", k, v)
		}
		h, body, err := ParseHeader(frame[PrefixSize:])
		if err != nil || h.Key != key || h.Version != version || h.CorrelationID != 4711 || string(h.ClientID) != "somebody" {
			t.Fatalf("%+v, %v", h, err)
		}
		if !bytes.Equal(body, q.AppendTo(nil)) {
			t.Fatalf("key %d version %d: wrong body", key, version)
		}
	})
}

func TestResponseHeader(t *testing.T) {
	f := func(key, version int16, want string) {
		t.Helper()
		b := AppendResponseHeader(nil, key, version, 0x01020304)
		if got := fmt.Sprintf("%x", b); got != want || len(b) != ResponseHeaderSize(key, version) {
			t.Errorf("key %d version %d: %s", key, version, got)
		}
	}
	f(0, 8, "01020304")
	f(0, 9, "0102030400")
	f(18, 0, "01020304")
	f(18, 3, "01020304")
	f(18, 5, "01020304")
	f(17, 1, "01020304")
	f(47, 0, "01020304")
	f(46, 0, "0102030400")
	f(1234, 0, "01020304")
}
