package messages

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bounds of what a valid message may ask for, so that the broker's state does not grow for ever and no
// connection waits for long.
const (
	maxWaitMs     = 3
	maxPartitions = 3
	topicPool     = 12
)

// words are what strings are made of: names that exist, that may not exist, and others.
var words = []string{
	"retention.ms", "cleanup.policy", "max.message.bytes", "segment.bytes", "flush.policy", "min.insync.replicas", "compact", "delete",
	"1000000", "-1", "", "__consumer_offsets", ".", "a/b", "metadata.version", "kraft.version", "user", "client-id", "ip",
	"producer_byte_rate", "consumer_byte_rate", "1", "ünï", "PLAINTEXT",
}

// random makes valid messages; the same seed makes the same ones.
type random struct {
	*rand.Rand
	ids [][16]byte // of topics that exist
}

func newRandom(seed uint64) *random { return &random{Rand: rand.New(rand.NewPCG(seed, 7))} }

func (r *random) topic() string { return fmt.Sprintf("m%d", r.IntN(topicPool)) }

func (r *random) text() string {
	switch r.IntN(8) {
	case 0:
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	case 1, 2:
		return words[r.IntN(len(words))]
	}
	return r.topic()
}

var tagsType = reflect.TypeFor[kmsg.Tags]()

// fill sets every field of v; name is the field's.
func (r *random) fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.number(v.Kind(), name))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(r.IntN(200)))
	case reflect.Float64:
		v.SetFloat(1e12 * (1 + r.Float64())) // a quota that slows nobody down
	case reflect.String:
		v.SetString(r.text())
	case reflect.Array:
		if id, ok := v.Addr().Interface().(*[16]byte); ok && len(r.ids) > 0 && r.IntN(3) > 0 {
			*id = r.ids[r.IntN(len(r.ids))]
			return
		}
		for i := range v.Len() {
			r.fill(v.Index(i), name)
		}
	case reflect.Slice:
		r.fillSlice(v, name)
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			r.fill(v.Elem(), name)
		}
	case reflect.Struct:
		r.fillStruct(v)
	}
}

// number is any number, but for fields that make the broker wait or its state grow.
func (r *random) number(kind reflect.Kind, name string) int64 {
	switch {
	case strings.HasSuffix(name, "Millis") || name == "MinBytes":
		return int64(r.IntN(maxWaitMs))
	case name == "NumPartitions" || name == "Count":
		return int64(r.IntN(maxPartitions+2)) - 1
	case name == "Acks":
		return int64(1 - 2*r.IntN(2)) // 0 is not answered
	case name == "Partition" || name == "Partitions" || name == "ReplicationFactor" || name == "Replicas":
		return int64(r.IntN(4)) - 1
	}
	switch r.IntN(5) {
	case 0:
		return -1
	case 1, 2:
		return int64(r.IntN(8))
	case 3:
		bits := map[reflect.Kind]uint{reflect.Int8: 7, reflect.Int16: 15, reflect.Int32: 31, reflect.Int64: 63}[kind]
		return int64(uint64(math.MaxUint64) >> (64 - bits))
	}
	return int64(r.Uint64())
}

func (r *random) fillSlice(v reflect.Value, name string) {
	if r.IntN(8) == 0 {
		return // nil: null where the version has it, else empty
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, r.IntN(120))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		v.SetBytes(b)
		return
	}
	n := r.IntN(4)
	if r.IntN(40) == 0 && name != "Topics" {
		n = 40
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		r.fill(v.Index(i), name)
	}
}

func (r *random) fillStruct(v reflect.Value) {
	if v.Type() == tagsType {
		if r.IntN(30) == 0 {
			v.Addr().Interface().(*kmsg.Tags).Set(uint32(100+r.IntN(1000)), []byte("unknown"))
		}
		return
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Name != "Version" {
			r.fill(v.Field(i), f.Name)
		}
	}
}

// request is a valid request of an API and version.
func (r *random) request(key, version int16) kmsg.Request {
	q := kmsg.RequestForKey(key)
	q.SetVersion(version)
	r.fillStruct(reflect.ValueOf(q).Elem())
	if f, ok := q.(*kmsg.FetchRequest); ok {
		r.fetch(f)
	}
	return q
}

// fetch takes out the tagged fields that the version does not have, which kmsg writes in every flexible one.
func (r *random) fetch(f *kmsg.FetchRequest) {
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

// frame is a request with its length, header and correlation id.
func (r *random) frame(q kmsg.Request, correlation int32) []byte {
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("messages"))
	return f.AppendRequest(nil, q, correlation)
}
