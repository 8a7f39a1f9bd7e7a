package command

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/cli/profile"
	"github.com/thalweg-io/thalweg/internal/kclient"
)

func profileCommand(e Env) *cobra.Command {
	cmd := family(&cobra.Command{
		Use:   "profile",
		Short: "remember clusters by name",
		Long: "Remembers clusters by name: where they are, and how to log in. The file is thalweg/profiles.json in the user's\n" +
			"directory of configurations, which only the user may read; secrets are in it as they are, and are never shown.",
	}, profileLs(e), profileAdd(e), profileUse(e), profileShow(e), profileRm(e))
	outputFlag(cmd)
	return cmd
}

func profileLs(e Env) *cobra.Command {
	return &cobra.Command{Use: "ls", Aliases: []string{"list"}, Short: "list profiles", Args: exactly(0, "nothing"),
		RunE: e.run(func(c *call, _ []string) error {
			file, err := c.profiles()
			if err != nil {
				return err
			}
			t := output.New("name", "bootstrap_servers", "security", "in_use")
			for _, name := range file.Names() {
				p, err := file.Get(name)
				if err != nil {
					return err
				}
				t.Add(name, p["bootstrap.servers"], security(p), name == file.Current())
			}
			return t.Write(c.Out, c.format)
		})}
}

func security(p map[string]string) string {
	if s := p["security.protocol"]; s != "" {
		return s
	}
	return "PLAINTEXT"
}

func profileAdd(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "remember a cluster",
		Example: "thalweg profile add prod -b broker1:9092,broker2:9092 --command-config client.properties --use",
		Args:    exactly(1, "a name"),
		RunE:    e.run(runProfileAdd),
	}
	e.clusterFlags(cmd)
	cmd.PersistentFlags().Lookup("profile").Hidden = true
	cmd.Flags().Bool("replace", false, "overwrite a profile of that name")
	cmd.Flags().Bool("use", false, "use it from now on")
	return cmd
}

func runProfileAdd(c *call, args []string) error {
	props, err := c.givenProperties()
	if err != nil {
		return err
	}
	if props["bootstrap.servers"] == "" {
		return Misuse("a profile needs a cluster: -b HOST:PORT")
	}
	_, unused, err := kclient.Options(kclient.Admin, props)
	if err != nil {
		return err
	}
	unused = slices.DeleteFunc(unused, usedByOthers)
	file, err := c.profiles()
	if err != nil {
		return err
	}
	if err := file.Put(args[0], props, c.flag("replace")); err != nil {
		return err
	}
	detail := props["bootstrap.servers"]
	if c.flag("use") {
		if err := file.Use(args[0]); err != nil {
			return err
		}
		detail += ", in use"
	}
	if err := file.Save(); err != nil {
		return failed(err, "write the profiles")
	}
	if len(unused) > 0 {
		fmt.Fprintf(c.Err, "thalweg: these client properties have no effect: %v\n", unused)
	}
	return changes{{"profile", args[0], "saved", detail}}.write(c)
}

// usedByOthers reports whether a key means something to producers or consumers.
func usedByOthers(key string) bool {
	for _, role := range []kclient.Role{kclient.Producer, kclient.Consumer} {
		_, unused, err := kclient.Options(role, map[string]string{"bootstrap.servers": "a:1", key: ""})
		if err != nil || !slices.Contains(unused, key) {
			return true
		}
	}
	return false
}

func profileUse(e Env) *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "use a profile from now on", Args: exactly(1, "a name (\"\" for none)"), ValidArgsFunction: first(e.completeProfiles),
		RunE: e.run(func(c *call, args []string) error {
			return c.changeProfiles(args[0], "in use", func(f *profile.File) error { return f.Use(args[0]) })
		})}
}

func profileRm(e Env) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Aliases: []string{"delete"}, Short: "forget a profile", Args: exactly(1, "a name"), ValidArgsFunction: first(e.completeProfiles),
		RunE: e.run(func(c *call, args []string) error {
			return c.changeProfiles(args[0], "removed", func(f *profile.File) error { return f.Remove(args[0]) })
		})}
}

func (c *call) changeProfiles(name, done string, f func(*profile.File) error) error {
	file, err := c.profiles()
	if err == nil {
		err = f(file)
	}
	if err != nil {
		return err
	}
	if err := file.Save(); err != nil {
		return failed(err, "write the profiles")
	}
	return changes{{kind: "profile", name: name, done: done}}.write(c)
}

func profileShow(e Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "show a profile without its secrets", Args: exactly(1, "a name"), ValidArgsFunction: first(e.completeProfiles),
		RunE: e.run(func(c *call, args []string) error {
			file, err := c.profiles()
			if err != nil {
				return err
			}
			p, err := file.Get(args[0])
			if err != nil {
				return err
			}
			t := output.New("key", "value")
			for _, key := range slices.Sorted(maps.Keys(p)) {
				t.Add(key, profile.Shown(key, p[key]))
			}
			return t.Write(c.Out, c.format)
		})}
}
