package command

import (
	"testing"
	"time"
)

func TestBounds(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	f := func(text string, want bound) {
		t.Helper()
		got, err := parseBound(text, now)
		if err != nil || got.kind != want.kind || got.offset != want.offset || !got.at.Equal(want.at) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	f("start", bound{kind: atStart})
	f("earliest", bound{kind: atStart})
	f("end", bound{kind: atEnd})
	f("0", bound{kind: atOffset})
	f("42", bound{kind: atOffset, offset: 42})
	f("-5", bound{kind: beforeEnd, offset: 5})
	f("-0", bound{kind: beforeEnd})
	f("@5", bound{kind: atTime, at: time.UnixMilli(5)})
	f("90s", bound{kind: atTime, at: now.Add(-90 * time.Second)})
	f("2d", bound{kind: atTime, at: now.Add(-48 * time.Hour)})
	f("2023-11-14T22:13:20Z", bound{kind: atTime, at: now})
	f("2023-11-14T23:13:20.5+01:00", bound{kind: atTime, at: now.Add(500 * time.Millisecond)})
	f("2023-11-14", bound{kind: atTime, at: time.Date(2023, 11, 14, 0, 0, 0, 0, time.Local)})
	f("2023-11-14 10:30", bound{kind: atTime, at: time.Date(2023, 11, 14, 10, 30, 0, 0, time.Local)})
	for _, bad := range []string{"", "x", "@", "@x", "-5m", "-", "5x", "d", "-1d", "2023-13-01", "99999999999999999999"} {
		if got, err := parseBound(bad, now); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}
