package broker

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api"
	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/thalweg-io/thalweg/broker/internal/api/data"
	"github.com/thalweg-io/thalweg/broker/internal/api/group"
	"github.com/thalweg-io/thalweg/broker/internal/api/txn"
	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Broker is one node: its data directories, its part in the metadata quorum, its partitions and
// its listeners.
type Broker struct {
	cfg       Config
	lg        *slog.Logger
	clusterID string
	epoch     atomic.Int64 // this incarnation's broker epoch

	dirs     []*storage.Dir
	lost     []replica.LogDir // data directories that could not be opened
	loader   *metadata.Loader
	replicas *replica.Manager
	runner   *quorum.Runner
	control  *control
	life     *lifecycle
	groups   *coordinator.Runtime
	watch    groupWatch
	clock    *delayed.Clock
	upkeep   upkeep
	cleaning *cleaning
	openers  *openers
	network  *network.Server
	data     *data.Handlers
	quotas   *quota.Manager
	metrics  *metricsServer // nil if not configured
	scrape   sync.Mutex     // held while metrics are read
	state    nodeState
	bound    []Listener // with the ports that were really bound

	serving  atomic.Bool
	failed   chan error // the first failure that the process cannot go on with (C-12)
	shutdown sync.Once
	ended    error // outcome of shutdown
}

// ErrPortInUse: another process listens on a listener's address.
var ErrPortInUse = errors.New("address is already in use")

// New checks a configuration. It touches neither disk nor network.
func New(cfg Config) (*Broker, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Broker{cfg: cfg, lg: cfg.Logger, failed: make(chan error, 1)}, nil
}

// Start opens the data directories, joins the quorum, registers the broker and then serves. When
// it returns nil, requests are answered. When it returns an error, everything is closed again. ctx
// bounds the start only. Errors: ErrConfig, ErrPortInUse, those of storage (directory
// locked, of another cluster, damaged), each with the path or key concerned.
func (b *Broker) Start(ctx context.Context) (err error) {
	b.state.enter(stateStarting)
	opened, err := b.bind()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.metrics.stop()
			closeAll(opened)
			b.abandon()
		}
	}()
	if err := b.startMetrics(); err != nil {
		return err
	}
	if err := b.openDirs(); err != nil {
		return err
	}
	if err := b.startQuorum(); err != nil {
		return err
	}
	b.state.setOpen(true)
	b.life = &lifecycle{b: b, incarnation: randomUUID(), stop: make(chan struct{}), done: make(chan struct{})}
	if err := b.life.join(ctx, b.advertised()); err != nil {
		return err
	}
	b.groups.Begin(b.loader.Current)
	go b.life.run()
	for _, o := range opened {
		if err := b.network.Listen(o.ln, o.as); err != nil {
			close(b.life.stop)
			return err
		}
	}
	b.serving.Store(true)
	b.state.enter(stateRunning)
	return nil
}

// socket is a bound listener that does not accept yet.
type socket struct {
	ln net.Listener
	as network.Listener
}

func closeAll(opened []socket) {
	for _, o := range opened {
		_ = o.ln.Close() // nothing was served on it
	}
}

// bind takes the ports first, so that a second broker finds out before it touches anything, and
// so that the ports chosen by the system can be registered.
func (b *Broker) bind() (opened []socket, err error) {
	for _, l := range b.cfg.Listeners {
		lns, bound, err := l.open(b.cfg.Listen)
		if err != nil {
			closeAll(opened)
			return nil, bindError(l, err)
		}
		for _, ln := range lns {
			opened = append(opened, socket{ln, network.Listener{Name: l.Name}})
		}
		b.bound = append(b.bound, bound)
	}
	return opened, nil
}

func bindError(l Listener, err error) error {
	if isAddrInUse(err) {
		return fmt.Errorf("%w: %s (key listeners, value %s)", ErrPortInUse, l.Address(), l)
	}
	return fmt.Errorf("listen on %s (key listeners): %w", l, err)
}

