package wire

import "testing"

// Whatever kmsg encodes must pass, whole and with nothing left over; every proper prefix of it
// must either fail or end before the last field.
func TestCheckAcceptsKmsg(t *testing.T) {
	r := newRandomizer(1)
	everyVersion(func(key, version int16) {
		for range 20 {
			r.tags = MaxUnknownTags
			body := r.request(key, version).AppendTo(nil)
			if err := Check(key, version, body); err != nil {
				t.Fatalf("key %d version %d: %v", key, version, err)
			}
			if len(body) > 0 && Check(key, version, body[:len(body)-1]) == nil {
				t.Fatalf("key %d version %d: accepted without its last byte", key, version)
			}
		}
	})
}

func TestCheckRefused(t *testing.T) {
	f := func(key, version int16, body string, want error) {
		t.Helper()
		if err := Check(key, version, []byte(body)); err != want {
			t.Errorf("key %d version %d %q: %v", key, version, body, err)
		}
	}
	f(4, 0, "", ErrVersion)
	f(-1, 0, "", ErrVersion)
	f(18, 6, "", ErrVersion)
	f(18, 0, "", nil)
	f(18, 0, "trailing bytes are ignored", nil)
	f(18, 3, "\x02a\x02b\x00", nil)
	f(18, 3, "\x02a\x02b\x00trailing", nil)
	f(18, 3, "\x02a\x00\x00", ErrNull)
	f(18, 3, "\x02a\x09b\x00", ErrLength)
	f(18, 3, "\x02a\x02b\xff\xff\xff\xff\x0f", ErrTags) // kmsg would loop for a minute
	f(18, 3, "\x02a\x02b\xff\xff\xff\xff\xff\x0f", ErrVarint)
	f(18, 3, "\x02a\x02b\x02\x07\x00\x07\x00", ErrTagOrder)
	f(18, 3, "\x02a\x02b\x02\x07\x00\x08\x01x", nil)
	f(18, 3, "\x02a\x02b\x01\x07\x05x", ErrLength)
	f(3, 0, "\x00\x00\x00\x02\x00\x01t", ErrCount)
	f(3, 0, "\xff\xff\xff\xff", ErrNull)
	f(3, 1, "\xff\xff\xff\xff", nil)                           // null: all topics
	f(3, 1, "\x00\x00\x00\x01\xff\xff", ErrNull)               // a topic without a name
	f(75, 0, "\x01\x00\x00\x00\x00\xff\x00", nil)              // no cursor
	f(75, 0, "\x01\x00\x00\x00\x00\x01\x02t....\x00\x00", nil) // a cursor
	f(75, 0, "\x01\x00\x00\x00\x00\xfe\x02t....\x00\x00", ErrNull)
	f(36, 0, "\x00\x00\x00\x05hello", nil)
	f(36, 0, "\x00\x00\x00\x06hello", ErrLength)
}

// A tagged field that is known must be well-formed and fill its size.
func TestCheckKnownTags(t *testing.T) {
	f := func(tags string, want error) {
		t.Helper()
		body := string(make([]byte, 4+8+8+1+1)) + tags
		if err := Check(63, 1, []byte(body)); err != want {
			t.Errorf("%q: %v", tags, err)
		}
	}
	f("\x00", nil)
	f("\x01\x00\x11\x020123456789abcdef", nil)
	f("\x01\x00\x11\x030123456789abcdef", ErrCount)
	f("\x01\x00\x12\x020123456789abcdefg", ErrTagSize)
	f("\x01\x00\x01\x00", ErrNull)
	f("\x01\x01\x00", ErrTagSize) // version 2 has it, and kmsg would read it
	f("\x01\x02\x00", nil)        // nobody has it
}
