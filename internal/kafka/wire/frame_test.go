package wire

import (
	"errors"
	"testing"
)

func TestFrameSize(t *testing.T) {
	f := func(prefix string, limit, want int, wantErr error) {
		t.Helper()
		n, err := FrameSize([]byte(prefix), limit)
		if n != want || err != wantErr {
			t.Errorf("%x: %d, %v", prefix, n, err)
		}
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%v is not ErrMalformed", err)
		}
	}
	f("", MaxFrame, 0, ErrShort)
	f("\x00\x00\x01", MaxFrame, 0, ErrShort)
	f("\x00\x00\x01\x00", MaxFrame, 256, nil)
	f("\x00\x00\x01\x00more", MaxFrame, 256, nil)
	f("\x00\x00\x00\x0a", MaxFrame, MinFrame, nil)
	f("\x00\x00\x00\x09", MaxFrame, 0, ErrFrame)
	f("\x00\x00\x00\x00", MaxFrame, 0, ErrFrame)
	f("\xff\xff\xff\xff", MaxFrame, 0, ErrFrame)
	f("\x80\x00\x00\x00", MaxFrame, 0, ErrFrame)
	f("\x7f\xff\xff\xff", MaxFrame, 0, ErrFrame)
	f("\x06\x40\x00\x00", MaxFrame, MaxFrame, nil)
	f("\x06\x40\x00\x01", MaxFrame, 0, ErrFrame)
	f("\x00\x00\x01\x01", 256, 0, ErrFrame)
}

func TestPeekKey(t *testing.T) {
	head := []byte("\x00\x00\x00\x20\x00\x12\xff\xff")
	if key, version, ok := PeekKey(head); key != 18 || version != -1 || !ok {
		t.Errorf("%d %d %v", key, version, ok)
	}
	if _, _, ok := PeekKey(head[:7]); ok {
		t.Error("peeked into seven bytes")
	}
}