// openDirs opens the data directories, which must agree on the cluster. The first one decides
// for a directory that is new. One that cannot be used because of its disk is offline until the next start, and the others go
// on (S-12), but not without the first one, which holds the metadata log (C-12).
func (b *Broker) openDirs() error {
	b.clusterID = b.cfg.ClusterID
	for _, path := range b.cfg.LogDirs {
		lane := newLane(path, 1)
		d, err := storage.OpenDir(b.cfg.FS, path, storage.DirOptions{
			ClusterID: b.clusterID, NodeID: kafka.BrokerID(b.cfg.NodeID), Random: random16, Logger: b.lg, CommitLogBytes: b.cfg.CommitLogBytes,
			CloseWorkers: closersPerDir, Together: together,
			Doomed: func() { lane.poke(unlinkChore) },
		})
		if err != nil && len(b.dirs) > 0 && !storage.Refusal(err) {
			b.lg.Error("data directory is offline, its partitions are not served", "dir", path, "err", err)
			b.lost = append(b.lost, replica.LogDir{Path: path, Err: err})
			continue
		}
		if err != nil {
			return err // names the directory
		}
		b.dirs = append(b.dirs, d)
		lane.dir = d
		b.upkeep.lanes = append(b.upkeep.lanes, lane)
		b.clusterID = d.ClusterID()
		if !plantedOneSyncer {
			d.Start()
		}
	}
	if plantedOneSyncer {
		go syncTogether(b.dirs, b.upkeep.lanes[0].over)
	}
	return nil
}

// startQuorum starts the quorum, which replays the metadata log and has the partitions opened.
func (b *Broker) startQuorum() error {
	given := maps.Clone(b.cfg.Properties)
	if given == nil {
		given = map[string]string{}
	}
	maps.Copy(given, b.cfg.TopicDefaults)
	defaults, err := metadata.NewDefaults(given)
	if err != nil {
		return badConfig("%v", err)
	}
	self := kafka.BrokerID(b.cfg.NodeID)
	b.loader = metadata.NewLoader(metadata.ImageOptions{ClusterID: b.clusterID, NodeID: self, Defaults: defaults})
	b.openers = newOpeners(b.dirs)
	manager := replica.NewManager(replica.Options{
		Self: self, Dirs: b.dirs, Lost: b.lost, Logger: b.lg, FS: b.cfg.FS, Doomed: func(d *storage.Dir) { b.upkeep.of(d).poke(sweepChore) }, Opening: b.openers.opening,
		Moving: func(d *storage.Dir) { b.upkeep.of(d).poke(moveChore) }, Again: storage.SettleFutures(b.dirs, len(b.lost) > 0),
	})
	for _, d := range b.dirs {
		b.upkeep.tend(d, manager, &b.cfg, b.moveRate)
	}
	b.cleaning = b.upkeep.clean(manager, b.cfg.Cleaner, b.lg)
	b.upkeep.start()
	b.openers.start(manager)
	b.loader.Subscribe(manager)
	b.quotas = quota.NewManager(quota.Options{Client: b.cfg.QuotaWindow.window(), Controller: b.cfg.ControllerQuotaWindow.window()}, time.Now)
	b.loader.Subscribe(b.quotas)
	b.replicas = manager
	b.startGroups(manager)

	seed := rand.NewPCG(rand.Uint64(), rand.Uint64())
	machine := &controller.Machine{Loader: b.loader, Now: func() int64 { return time.Now().UnixMilli() }}
	core, err := quorum.Open(quorum.Options{
		FS: b.cfg.FS, Dir: b.cfg.LogDirs[0], ID: self, Voters: []kafka.BrokerID{self},
		Machine: machine, Rand: rand.New(seed), Logger: b.lg, NowMs: time.Now().UnixMilli(),
	})
	if err != nil {
		return fmt.Errorf("metadata log in %s: %w", filepath.ToSlash(b.cfg.LogDirs[0]), err)
	}
	b.dirs[0].Attend(core.Log())
	machine.Controller = controller.New(controller.Options{
		ClusterID: b.clusterID, NodeID: self,
		NumPartitions: b.cfg.NumPartitions, ReplicationFactor: b.cfg.ReplicationFactor, MaxPartitions: max(b.cfg.MaxPartitions, 0),
		Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), UUID: randomUUID, Logger: b.lg,
	}, b.loader.Current(), core)
	b.runner = quorum.NewRunner(core, quorum.RunnerOptions{Failed: b.fail})
	b.control = &control{runner: b.runner, controller: machine.Controller, self: self, replicas: manager,
		epoch: func() kafka.BrokerEpoch { return kafka.BrokerEpoch(b.epoch.Load()) }}
	b.runner.Start()
	return b.buildAPI(manager)
}

