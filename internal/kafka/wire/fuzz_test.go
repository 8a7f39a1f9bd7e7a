package wire

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Whatever the chunks in which a stream arrives, the same frames come out of it; nothing is
// allocated by a length before its bytes are there.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0a0123456789\x00\x00\x00\x0bABCDEFGHIJK"), []byte{3, 1})
	f.Add([]byte("\x00\x00\x00\x0a0123456789\xff\xff\xff\xff"), []byte{200})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		whole, wholeErr := frames(stream, nil)
		cut, cutErr := frames(stream, cuts)
		if wholeErr != cutErr || len(whole) != len(cut) {
			t.Fatalf("%d frames, %v; in pieces %d, %v", len(whole), wholeErr, len(cut), cutErr)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], cut[i]) {
				t.Fatalf("frame %d: %x, in pieces %x", i, whole[i], cut[i])
			}
		}
	})
}

// frames reads a stream as a connection does: append what arrives, cut off what is complete.
func frames(stream, cuts []byte) (all [][]byte, err error) {
	var buf []byte
	for i := 0; len(stream) > 0; i++ {
		n := len(stream)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[i%len(cuts)]))
		}
		buf, stream = append(buf, stream[:n]...), stream[n:]
		for {
			size, err := FrameSize(buf, 1<<20)
			if err == ErrShort || err == nil && len(buf) < PrefixSize+size {
				break
			}
			if err != nil {
				return all, err
			}
			key, version, ok := PeekKey(buf)
			if h, _, _ := ParseHeader(buf[PrefixSize : PrefixSize+size]); !ok || h.Key != key || h.Version != version {
				panic("PeekKey and ParseHeader disagree")
			}
			all = append(all, bytes.Clone(buf[PrefixSize:PrefixSize+size]))
			buf = buf[PrefixSize+size:]
		}
	}
	return all, nil
}

// A header that is accepted is the one that kmsg would write, but for tags and padding.
func FuzzHeader(f *testing.F) {
	f.Add(header(0, 9, "client", "\x00body"))
	f.Add(header(18, 99, "-", "body"))
	f.Add(header(3, 12, "x", "\x01\x05\x00body"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := ParseHeader(frame)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(frame, body) {
			t.Fatal("the body is not the end of the frame")
		}
		again := appendInt32(appendInt16(appendInt16(nil, h.Key), h.Version), h.CorrelationID)
		if h.ClientID == nil {
			again = append(again, frame[8:10]...) // any negative length is null
			if int8(frame[8]) >= 0 {
				t.Fatalf("null client id of length %x", frame[8:10])
			}
		} else {
			again = appendString(again, string(h.ClientID), false)
		}
		if !bytes.HasPrefix(frame, again) {
			t.Fatalf("%x is not the front of %x", again, frame)
		}
		if !Known(h.Key, h.Version) && !bytes.Equal(body, frame[len(again):]) {
			t.Fatal("an unknown version's body was touched")
		}
	})
}

// A body that passes Check decodes in kmsg within its charge, and a body that kmsg encodes again
// passes Check again.
func FuzzRequest(f *testing.F) {
	r := newRandomizer(20)
	everyVersion(func(key, version int16) {
		f.Add(byte(key), byte(version), r.request(key, version).AppendTo(nil))
	})
	f.Fuzz(func(t *testing.T, k, v byte, body []byte) {
		key := int16(k) % (MaxKey + 1)
		low, high, ok := Versions(key)
		if !ok {
			return
		}
		version := low + int16(v)%(high-low+1)
		checkRequest(t, key, version, body)
	})
}

func checkRequest(t *testing.T, key, version int16, body []byte) {
	var err error
	if n := allocated(func() { err = Check(key, version, body) }); n > 1<<20 {
		t.Fatalf("Check allocated %d bytes", n)
	}
	if own := decode(key, version, body); key <= keyFetch && (own == nil) != (err == nil) {
		// Parse allows more unknown tagged fields, and less memory.
		if err != ErrTags && err != ErrTagSize && own != ErrCount {
			t.Fatalf("Check says %v, Parse says %v", err, own)
		}
	}
	if err != nil {
		return
	}
	q := kmsg.RequestForKey(key)
	q.SetVersion(version)
	var kerr error
	n := allocated(func() { kerr = q.ReadFrom(body) })
	if allowed := 64*int64(len(body)) + 1<<20; n > allowed {
		t.Fatalf("%d bytes decoded to %d", len(body), n)
	}
	if kerr != nil {
		t.Fatalf("Check passes, kmsg says %v", kerr)
	}
	again := q.AppendTo(nil)
	if err := Check(key, version, again); err != nil {
		t.Fatalf("re-encoded: %v\n%x", err, again)
	}
}

