package network

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Bounds of one connection (ARCHITECTURE decision 7, PERFORMANCE §7).
const (
	// MaxSlots is how many requests of a connection may be unanswered at once.
	MaxSlots = 32
	// MaxPendingBytes is how many bytes of frames may be unanswered before reading stops. One
	// frame may exceed it.
	MaxPendingBytes = 8 << 20
	// BudgetThreshold is the charge up to which a request is not counted in the memory budget.
	BudgetThreshold = 64 << 10

	minRead      = 4 << 10   // smallest read, and what a connection starts with
	maxRead      = 256 << 10 // largest adaptive read
	bigFrame     = 64 << 10  // what a frame may claim: memory for more follows what arrives, unless frames before were as large
	exactFrame   = 128 << 10 // frames above are read into a buffer of their own, exactly to their end; several smaller ones come in one read
	outSize      = 32 << 10  // size of the output buffer in which answers collect
	smallAnswer  = 16 << 10  // answers up to this are copied into the output buffer
	smallRange   = 72 << 10  // file ranges up to this are read behind the header, not sent by sendfile (see sender.SendFile)
	trailRoom    = 1 << 10   // what is likely to follow a range in an answer
	sendPiece    = 256 << 10 // most bytes per sendfile or write, for fairness between connections
	retainedOut  = 8 << 10   // most memory a slot keeps of its Out for its next request
	retainedCold = 256       // likewise behind APIs that are called now and then, as an idle connection's last one
	writeRounds  = 4         // attempts of a completer while others keep completing
	busyGap      = 10 * time.Millisecond
	busyRecheck  = time.Second
	acceptMinGap = 5 * time.Millisecond
	acceptMaxGap = time.Second
	frameRate    = 64 << 10    // bytes per second a slow sender must reach beyond FrameTimeout
	leaveCheck   = time.Second // how often a client that is muted is looked after
)

// Defaults of Options.
const (
	DefaultIdleTimeout   = 10 * time.Minute // connections.max.idle.ms
	DefaultFrameTimeout  = 30 * time.Second
	DefaultWriteTimeout  = 30 * time.Second
	DefaultBudgetBytes   = 256 << 20
	DefaultRetainedBytes = 64 << 20
	DefaultPartialBytes  = 64 << 20
	DefaultUnsentBytes   = 128 << 20
)

// Options of a Server. All have effect on connections made later, none can be changed.
type Options struct {
	Handler Handler      // required
	Logger  *slog.Logger // nil: nothing is logged

	// MaxFrame is the most bytes behind a length prefix (socket.request.max.bytes); the size gate
	// of the API (wire.LimitOf) comes on top. 0: wire.MaxFrame. Negative is refused.
	MaxFrame int
	// IdleTimeout closes connections on which no byte came in and nothing is pending
	// (connections.max.idle.ms). 0: DefaultIdleTimeout. Negative: never.
	IdleTimeout time.Duration
	// FrameTimeout is the time for a whole frame to arrive once its first byte has, plus one
	// second per 64 KiB. 0: DefaultFrameTimeout. Negative is refused.
	FrameTimeout time.Duration
	// WriteTimeout is how long the socket may refuse to take anything more of an answer, per
	// 256 KiB. 0: DefaultWriteTimeout. Negative is refused.
	WriteTimeout time.Duration

	// SendBuffer is how much of its answers the system takes ahead of what a client has taken (socket.send.buffer.bytes), for
	// connections of TCP. 0: the system finds it, several megabytes on a fast network. Over loopback 100 KiB need 0.6 of the
	// processor time for large answers, and are 1.5 times as fast; a path with a long delay wants more. Negative is refused.
	SendBuffer int

	// MaxConnections bounds the connections of all listeners (max.connections); those handed to
	// ServeConn do not count. 0: no bound. Negative is refused.
	MaxConnections int
	// MaxConnectionsPerIP is the same per remote address (max.connections.per.ip).
	MaxConnectionsPerIP int

	// PerIPOverrides are addresses with a bound of their own in place of MaxConnectionsPerIP
	// (max.connections.per.ip.overrides), in the form of netip.Addr.String. 0 lets none in.
	PerIPOverrides map[string]int
	// MaxConnectionRate is how many connections may be accepted per second on all listeners
	// (max.connection.creation.rate), as an average over QuotaWindow; above it the accept loops wait. 0: no bound.
	// Negative is refused.
	MaxConnectionRate int
	QuotaWindow       quota.Window
	// IPQuota returns where connections from an address are accounted for, nil if nothing limits them; over the
	// limit they are closed at once. nil: no quotas. It must not block.
	IPQuota func(address string) *quota.Account

	// PartialBytes is the memory for frames of which a part has arrived and that are too small for the budget, over
	// all connections; beyond it the connections that have waited longest for the rest are closed. 0:
	// DefaultPartialBytes. Negative is refused.
	PartialBytes int64
	// UnsentBytes is the same for answers that clients do not take, without the parts that lie in files; beyond it
	// the connections that have taken nothing for longest are closed. 0: DefaultUnsentBytes. Negative is refused.
	UnsentBytes int64

	// BudgetBytes is the memory for requests whose charge is above BudgetThreshold, over all
	// connections. A single charge above it is served alone. 0: DefaultBudgetBytes.
	BudgetBytes int64
	// ConnectionShare is how much of the budget one connection may hold; a single charge above it
	// is served when the connection holds nothing else. 0: a quarter of BudgetBytes.
	ConnectionShare int64
	// RetainedBytes is how much memory of unused buffers is kept for reuse. 0:
	// DefaultRetainedBytes. Negative: none.
	RetainedBytes int64
}

