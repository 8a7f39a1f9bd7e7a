package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/cli/profile"
	"github.com/thalweg-io/thalweg/internal/cli/properties"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DefaultBootstrap is the cluster of somebody who names none: the one that "thalweg server" runs.
const DefaultBootstrap = "localhost:9092"

// ProfileVariable names the profile to use, if --profile does not.
const ProfileVariable = "THALWEG_PROFILE"

// patience is how long a command that asks or changes something may take.
const patience = 30 * time.Second

// clusterFlags are the flags of commands that talk to a cluster.
func (e Env) clusterFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringP("bootstrap-server", "b", "", "brokers to begin with, `HOST:PORT,...` (default "+DefaultBootstrap+", or the profile's)")
	f.String("profile", "", "the cluster to talk to, by the `NAME` that \"thalweg profile add\" gave it (default "+ProfileVariable+", or the one in use)")
	f.String("command-config", "", "a `FILE` of client properties (security.protocol, sasl.jaas.config, ...)")
	f.StringArrayP("command-property", "X", nil, "a client property, `KEY=VALUE`; stronger than the file")
	_ = cmd.RegisterFlagCompletionFunc("profile", e.completeProfiles)
}

// outputFlag is the flag of commands that show something.
func outputFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringP("output", "o", "", "`FORMAT`: table, plain or json (default: a table on a terminal, plain in a pipe)")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(output.Formats, cobra.ShellCompDirectiveNoFileComp))
}

// timeoutFlag is the flag of commands that do not go on for long.
func timeoutFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().Duration("timeout", patience, "how long it may take, as 500ms, 30s, 5m")
}

// profiles opens the user's profiles.
func (e Env) profiles() (*profile.File, error) {
	dir, err := e.ConfigDir()
	if err != nil {
		return nil, fmt.Errorf("there is no directory for profiles: %w", err)
	}
	return profile.Open(profile.Path(dir))
}

// properties collects the client's configuration: profile, file, single properties, address, the later the
// stronger.
func (c *call) properties() (map[string]string, error) {
	props := map[string]string{"bootstrap.servers": DefaultBootstrap, "client.id": "thalweg"}
	own, err := c.profileProperties()
	if err != nil {
		return nil, err
	}
	maps.Copy(props, own)
	given, err := c.givenProperties()
	if err != nil {
		return nil, err
	}
	maps.Copy(props, given)
	return props, nil
}

// profileProperties are those of the profile, if any is in use.
func (c *call) profileProperties() (map[string]string, error) {
	name := c.text("profile")
	if name == "" {
		name = c.Getenv(ProfileVariable)
	}
	file, err := c.profiles()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = file.Current()
	}
	if name == "" {
		return nil, nil
	}
	return file.Get(name)
}

// givenProperties are those that the command line gives.
func (c *call) givenProperties() (map[string]string, error) {
	props := map[string]string{}
	if path := c.text("command-config"); path != "" {
		file, err := properties.Read(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the file of --command-config: %w", err)
		}
		props = file
	}
	pairs, err := pairsOf("command-property", c.list("command-property"))
	if err != nil {
		return nil, err
	}
	maps.Copy(props, pairs)
	if servers := c.text("bootstrap-server"); servers != "" {
		props["bootstrap.servers"] = servers
	}
	return props, nil
}

// pairsOf reads the values of a flag that takes KEY=VALUE.
func pairsOf(flag string, values []string) (map[string]string, error) {
	props := map[string]string{}
	for _, v := range values {
		key, value, ok := strings.Cut(v, "=")
		if !ok || key == "" {
			return nil, Misuse("--%s is %q, it must be KEY=VALUE", flag, v)
		}
		props[key] = value
	}
	return props, nil
}

// connect reaches the cluster. The client is closed when the command ends.
func (c *call) connect(role kclient.Role, more ...kgo.Opt) (*kgo.Client, error) {
	props, err := c.properties()
	if err != nil {
		return nil, err
	}
	return c.connectTo(role, props, more...)
}

func (c *call) connectTo(role kclient.Role, props map[string]string, more ...kgo.Opt) (*kgo.Client, error) {
	cl, unused, err := kclient.Reach(c.ctx, role, props, more...)
	if err != nil {
		return nil, err
	}
	c.onEnd(cl.Close)
	if names := strings.Join(slices.DeleteFunc(unused, usedByOthers), ", "); names != "" && names != c.unused {
		c.unused = names
		fmt.Fprintf(c.Err, "thalweg: these client properties have no effect: %s\n", names)
	}
	return cl, nil
}

// admin reaches the cluster to ask or change something.
func (c *call) admin() (*kadm.Client, error) {
	cl, err := c.connect(kclient.Admin)
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(cl), nil
}