// What Parse accepts kmsg accepts, with the same values; parsing costs a bounded amount.
func FuzzProduceRequest(f *testing.F) {
	r := newRandomizer(21)
	for version := int16(ProduceMin); version <= ProduceMax; version++ {
		f.Add(byte(version), r.request(keyProduce, version).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, v byte, body []byte) {
		version := ProduceMin + int16(v)%(ProduceMax-ProduceMin+1)
		var r ProduceRequest
		var err error
		if n := allocated(func() { err = r.Parse(version, body) }); n > 64*int64(len(body))+1<<20 {
			t.Fatalf("%d bytes parsed to %d", len(body), n)
		}
		if err != nil {
			return
		}
		agree(t, keyProduce, version, body, reencode(kmsgProduce(&r)))
	})
}

// agree decodes body with kmsg, strips unknown tags and compares with what was parsed.
func agree(t *testing.T, key, version int16, body, parsed []byte) {
	q, p := kmsg.RequestForKey(key), kmsg.RequestForKey(key)
	q.SetVersion(version)
	p.SetVersion(version)
	if err := q.ReadFrom(body); err != nil {
		t.Fatalf("Parse accepts, kmsg says %v", err)
	}
	stripTags(valueOf(q))
	if err := p.ReadFrom(parsed); err != nil {
		t.Fatal(err)
	}
	if got, want := reencode(p), reencode(q); !bytes.Equal(got, want) {
		t.Fatalf("parsed as\n%x, by kmsg as\n%x", got, want)
	}
}

func FuzzFetchRequest(f *testing.F) {
	r := newRandomizer(22)
	for version := int16(FetchMin); version <= FetchMax; version++ {
		f.Add(byte(version), r.request(keyFetch, version).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, v byte, body []byte) {
		version := FetchMin + int16(v)%(FetchMax-FetchMin+1)
		var r FetchRequest
		var err error
		if n := allocated(func() { err = r.Parse(version, body) }); n > 64*int64(len(body))+1<<20 {
			t.Fatalf("%d bytes parsed to %d", len(body), n)
		}
		if err != nil {
			return
		}
		agree(t, keyFetch, version, body, reencode(kmsgFetch(&r)))
	})
}

// Answers with arbitrary contents are kmsg's bytes, and kmsg reads them back.
func FuzzResponses(f *testing.F) {
	f.Add(uint64(1), byte(0))
	f.Add(uint64(2), byte(15))
	f.Fuzz(func(t *testing.T, seed uint64, v byte) {
		random := newRandomizer(seed)
		k := kmsg.NewPtrFetchResponse()
		random.fillStruct(valueOf(k))
		k.Version = FetchMin + int16(v)%(FetchMax-FetchMin+1)
		got := fetchAnswer(t, k)
		if !bytes.Equal(got, k.AppendTo(nil)) {
			t.Fatalf("Fetch version %d: %x", k.Version, got)
		}
		back := &kmsg.FetchResponse{Version: k.Version}
		if err := back.ReadFrom(got); err != nil {
			t.Fatal(err)
		}
		p := kmsg.NewPtrProduceResponse()
		random.fillStruct(valueOf(p))
		p.Version = ProduceMin + int16(v)%(ProduceMax-ProduceMin+1)
		ours := produceAnswer(p).Append(nil, p.Version)
		if !bytes.Equal(ours, p.AppendTo(nil)) {
			t.Fatalf("Produce version %d: %x", p.Version, ours)
		}
	})
}

// A section of tags that is accepted ascends and is at most MaxTags long; the reader then stands
// behind it.
func FuzzTags(f *testing.F) {
	f.Add([]byte("\x02\x00\x01x\x05\x00rest"))
	f.Add([]byte("\x01\xff\xff\xff\xff\x0f\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b, true)
		last, n, used := int64(-1), 0, 0
		for tags := r.Tags(); r.NextTag(&tags); n++ {
			if int64(tags.ID) <= last {
				t.Fatalf("field %d after %d", tags.ID, last)
			}
			last, used = int64(tags.ID), used+len(tags.Body)
		}
		if n > MaxTags || used > len(b) {
			t.Fatalf("%d fields with %d bytes", n, used)
		}
		skip := NewReader(b, true)
		skip.SkipTags()
		if skip.Err() != r.Err() || skip.Left() != r.Left() {
			t.Fatalf("skipping: %v, %d left; walking: %v, %d left", skip.Err(), skip.Left(), r.Err(), r.Left())
		}
	})
}

func FuzzVarint(f *testing.F) {
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02})
	f.Fuzz(checkVarints)
}