// withDefaults validates o and fills what is zero.
func (o Options) withDefaults() (Options, error) {
	if o.Handler == nil {
		return o, errors.New("network: options without a handler")
	}
	for _, n := range []int64{int64(o.MaxFrame), int64(o.FrameTimeout), int64(o.WriteTimeout),
		int64(o.MaxConnections), int64(o.MaxConnectionsPerIP), int64(o.MaxConnectionRate), o.PartialBytes, o.UnsentBytes,
		o.BudgetBytes, o.ConnectionShare, int64(o.SendBuffer)} {
		if n < 0 {
			return o, fmt.Errorf("network: negative option %d", n)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.MaxFrame = orDefault(o.MaxFrame, wire.MaxFrame)
	o.IdleTimeout = orDefault(o.IdleTimeout, DefaultIdleTimeout)
	o.FrameTimeout = orDefault(o.FrameTimeout, DefaultFrameTimeout)
	o.WriteTimeout = orDefault(o.WriteTimeout, DefaultWriteTimeout)
	o.PartialBytes = orDefault(o.PartialBytes, DefaultPartialBytes)
	o.UnsentBytes = orDefault(o.UnsentBytes, DefaultUnsentBytes)
	o.BudgetBytes = orDefault(o.BudgetBytes, DefaultBudgetBytes)
	o.ConnectionShare = orDefault(o.ConnectionShare, max(o.BudgetBytes/4, 1))
	o.RetainedBytes = orDefault(o.RetainedBytes, DefaultRetainedBytes)
	return o, nil
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// SecurityProtocol is what a listener demands, with its wire value (security.protocol).
type SecurityProtocol int16

// Security protocols of Kafka.
const (
	Plaintext     SecurityProtocol = 0
	SSL           SecurityProtocol = 1
	SASLPlaintext SecurityProtocol = 2
	SASLSSL       SecurityProtocol = 3
)

// String is Kafka's name.
func (p SecurityProtocol) String() string {
	switch p {
	case Plaintext:
		return "PLAINTEXT"
	case SSL:
		return "SSL"
	case SASLPlaintext:
		return "SASL_PLAINTEXT"
	case SASLSSL:
		return "SASL_SSL"
	}
	return fmt.Sprintf("SecurityProtocol(%d)", int16(p))
}

// Listener describes the way by which clients come in.
type Listener struct {
	Name             string // as in listeners, e.g. "PLAINTEXT" or "CLIENTS"
	SecurityProtocol SecurityProtocol
	// Principal of its clients as long as they cannot authenticate; zero: security.Anonymous.
	Principal security.Principal
}

// validate refuses what would be pretended only (ARCHITECTURE decision 12).
func (l Listener) validate() error {
	if l.SecurityProtocol != Plaintext {
		return fmt.Errorf("listener %s: %w: %s", l.Name, ErrSecurityProtocol, l.SecurityProtocol)
	}
	return nil
}
