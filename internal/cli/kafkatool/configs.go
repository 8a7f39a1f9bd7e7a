package kafkatool

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
)

// The types of entities that have configs, as kafka-configs spells them.
const (
	ofTopics        = "topics"
	ofClients       = "clients"
	ofUsers         = "users"
	ofBrokers       = "brokers"
	ofLoggers       = "broker-loggers"
	ofIPs           = "ips"
	ofClientMetrics = "client-metrics"
	ofGroups        = "groups"
)

// entityTypes in the order in which the tool lists them.
var entityTypes = []string{ofLoggers, ofTopics, ofClients, ofUsers, ofBrokers, ofIPs, ofClientMetrics, ofGroups}

// entityFlags name an entity, entityDefaults the default of a type; both in the order in which the
// tool looks at them, whatever the order on the command line.
var (
	entityFlags = []option.Given{{Name: "topic", Value: ofTopics}, {Name: "client", Value: ofClients}, {Name: "user", Value: ofUsers},
		{Name: "broker", Value: ofBrokers}, {Name: "broker-logger", Value: ofLoggers}, {Name: "ip", Value: ofIPs},
		{Name: "client-metrics", Value: ofClientMetrics}, {Name: "group", Value: ofGroups}}
	entityDefaults = []option.Given{{Name: "client-defaults", Value: ofClients}, {Name: "user-defaults", Value: ofUsers},
		{Name: "broker-defaults", Value: ofBrokers}, {Name: "ip-defaults", Value: ofIPs}}
)

func configsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "bootstrap-controller", Arg: "HOST:PORT,...", Help: "Controllers to connect to; a node here is both, so --bootstrap-server does the same."},
		{Name: "alter", Help: "Change the configs of an entity."},
		{Name: "describe", Help: "List the configs of entities."},
		{Name: "all", Help: "With --describe: all configs, not only those that were set."},
		{Name: "entity-type", Arg: "type", Repeated: true, Help: "topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups. users and clients may be given together."},
		{Name: "entity-name", Arg: "name", Repeated: true, Help: "The entity of that type: a topic, a client id, a user, a broker's id, an address, a name or a group."},
		{Name: "entity-default", Help: "Or the default of all clients, users, brokers or ips."},
		{Name: "add-config", Arg: "k=v,...", Help: "What to set: k1=v1,k2=[v1,v2],k3=v3; values that contain commas stand between brackets."},
		{Name: "add-config-file", Arg: "file", Help: "A properties file with what to set."},
		{Name: "delete-config", Arg: "k,...", Repeated: true, Help: "What to take back to its default."},
		{Name: "topic", Arg: "topic", Help: "The topic; short for --entity-type topics --entity-name."},
		{Name: "client", Arg: "id", Help: "The client."},
		{Name: "client-defaults", Help: "The default of all clients."},
		{Name: "user", Arg: "user", Help: "The user."},
		{Name: "user-defaults", Help: "The default of all users."},
		{Name: "broker", Arg: "id", Help: "The broker."},
		{Name: "broker-defaults", Help: "The default of all brokers."},
		{Name: "broker-logger", Arg: "id", Help: "The broker whose loggers are meant."},
		{Name: "ip", Arg: "address", Help: "The address."},
		{Name: "ip-defaults", Help: "The default of all addresses."},
		{Name: "client-metrics", Arg: "name", Help: "The subscription of client metrics."},
		{Name: "group", Arg: "group", Help: "The group."},
	}}
}

// configsCall is one run of kafka-configs.
type configsCall struct {
	*call
	types []string // of the entities, the first one decides
	names []string // of the entities; "" is the default of a type
}

func runConfigs(c *call) error {
	r := &configsCall{call: c}
	r.entities()
	if err := r.check(); err != nil {
		return err
	}
	err := r.run()
	var m misuse
	var told refusal
	switch {
	case err == nil || errors.As(err, &m) || c.ctx.Err() != nil:
		return err
	case !errors.As(err, &told): // refused by the cluster
		c.out.Flush()
		c.warnf("Error while executing config command with args '%s'", strings.Join(c.args, " "))
	}
	c.warnf("%s", kclient.Message(err))
	return errTold
}

// refusal is what the tool itself finds wrong, and tells in one line without a list of options.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

func refused(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...)} }

// entities collects which entities are meant, in the tool's order.
func (r *configsCall) entities() {
	r.types = append(r.types, r.Values("entity-type")...)
	for _, g := range r.Given {
		if g.Name == "entity-name" || g.Name == "entity-default" {
			r.names = append(r.names, g.Value)
		}
	}
	for _, f := range entityFlags {
		if r.Has(f.Name) {
			r.types, r.names = append(r.types, f.Value), append(r.names, r.Value(f.Name))
		}
	}
	for _, f := range entityDefaults {
		if r.Has(f.Name) {
			r.types, r.names = append(r.types, f.Value), append(r.names, "")
		}
	}
}

