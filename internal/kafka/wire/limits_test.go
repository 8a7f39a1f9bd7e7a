package wire

import (
	"os"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// allocated returns how many bytes f allocates, garbage included.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// decode decodes a body as the broker does.
func decode(key, version int16, body []byte) error {
	switch key {
	case keyProduce:
		return new(ProduceRequest).Parse(version, body)
	case keyFetch:
		return new(FetchRequest).Parse(version, body)
	}
	if err := Check(key, version, body); err != nil {
		return err
	}
	q := kmsg.RequestForKey(key)
	q.SetVersion(version)
	return q.ReadFrom(body)
}

// Goal: LimitOf's amplification bounds the memory of decoding any body that is let through.
// Method: for every shape of every API and every array in it, the body that repeats this array
// as often as it can, under every combination of cheap contents (see worst); what decoding
// allocates is measured and held against the charge. THALWEG_WIRE_FULL=1 tries more
// combinations and sizes (minutes) and lists what was measured.
func TestAmplification(t *testing.T) {
	full := os.Getenv("THALWEG_WIRE_FULL") != ""
	sizes, highest := []int{5000}, map[int16]float64{}
	if full {
		sizes = []int{100, 700, 5000, 100_000}
	}
	decodeOnce := func(key, version int16, c choice, body []byte) {
		var err error
		n := allocated(func() { err = decode(key, version, body) })
		if err != nil && (key != keyProduce || err != ErrCount) {
			t.Fatalf("key %d version %d %+v: %v", key, version, c, err)
		}
		if allowed := decodeCharge(key, len(body)) * growthFactor; n > allowed {
			t.Fatalf("key %d version %d %+v: %d bytes decode to %d, charged are %d", key, version, c, len(body), n, allowed)
		}
		if len(body) > 50_000 && !c.unknown {
			highest[key] = max(highest[key], float64(n)/float64(len(body)))
		}
	}
	var last *shapeRun
	everyVersion(func(key, version int16) {
		run := shapeOf(key, version)
		if run == last {
			return
		}
		last = run
		s := &run.body
		targets := arrays(s)
		if len(targets) == 0 {
			targets = []*shape{nil}
		}
		for _, target := range targets {
			for _, c := range choices(full) {
				for _, size := range sizes {
					decodeOnce(key, version, c, worstBody(s, FlexibleRequest(key, version), target, c, size))
				}
			}
		}
	})
	for key, x := range highest {
		t.Logf("%s: %.1f of %d", kmsg.NameForKey(key), x, LimitOf(key).Amplification)
	}
}

// A count that the bytes left cannot hold is refused wherever it stands, in all versions.
func TestCheckRefusesCountBombs(t *testing.T) {
	everyVersion(func(key, version int16) {
		s := &shapeOf(key, version).body
		for i, target := range arrays(s) {
			w := worst{flexible: FlexibleRequest(key, version), target: target, n: 1, bomb: 100_000}
			w.field(s, false)
			if err := Check(key, version, w.dst); err != ErrCount {
				t.Errorf("key %d version %d array %d: %v", key, version, i, err)
			}
		}
	})
}

func TestLimits(t *testing.T) {
	for key := int16(-1); key <= MaxKey+1; key++ {
		l := LimitOf(key)
		_, _, known := Versions(key)
		switch {
		case !known:
			if l.MaxFrame != PreAuthMaxFrame {
				t.Errorf("unknown key %d: %+v", key, l)
			}
		case key == keyProduce:
			if l.MaxFrame != 100<<20 {
				t.Errorf("Produce: %+v", l)
			}
		case l.MaxFrame < SASLMaxFrame || l.MaxFrame > BlobMaxFrame || l.Amplification < 1 || l.Amplification > 32:
			t.Errorf("key %d: %+v", key, l)
		}
		pre, ok := PreAuthLimitOf(key)
		if want := key == 17 || key == 18 || key == 36; ok != want {
			t.Errorf("key %d before authentication: %v", key, ok)
		}
		if pre.MaxFrame > SASLMaxFrame {
			t.Errorf("key %d before authentication: %+v", key, pre)
		}
		if key != keySaslAuthenticate && pre.MaxFrame > PreAuthMaxFrame {
			t.Errorf("key %d before authentication: %+v", key, pre)
		}
		if Charge(key, 1000) < 1000 {
			t.Errorf("key %d: charge %d", key, Charge(key, 1000))
		}
	}
	if c := Charge(keyProduce, MaxFrame); c < MaxFrame || c > MaxFrame+produceMaxDecode+64<<10 {
		t.Errorf("largest Produce is charged %d", c)
	}
}