// buildAPI makes the handlers and the network server, which does not listen yet.
func (b *Broker) buildAPI(manager *replica.Manager) (err error) {
	b.clock = delayed.StartClock()
	self := kafka.BrokerID(b.cfg.NodeID)
	var auth security.Authorizer = security.AllowAll{}
	limit := b.quotas
	b.data = data.New(data.Options{
		Replicas: manager, Image: b.loader.Current, Authorizer: auth, Limiter: limit,
		Wheel: b.clock.Wheel, FetchMax: b.cfg.FetchMaxBytes, FetchSessions: b.cfg.FetchSessions, Logger: b.lg,
	})
	admins := admin.New(admin.Options{
		Self: self, Image: b.loader.Current, Controller: b.control, Authorizer: auth, Limiter: limit, Preparing: manager.Preparing,
		AutoCreate: !b.cfg.NoAutoCreate, NoDelete: b.cfg.NoTopicDeletion, Server: b.serverConfigs(), Logger: b.lg,
		Telemetry: b.cfg.ClientTelemetry, TelemetryMaxBytes: b.cfg.TelemetryMaxBytes, UUID: randomUUID,
	})
	server := api.NewServer(api.Options{
		Self: self, Image: b.loader.Current, Limiter: limit, MaxFrame: b.cfg.MaxRequestBytes,
		Data: b.data, Admin: admins,
		Group: group.New(group.Options{
			Self: self, Image: b.loader.Current, Shards: b.groups, Authorizer: auth, CreateTopic: admins.CreateInternal,
		}),
		Txn: txn.New(txn.Options{IDs: txn.NewProducerIDs(b.control), Authorizer: auth}),
	})
	b.network, err = network.NewServer(network.Options{
		Handler: server, Logger: b.lg, MaxFrame: b.cfg.MaxRequestBytes, IdleTimeout: b.cfg.ConnectionsMaxIdle,
		MaxConnections: b.cfg.MaxConnections, MaxConnectionsPerIP: b.cfg.MaxConnectionsPerIP,
		PerIPOverrides: b.cfg.PerIPOverrides, MaxConnectionRate: b.cfg.MaxConnectionRate,
		QuotaWindow: b.cfg.QuotaWindow.window(), IPQuota: b.quotas.IP,
		BudgetBytes: max(b.cfg.RequestMemoryBytes, 0), SendBuffer: max(b.cfg.SendBufferBytes, 0),
	})
	return err
}

// checkDirs ends the broker when the directory of the metadata log, or the last one, has failed (C-12, S-09): it would
// lead nothing, and what it decides could not be written.
func (b *Broker) checkDirs() {
	alive := 0
	for i, d := range b.dirs {
		d.Watch(time.Now()) // S-13
		switch err := d.Err(); {
		case err == nil:
			alive++
			if d.Full() {
				b.upkeep.of(d).poke(unlinkChore) // without the delay of file.delete.delay.ms
			}
		case i == 0:
			b.fail(fmt.Errorf("data directory %s, which holds the metadata log, has failed: %w", d.Path(), err))
		}
	}
	if alive == 0 {
		b.fail(errors.New("every data directory has failed"))
	}
}

// fail reports a failure that the process cannot go on with; only the first one counts.
func (b *Broker) fail(err error) {
	b.state.fail(err)
	select {
	case b.failed <- err:
	default:
	}
}

// Failed yields the reason when the broker cannot go on, such as a metadata directory that has
// failed (C-12). The owner then ends the process: without a clean stop, as nothing more can be trusted to be written.
func (b *Broker) Failed() <-chan error { return b.failed }

