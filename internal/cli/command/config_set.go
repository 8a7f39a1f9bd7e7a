package command

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errNoConfig: the resource has no config of that name.
var errNoConfig = errors.New("there is no such key")

func configSet(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "set KIND NAME [KEY=VALUE]...",
		Short:             "set configs, or take them away",
		Long:              "Sets configs and leaves all others as they are.\n" + resourceHelp,
		Example:           "thalweg config set topic orders retention.ms=86400000\nthalweg config set topic orders --unset retention.ms --dry-run\nthalweg config set broker default log.retention.ms=86400000",
		Args:              atLeast(2, "a kind, a name, and KEY=VALUE"),
		ValidArgsFunction: e.completeResource,
		RunE:              e.run(runConfigSet),
	}
	cmd.Flags().StringArray("unset", nil, "a `KEY` to take away, so that its default counts again")
	cmd.Flags().Bool("dry-run", false, "only ask whether it could be done")
	_ = cmd.RegisterFlagCompletionFunc("unset", completeTopicKeys)
	return cmd
}

func runConfigSet(c *call, args []string) error {
	r, err := parseResource(args[0], args[1])
	if err != nil {
		return err
	}
	alter, err := alterations(args[2:], c.list("unset"))
	if err != nil {
		return err
	}
	if len(alter) == 0 {
		return Misuse("nothing to change: give KEY=VALUE or --unset KEY")
	}
	cl, err := c.connect(kclient.Admin)
	if err != nil {
		return err
	}
	resp, err := r.send(c, cl, alterRequest(r, alter, c.flag("dry-run")))
	if err != nil {
		return failed(err, "change configs of %s", r)
	}
	for _, res := range resp.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if err := kclient.CodeMessage(res.ErrorCode, res.ErrorMessage); err != nil {
			return failed(err, "change configs of %s", r)
		}
	}
	return changes{{r.word, args[1], would(c.flag("dry-run"), "changed"), altered(0, alter)}}.write(c)
}

func alterRequest(r resource, alter []kadm.AlterConfig, dry bool) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = dry
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = r.kind, r.name
	for _, a := range alter {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		cfg.Name, cfg.Value, cfg.Op = a.Name, a.Value, kmsg.IncrementalAlterConfigOpSet
		if a.Op == kadm.DeleteConfig {
			cfg.Op = kmsg.IncrementalAlterConfigOpDelete
		}
		rr.Configs = append(rr.Configs, cfg)
	}
	req.Resources = append(req.Resources, rr)
	return req
}
