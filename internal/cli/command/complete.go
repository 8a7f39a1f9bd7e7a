package command

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
)

// completionPatience bounds how long a shell waits for names.
const completionPatience = 1 * time.Second

// completer completes words.
type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// names asks the cluster that the flags so far name. If it cannot be reached there is nothing to complete,
// and no word about it in the middle of somebody's line.
func (e Env) names(ask func(ctx context.Context, adm *kadm.Client) ([]string, error)) completer {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
		defer cancel()
		e.Err = io.Discard
		c := &call{Env: e, ctx: ctx, cmd: cmd}
		defer func() { c.close() }()
		cl, err := c.connect(kclient.Admin)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, err := ask(ctx, kadm.NewClient(cl))
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		given := map[string]bool{}
		for _, a := range args {
			given[a] = true
		}
		var out []string
		for _, name := range all {
			if strings.HasPrefix(name, prefix) && !given[name] {
				out = append(out, name)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// topicNames completes the names of topics: as many as the command takes.
func (e Env) topicNames() completer {
	return e.names(func(ctx context.Context, adm *kadm.Client) ([]string, error) {
		all, err := adm.ListTopics(ctx)
		return all.Names(), err
	})
}

// first completes only the first word.
func first(f completer) completer {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, prefix)
	}
}

func (e Env) completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	file, err := e.profiles()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return file.Names(), cobra.ShellCompDirectiveNoFileComp
}

// topicKeys are the configs of topics that a shell offers: Kafka's, and ours.
var topicKeys = []string{"cleanup.policy", "compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
	"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms", "flush.policy", "follower.replication.throttled.replicas",
	"index.interval.bytes", "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
	"max.compaction.lag.ms", "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms", "message.timestamp.type",
	"min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas", "preallocate", "remote.log.copy.disable",
	"remote.log.delete.on.disable", "remote.storage.enable", "retention.bytes", "retention.ms", "segment.bytes", "segment.index.bytes",
	"segment.jitter.ms", "segment.ms", "unclean.leader.election.enable"}

func completeTopicKeys(_ *cobra.Command, _ []string, prefix string) (out []string, _ cobra.ShellCompDirective) {
	for _, k := range topicKeys {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
