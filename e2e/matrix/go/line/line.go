// Package line is the protocol of the matrix for programs in Go; what the lines say stands in
// ../../doc.go.
package line

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Within bounds what a client is asked to do.
const Within = time.Minute

// Header is a header of a record.
type Header struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

// Record is one record; nil is null.
type Record struct {
	Offset  int64    `json:"offset"`
	TS      int64    `json:"ts"` // milliseconds
	Key     []byte   `json:"key"`
	Value   []byte   `json:"value"`
	Headers []Header `json:"headers"`
}

// Client is what a program can do. Read reads so many records of partition 0, from the beginning
// or, unless negative, from a time in milliseconds.
type Client interface {
	Version() string
	Create(topic string, partitions int) error
	Produce(topic, codec string, records []Record) error
	Read(topic string, count int, ts int64) ([]Record, error)
}

type ask struct {
	Do, Topic, Codec string
	Partitions       int
	Count            int
	TS               int64
	Records          []Record
}

type answer struct {
	Error   string   `json:"error,omitempty"`
	Version string   `json:"version,omitempty"`
	Records []Record `json:"records,omitempty"`
}

// Serve answers one line of standard input after the other, and exits when there are no more.
func Serve(c Client) {
	in := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		text, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var a ask
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		if err == nil {
			err = out.Encode(a.answer(c))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func (a ask) answer(c Client) (r answer) {
	var err error
	switch a.Do {
	case "hello":
		r.Version = c.Version()
	case "create":
		err = c.Create(a.Topic, a.Partitions)
	case "produce":
		err = c.Produce(a.Topic, a.Codec, a.Records)
	case "consume":
		r.Records, err = c.Read(a.Topic, a.Count, -1)
	case "seek":
		r.Records, err = c.Read(a.Topic, a.Count, a.TS)
	default:
		err = fmt.Errorf("asked for %q", a.Do)
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// ModuleVersion is the version of a dependency that was built in, without the "v".
func ModuleVersion(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == path {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "unknown"
}

// UntilStopped returns what is closed when standard input ends.
func UntilStopped() <-chan struct{} {
	stopped := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stopped)
	}()
	return stopped
}

var printing sync.Mutex

// Consumed says that a member of a group has consumed a record. Safe for concurrent use.
func Consumed(partition int32, offset int64) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(partition, offset)
}

// Exit ends a member.
func Exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
