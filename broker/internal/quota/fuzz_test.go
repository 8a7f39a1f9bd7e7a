package quota

import (
	"testing"
	"time"
)

// FuzzAccount: whatever is recorded and taken back, and however time goes, throttle times are within their bounds, asking
// changes nothing, and after a window without use nobody is throttled. Three bytes are one step: what, how much, how much
// later.
func FuzzAccount(f *testing.F) {
	f.Add(byte(0), uint16(10), []byte{0, 100, 1, 0, 200, 50, 1, 100, 2, 2, 255, 255})
	f.Add(byte(2), uint16(1), []byte{0, 255, 0, 2, 9, 200, 0, 1, 1})
	f.Add(byte(3), uint16(0), []byte{2, 40, 9, 2, 255, 255, 2, 1, 1, 0, 1, 1})
	f.Fuzz(func(t *testing.T, kind byte, limit uint16, steps []byte) {
		k := Kind(kind % byte(Kinds))
		a := NewAccount(k, float64(limit)/10, Window{Num: 3, Size: 100 * time.Millisecond})
		now := epoch
		bound := func(d time.Duration) {
			if d < 0 || d > MaxThrottle || k == RequestTime && d > a.window.Size {
				t.Fatalf("throttled by %v", d)
			}
		}
		for i := 0; i+2 < len(steps); i += 3 {
			amount := float64(steps[i+1])
			now = now.Add(time.Duration(int8(steps[i+2])) * time.Millisecond) // back, too
			switch steps[i] % 3 {
			case 0:
				bound(a.Record(amount, now))
			case 1:
				if k != ControllerMutation {
					a.Record(amount, now)
					a.Unrecord(amount, now)
				}
			default:
				d, ok := a.TryRecord(amount, now)
				if bound(d); ok != (d == 0) {
					t.Fatalf("%v, but %v", d, ok)
				}
			}
			if first, second := a.Record(0, now), a.Record(0, now); first != second {
				t.Fatalf("%v, asked again %v", first, second)
			}
		}
		if limit == 0 {
			return
		}
		now = now.Add(1000 * time.Hour)
		if d := a.Record(0, now); d != 0 || !a.idle(now.Add(time.Hour)) {
			t.Fatalf("long after: throttled by %v, idle %v", d, a.idle(now.Add(time.Hour)))
		}
	})
}
