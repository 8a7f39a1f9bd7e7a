package wire

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The table must say what the facts file says (Kafka 4.4) and what kmsg can decode.
func TestVersions(t *testing.T) {
	f, err := os.Open("testdata/versions.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+91 {
		t.Fatalf("%d rows", len(rows))
	}
	number := func(s string) int16 {
		n, err := strconv.ParseInt(s, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		return int16(n)
	}
	listed := map[int16]bool{}
	for _, row := range rows[1:] {
		key, name, flexible := number(row[0]), row[1], int16(never)
		listed[key] = true
		if row[4] != "" {
			flexible = number(row[4])
		}
		low, high, ok := Versions(key)
		if !ok || low != number(row[2]) || high != number(row[3]) || versions[key].flexible != flexible {
			t.Errorf("%s: table says %d to %d, flexible from %d", name, low, high, versions[key].flexible)
		}
		r := kmsg.RequestForKey(key)
		if r == nil || !strings.EqualFold(kmsg.NameForKey(key), name) && key != keyAlterPartitionReassignments {
			t.Fatalf("%s is not %s in kmsg", name, kmsg.NameForKey(key))
		}
		if r.MaxVersion() != high {
			t.Errorf("%s: kmsg's highest version is %d", name, r.MaxVersion())
		}
		for v := low; v <= high; v++ {
			r.SetVersion(v)
			if FlexibleRequest(key, v) != r.IsFlexible() {
				t.Errorf("%s %d: flexible is %v", name, v, !r.IsFlexible())
			}
			if want := r.IsFlexible() && name != "ApiVersions"; FlexibleResponseHeader(key, v) != want {
				t.Errorf("%s %d: flexible response header is %v", name, v, !want)
			}
		}
		if Known(key, low-1) || Known(key, high+1) || !Known(key, low) || !Known(key, high) {
			t.Errorf("%s: Known disagrees with Versions", name)
		}
	}
	for key := -3; key < MaxKey+10; key++ {
		if _, _, ok := Versions(int16(key)); ok != listed[int16(key)] {
			t.Errorf("key %d: known is %v", key, ok)
		}
	}
}