func (r *configsCall) run() error {
	switch {
	case r.Has("bootstrap-server") && r.Has("bootstrap-controller"):
		return refused("Only one of --bootstrap-server or --bootstrap-controller can be specified")
	case r.Has("alter") && len(r.types) != len(r.names):
		return refused("An entity name must be specified for every entity type")
	}
	add, remove, err := r.changes()
	if err != nil {
		return err
	}
	cl, err := r.connectAny()
	if err != nil {
		return err
	}
	defer cl.Close()
	if r.Has("alter") {
		return r.alter(cl, add, remove)
	}
	return r.describe(cl)
}

// check refuses what Kafka's tool refuses, in its order and words.
func (r *configsCall) check() error {
	if r.Has("alter") == r.Has("describe") {
		return misused("Command must include exactly one action: --describe, --alter")
	}
	for _, name := range []string{"alter", "add-config", "delete-config"} {
		if err := r.apart("describe", name); err != nil {
			return err
		}
	}
	err := r.checkTypes()
	if err == nil {
		err = r.checkNames()
	}
	if err == nil && r.Has("describe") {
		err = r.checkDescribe()
	}
	if err == nil && r.Has("alter") {
		err = r.checkAlter()
	}
	if err != nil {
		r.warnf("%s", err)
		return errTold
	}
	return nil
}

func (r *configsCall) checkTypes() error {
	if duplicates := repeated(r.types); len(duplicates) > 0 {
		return refused("Duplicate entity type(s) specified: %s", strings.Join(duplicates, ","))
	}
	if !r.Has("bootstrap-server") && !r.Has("bootstrap-controller") {
		return refused("Either --bootstrap-server or --bootstrap-controller must be specified.")
	}
	for _, t := range r.types {
		if !slices.Contains(entityTypes, t) {
			return refused("Invalid entity type %s, the entity type must be one of %s with a --bootstrap-server or --bootstrap-controller argument",
				t, strings.Join(entityTypes, ", "))
		}
	}
	switch {
	case len(r.types) == 0:
		return refused("At least one entity type must be specified")
	case len(r.types) > 1 && !(len(r.types) == 2 && r.of(ofUsers) && r.of(ofClients)):
		return refused("Only 'users' and 'clients' entity types may be specified together")
	}
	if r.Has("entity-type") || r.Has("entity-name") || r.Has("entity-default") {
		for _, f := range slices.Concat(entityFlags, entityDefaults) {
			if r.Has(f.Name) {
				return refused("--entity-{type,name,default} should not be used in conjunction with specific entity flags")
			}
		}
	}
	return nil
}

// repeated are the words that stand in a list for a second time.
func repeated(words []string) (again []string) {
	for i, w := range words {
		if slices.Contains(words[:i], w) {
			again = append(again, w)
		}
	}
	return again
}

func (r *configsCall) of(kind string) bool { return slices.Contains(r.types, kind) }

func (r *configsCall) named() bool {
	return slices.ContainsFunc(r.names, func(n string) bool { return n != "" })
}

func (r *configsCall) checkNames() error {
	for _, name := range r.names {
		if name == "" {
			continue
		}
		if r.of(ofBrokers) || r.of(ofLoggers) {
			if _, err := strconv.ParseInt(name, 10, 32); err != nil {
				return refused("The entity name for %s must be a valid integer broker id, but it is: %s", r.types[0], name)
			}
		}
		if r.of(ofIPs) && net.ParseIP(name) == nil {
			if _, err := net.DefaultResolver.LookupHost(r.ctx, name); err != nil {
				return refused("The entity name for %s must be a valid IP or resolvable host, but it is: %s", r.types[0], name)
			}
		}
	}
	return nil
}

func (r *configsCall) checkDescribe() error {
	switch {
	case r.Has("entity-default") && !r.of(ofUsers) && !r.of(ofClients) && !r.of(ofBrokers) && !r.of(ofIPs):
		return refused("--entity-default must not be specified with --describe of %s", strings.Join(r.types, ","))
	case r.of(ofLoggers) && !r.named():
		return refused("An entity name must be specified with --describe of %s", strings.Join(r.types, ","))
	}
	return nil
}

func (r *configsCall) checkAlter() error {
	switch {
	case r.of(ofUsers) || r.of(ofClients) || r.of(ofBrokers) || r.of(ofIPs):
		if len(r.names) == 0 {
			return refused("An entity-name or default entity must be specified with --alter of users, clients, brokers or ips")
		}
	case !r.named():
		return refused("An entity name must be specified with --alter of %s", strings.Join(r.types, ","))
	}
	switch {
	case r.Has("add-config") && r.Has("add-config-file"):
		return refused("Only one of --add-config or --add-config-file must be specified")
	case !r.Has("add-config") && !r.Has("add-config-file") && !r.Has("delete-config"):
		return refused("At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter")
	}
	return nil
}

// unparsedConfigs: one line, without the options.
func unparsedConfigs(c *call, e option.Error) error { return e }
