package network

import (
	"io"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Handler executes requests; package api implements it. Its methods are called on the
// connection's reader goroutine, one request at a time per connection.
type Handler interface {
	// Admit is asked when only the head of a frame has been read, before its body is: may a
	// request of this key, version and size (bytes after the length field) be read on this
	// connection, and how many bytes of memory is decoding it worth (size times the API's
	// amplification)? An error closes the connection; its text goes to the debug log.
	Admit(c *Session, key, version int16, size int) (charge int64, err error)
	// Serve executes one request. See Disposition for how it ends.
	Serve(r *Request) Disposition
}

// Disposition says how Serve, or a later Complete, ended a request.
type Disposition uint8

const (
	// Answered: r.Out, and r.Tail if set, hold the answer.
	Answered Disposition = iota
	// Pending: the answer comes later; somebody calls r.Complete exactly once, from any
	// goroutine. Only Produce may be pending while later requests of the connection are read,
	// and only if those are Produce too (ARCHITECTURE decision 7). Not valid for Complete.
	Pending
	// Silent: there is no answer at all (Produce with acks=0).
	Silent
	// Hangup: close the connection, after the answers to earlier requests have been written.
	Hangup
)

// Session is what is known of a connection. Fields above the line are fixed before the first
// request; the ones below are for the handler alone and are used only by the reader goroutine.
type Session struct {
	ID         uint64 // unique within the server
	Listener   string // name of the listener the client came in on
	RemoteHost string // address without port, for ACLs
	Principal  security.Principal

	ClientName    string // client software as told in ApiVersions (KIP-511)
	ClientVersion string
	Scratch       any // whatever the handler keeps per connection
}

// Request is one request in its answer slot. Slots are reused: everything here is valid until
// the request is answered, and belongs to whoever is executing it.
type Request struct {
	wire.Header        // api key, version, correlation id, client id (aliases the frame)
	Payload     []byte // the request's body; aliases the frame, valid until the answer
	Session     *Session
	Now         time.Time // when the connection woke up for this request (wall and monotonic)

	// Out is where the answer is appended: the frame length and response header are already in
	// it, so append only. Its memory is reused from request to request.
	Out []byte
	// Tail, if not nil, is written after Out; Release is called when it was written or given up.
	Tail Body
	// Mute is how long to read nothing more from the connection once the answer is written
	// (throttling, SURFACE 8). Who encodes the answer tells it there.
	Mute time.Duration
	// Waited is how long Serve has waited for others: time that is not the client's use of this thread.
	// The handler adds to it, before Serve returns.
	Waited time.Duration
	// Scratch is the handler's own state of this slot; network never touches it.
	Scratch any

	slot slot // network's own
}

// Body is an answer, or the end of one, that is not one run of bytes in memory.
type Body interface {
	// Len is the number of bytes that WriteTo will write; fixed before Serve returns.
	Len() int
	// WriteTo writes all of it. It may be called on any goroutine, once.
	WriteTo(w Writer) error
	// Release gives back what the body holds (pins on segments). Called exactly once.
	Release()
}

// Writer is the way to the socket.
type Writer interface {
	io.Writer
	// SendFile writes n bytes of src starting at off: by sendfile where src has a descriptor
	// (interface{ Fd() uintptr }) and the connection is plain TCP on Linux, else by reading and writing
	// through a pooled buffer. If src ends early the connection is broken and must be closed
	// (ARCHITECTURE, durability 9): the error says so.
	SendFile(src io.ReaderAt, off, n int64) error
}
