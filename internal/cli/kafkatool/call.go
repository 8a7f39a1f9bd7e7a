package kafkatool

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/cli/properties"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

// call is one run of a tool.
type call struct {
	ctx context.Context // ends the run early
	*option.Set
	tool     Tool
	args     []string // as given
	in       io.Reader
	out      *bufio.Writer // flushed at the end, and by tools that go on for long
	err      io.Writer
	terminal bool // a person types and reads
}

func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }
func (c *call) warnf(format string, args ...any)  { fmt.Fprintf(c.err, format+"\n", args...) }

// sources are the options that configure a tool's client: files, then pairs, the later the stronger.
type sources struct {
	files, pairs []string
}

// admin are the sources that all tools have.
var admin = sources{files: []string{"command-config"}}

// properties collects the client's configuration.
func (c *call) properties(from sources) (map[string]string, error) {
	props := map[string]string{}
	for _, name := range from.files {
		if path := c.Value(name); path != "" {
			file, err := properties.Read(path)
			if err != nil {
				return nil, fmt.Errorf("cannot read the file of --%s: %w", name, err)
			}
			maps.Copy(props, file)
		}
	}
	for _, name := range from.pairs {
		maps.Copy(props, option.Pairs(c.Values(name)))
	}
	return props, nil
}

// bootstrapPattern is what Kafka takes for a server.
var bootstrapPattern = regexp.MustCompile(`^(?:\[[0-9a-fA-F:.%]+\]|[^\s:,\[\]]+):[0-9]{1,5}$`)

// requireBootstrap reads --bootstrap-server; one that is missing or wrong is misuse.
func (c *call) requireBootstrap(props map[string]string) error {
	servers := c.Value("bootstrap-server")
	if strings.TrimSpace(servers) == "" {
		return misused("Missing required argument \"[bootstrap-server]\"")
	}
	for _, s := range strings.Split(servers, ",") {
		if !bootstrapPattern.MatchString(s) {
			return misused("Please provide valid host:port like host1:9091,host2:9092\n")
		}
	}
	props["bootstrap.servers"] = servers
	return nil
}

// dial makes the client and reaches the cluster.
func (c *call) dial(role kclient.Role, props map[string]string, more ...kgo.Opt) (*kgo.Client, error) {
	cl, unused, err := kclient.Reach(c.ctx, role, props, more...)
	if err == nil && len(unused) > 0 {
		c.warnf("These configurations have no effect: %s", strings.Join(unused, ", "))
	}
	return cl, err
}

// connect is dial for tools that administer.
func (c *call) connect() (*cluster, error) {
	props, err := c.properties(admin)
	if err != nil {
		return nil, err
	}
	return c.connectWith(props)
}

// connectWith is connect with properties that were read already.
func (c *call) connectWith(props map[string]string) (*cluster, error) {
	if err := c.requireBootstrap(props); err != nil {
		return nil, err
	}
	if props["client.id"] == "" {
		props["client.id"] = c.tool.Name
	}
	cl, err := c.dial(kclient.Admin, props)
	if err != nil {
		return nil, err
	}
	return newCluster(c.ctx, cl)
}

// isTerminal reports whether a person sits at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
