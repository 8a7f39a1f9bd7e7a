package wire

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// everyVersion calls f for every stable version of every API.
func everyVersion(f func(key, version int16)) {
	for key := int16(0); key <= MaxKey; key++ {
		low, high, ok := Versions(key)
		for v := low; ok && v <= high; v++ {
			f(key, v)
		}
	}
}

// randomizer fills kmsg's structures with random contents, Version fields excepted.
type randomizer struct {
	*rand.Rand
	tags     int // how many unknown tagged fields may still be added
	maxBytes int // of one bytes field
}

func newRandomizer(seed uint64) *randomizer {
	return &randomizer{Rand: rand.New(rand.NewPCG(seed, 1)), maxBytes: 40}
}

var tagsType = reflect.TypeFor[kmsg.Tags]()

func (r *randomizer) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.number())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(r.number()))
	case reflect.Float64:
		v.SetFloat(r.NormFloat64())
	case reflect.String:
		v.SetString(string(r.bytes(12)))
	case reflect.Array:
		for i := range v.Len() {
			r.fill(v.Index(i))
		}
	case reflect.Slice:
		r.fillSlice(v)
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			r.fill(v.Elem())
		}
	case reflect.Struct:
		r.fillStruct(v)
	default:
		panic("unknown kind " + v.Kind().String())
	}
}

func (r *randomizer) number() int64 {
	switch r.IntN(4) {
	case 0:
		return -1
	case 1:
		return int64(r.IntN(10))
	}
	return int64(r.Uint64())
}

func (r *randomizer) bytes(n int) []byte {
	b := make([]byte, r.IntN(n+1))
	if r.IntN(20) == 0 {
		b = make([]byte, 100+r.IntN(200)) // two-byte lengths
	}
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return b
}

func (r *randomizer) fillSlice(v reflect.Value) {
	if r.IntN(6) == 0 {
		return // nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(r.bytes(r.maxBytes))
		return
	}
	n := r.IntN(4)
	if r.IntN(30) == 0 {
		n = 130
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		r.fill(v.Index(i))
	}
}

func (r *randomizer) fillStruct(v reflect.Value) {
	if v.Type() == tagsType {
		if r.tags > 0 && r.IntN(8) == 0 {
			r.tags--
			v.Addr().Interface().(*kmsg.Tags).Set(uint32(100+r.IntN(1000)), r.bytes(5))
		}
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Name != "Version" {
			r.fill(v.Field(i))
		}
	}
}

// request returns a random request.
func (r *randomizer) request(key, version int16) kmsg.Request {
	q := kmsg.RequestForKey(key)
	q.SetVersion(version)
	r.fill(reflect.ValueOf(q).Elem())
	switch q := q.(type) {
	case *kmsg.FetchRequest:
		dropLaterTags(q)
	case *kmsg.BrokerHeartbeatRequest:
		if version < 1 {
			q.OfflineLogDirs = nil
		}
		if version < 2 {
			q.CordonedLogDirs = nil
		}
	case *kmsg.FetchSnapshotRequest:
		for i := range q.Topics {
			for j := range q.Topics[i].Partitions {
				q.Topics[i].Partitions[j].ReplicaDirectoryID = [16]byte{} // version 1 and up
			}
		}
	}
	return q
}

// dropLaterTags takes out the tagged fields that f's version does not have; kmsg writes them in
// every flexible one.
func dropLaterTags(f *kmsg.FetchRequest) {
	if f.Version < 15 {
		f.ReplicaState = kmsg.NewFetchRequestReplicaState()
	}
	for i := range f.Topics {
		for j := range f.Topics[i].Partitions {
			p := &f.Topics[i].Partitions[j]
			if f.Version < 17 {
				p.ReplicaDirectoryID = [16]byte{}
			}
			if f.Version < 18 {
				p.HighWatermark = math.MaxInt64
			}
		}
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if err != want {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// stripTags takes the unknown tagged fields out of a message.
func stripTags(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			stripTags(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			stripTags(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == tagsType {
			v.SetZero()
			return
		}
		for i := range v.NumField() {
			stripTags(v.Field(i))
		}
	}
}