// ClusterID is the cluster that the broker belongs to. Valid after Start.
func (b *Broker) ClusterID() string { return b.clusterID }

// Listeners are the listeners with the ports that were bound. Valid after Start.
func (b *Broker) Listeners() []Listener { return b.bound }

// advertised is what clients are told of each listener.
func (b *Broker) advertised() []Listener {
	out := make([]Listener, len(b.bound))
	for i, l := range b.bound {
		out[i] = l
		for _, a := range b.cfg.Advertised {
			if a.Name == l.Name {
				out[i] = a
			}
		}
		if out[i].Host == "" || out[i].Host == "0.0.0.0" || out[i].Host == "::" {
			out[i].Host = hostname()
		}
	}
	return out
}

// previousEpoch is the broker epoch of the last clean stop, or NoBrokerEpoch if any directory was not stopped
// cleanly.
func (b *Broker) previousEpoch() kafka.BrokerEpoch {
	var epoch kafka.BrokerEpoch
	if len(b.lost) > 0 {
		return kafka.NoBrokerEpoch
	}
	for i, d := range b.dirs {
		e, ok := d.Clean()
		if !ok || i > 0 && e != epoch {
			return kafka.NoBrokerEpoch
		}
		epoch = e
	}
	return epoch
}

// DialInProcess connects to the broker without a socket: the same code path, as a client of the first
// listener. The connection ends with either side's Close.
func (b *Broker) DialInProcess(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	if err := b.network.ServeConn(server, network.Listener{Name: b.cfg.Listeners[0].Name}); err != nil {
		return nil, err
	}
	return client, nil
}

// Shutdown stops cleanly: no new requests, those that run are finished and answered until ctx ends, then everything is
// flushed, the checkpoints are written, and last the marker of a clean stop. Later calls wait
// for the first and return its outcome.
func (b *Broker) Shutdown(ctx context.Context) error {
	b.shutdown.Do(func() { b.ended = b.stop(ctx) })
	return b.ended
}

func (b *Broker) stop(ctx context.Context) error {
	if !b.serving.Load() {
		return nil // it never started, or Start has closed everything again
	}
	b.state.enter(stateShuttingDown)
	defer b.metrics.stop()
	b.groups.Stop() // those who wait for others to join are told, so that their connections can end
	errs := []error{b.network.Shutdown(ctx)}
	b.closeScrapes()
	b.life.leave(ctx)
	b.clock.Stop()
	errs = append(errs, b.runner.Stop())
	b.upkeep.end()
	b.openers.end()
	for _, d := range b.dirs {
		errs = append(errs, d.Close(true, kafka.BrokerEpoch(b.epoch.Load())))
	}
	return errors.Join(errs...)
}

// closeScrapes makes metrics tell of the process alone; none that reads more is under way when it returns.
func (b *Broker) closeScrapes() {
	b.scrape.Lock()
	b.state.setOpen(false)
	b.scrape.Unlock()
}

// abandon closes what a failed Start has opened. The directories get no marker: nothing was served,
// but nothing was proved either.
func (b *Broker) abandon() {
	b.closeScrapes()
	if b.network != nil {
		_ = b.network.Close()
	}
	if b.groups != nil {
		b.groups.Stop()
	}
	if b.clock != nil {
		b.clock.Stop()
	}
	if b.runner != nil {
		_ = b.runner.Stop()
	}
	if b.openers != nil {
		b.upkeep.end()
		b.openers.end()
	}
	for _, d := range b.dirs {
		_ = d.Close(false, kafka.NoBrokerEpoch)
	}
}

// hostname is what a listener on every interface is advertised as, like Kafka does.
func hostname() string {
	if h, err := os.Hostname(); err == nil {
		return h
	}
	return "localhost"
}

func random16() (r [16]byte) {
	_, _ = crand.Read(r[:]) // never fails (Go 1.24)
	return r
}

func randomUUID() kafka.UUID { return kafka.MakeUUID(random16()) }
