package kafkatool

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func clusterParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Positional: true, Commands: clusterCommands, Options: []option.Option{
		{Name: "bootstrap-server", Short: "b", Arg: "HOST:PORT,...", Help: "The brokers to connect to first."},
		{Name: "bootstrap-controller", Short: "C", Arg: "HOST:PORT,...", Help: "Controllers to connect to; a node here is both, so --bootstrap-server does the same."},
		{Name: "command-config", Short: "c", Arg: "file", Help: "A properties file for the client."},
		{Name: "config", Arg: "file", Instead: "command-config"},
		{Name: "id", Short: "i", Arg: "id", Type: option.Int, Help: "unregister: the broker."},
		{Name: "include-fenced-brokers", Help: "list-endpoints: also brokers that are registered but not alive."},
	}}
}

var clusterCommands = []string{"cluster-id", "unregister", "list-endpoints", "api-versions"}

func runCluster(c *call) error {
	if err := c.oneCommand(); err != nil {
		return err
	}
	if c.Has("bootstrap-server") == c.Has("bootstrap-controller") {
		return misused("one of the arguments --bootstrap-server/-b --bootstrap-controller/-C is required")
	}
	cl, err := c.connectAny()
	if err != nil {
		return err
	}
	defer cl.Close()
	switch c.Words[0] {
	case "cluster-id":
		return c.clusterID(cl)
	case "unregister":
		return c.unregister(cl)
	case "list-endpoints":
		return c.listEndpoints(cl)
	}
	return c.printAPIVersions(cl)
}

// oneCommand refuses a command line that has not exactly one of the tool's commands.
func (c *call) oneCommand() error {
	known := c.tool.parser().Commands
	switch {
	case len(c.Words) == 0:
		return misused("too few arguments")
	case !listed(known, c.Words[0]):
		return misused("invalid choice: '%s' (choose from '%s')", c.Words[0], strings.Join(known, "', '"))
	case len(c.Words) > 1:
		return misused("unrecognized arguments: '%s'", c.Words[1])
	}
	return nil
}

// connectAny takes either kind of bootstrap address, and either name of the file.
func (c *call) connectAny() (*cluster, error) {
	from := admin
	if c.Knows("config") {
		from.files = []string{"config", "command-config"}
	}
	props, err := c.properties(from)
	if err != nil {
		return nil, err
	}
	if props["client.id"] == "" {
		props["client.id"] = c.tool.Name
	}
	props["bootstrap.servers"] = c.Value("bootstrap-server") + c.Value("bootstrap-controller")
	cl, err := c.dial(kclient.Admin, props)
	if err != nil {
		return nil, err
	}
	return newCluster(c.ctx, cl)
}

func (c *call) clusterID(cl *cluster) error {
	resp, err := cl.metadata(c.ctx, []string{})
	if err != nil {
		return err
	}
	if resp.ClusterID == nil {
		c.printf("No cluster ID found. The Kafka version is probably too old.\n")
		return nil
	}
	c.printf("Cluster ID: %s\n", *resp.ClusterID)
	return nil
}

func (c *call) unregister(cl *cluster) error {
	if err := c.Missing("id"); err != nil {
		return misused("argument --id/-i is required")
	}
	req := kmsg.NewPtrUnregisterBrokerRequest()
	if !cl.serves[req.Key()] {
		c.printf("The target cluster does not support the broker unregistration API.\n")
		return nil
	}
	req.BrokerID = int32(c.Number("id"))
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err == nil {
		c.printf("Broker %d is no longer registered.\n", req.BrokerID)
	}
	return err
}

// endpoint is where a broker can be reached.
type endpoint struct {
	id     int32
	host   string
	port   int32
	rack   *string
	fenced bool
	kind   string
}

// String is how the tools print a broker.
func (e endpoint) String() string {
	return fmt.Sprintf("%s:%d (id: %d rack: %s isFenced: %t)", e.host, e.port, e.id, orNull(e.rack), e.fenced)
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// endpoints lists the brokers by id; with those that are fenced if asked for.
func (c *cluster) endpoints(run *call, fenced bool) (list []endpoint, err error) {
	if c.serves[keyDescribeCluster] {
		list, err = c.describeCluster(run, fenced)
	} else {
		list, err = c.brokersOfMetadata(run, fenced)
	}
	slices.SortFunc(list, func(a, b endpoint) int { return int(a.id - b.id) })
	return list, err
}

func (c *cluster) describeCluster(run *call, fenced bool) (list []endpoint, err error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeFencedBrokers = fenced
	req.EndpointType = 1
	if run.tool.Name == "kafka-cluster" && run.Has("bootstrap-controller") {
		req.EndpointType = 2
	}
	resp, err := req.RequestWith(run.ctx, c.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return nil, err
	}
	kind := map[int8]string{1: "broker", 2: "controller"}[resp.EndpointType]
	for _, b := range resp.Brokers {
		list = append(list, endpoint{id: b.NodeID, host: b.Host, port: b.Port, rack: b.Rack, fenced: b.IsFenced, kind: kind})
	}
	return list, nil
}

func (c *cluster) brokersOfMetadata(run *call, fenced bool) (list []endpoint, err error) {
	if fenced {
		return nil, errors.New("The option --include-fenced-brokers is not supported by the cluster")
	}
	resp, err := c.metadata(run.ctx, []string{})
	if err != nil {
		return nil, err
	}
	for _, b := range resp.Brokers {
		list = append(list, endpoint{id: b.NodeID, host: b.Host, port: b.Port, rack: b.Rack, kind: "broker"})
	}
	return list, nil
}

func (c *call) listEndpoints(cl *cluster) error {
	list, err := cl.endpoints(c, c.Has("include-fenced-brokers"))
	if err != nil {
		return err
	}
	hosts, racks := 4, 4
	for _, e := range list {
		hosts, racks = max(hosts, len(e.host)), max(racks, len(orNull(e.rack)))
	}
	// Every column ends in a blank, the last one too.
	row := func(id, host, port, rack, state, kind string) {
		c.printf("%-10s %-*s %-10s %-*s %-10s %-15s\n", id, max(9, hosts), host, port, max(10, racks), rack, state, kind)
	}
	row("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")
	for _, e := range list {
		state := "unfenced"
		if e.fenced {
			state = "fenced"
		}
		if e.kind == "controller" {
			state = "unknown"
		}
		row(strconv.Itoa(int(e.id)), e.host, strconv.Itoa(int(e.port)), orNull(e.rack), state, e.kind)
	}
	return nil
}
