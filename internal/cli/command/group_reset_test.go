package command

import (
	"reflect"
	"testing"
)

func TestParsePlaces(t *testing.T) {
	f := func(want map[string][]int32, values ...string) {
		t.Helper()
		got, err := parsePlaces(values)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v; want %v", values, got, err, want)
		}
	}
	f(nil)
	f(map[string][]int32{"t": nil, "u": {0, 2}}, "t", "u:0,2")
	f(map[string][]int32{"t": {0, 1}}, "t:0", "t:1")
	f(map[string][]int32{"t": nil}, "t:0", "t")
	f(map[string][]int32{"t": nil}, "t", "t:0")
	for _, bad := range []string{"", ":0", "t:", "t:x", "t:-1", "t:2147483648"} {
		if got, err := parsePlaces([]string{bad}); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
