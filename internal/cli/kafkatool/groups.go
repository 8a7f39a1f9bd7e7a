package kafkatool

import (
	"errors"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
)

func groupsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "list", Help: "List the groups."},
		{Name: "group-type", Arg: "type", Help: "Only groups of a type: classic, consumer, share or streams."},
		{Name: "protocol", Arg: "protocol", Help: "Only groups of a protocol type."},
		{Name: "consumer", Help: "Only groups of consumers, of type consumer or classic, and offsets committed without a group."},
		{Name: "share", Help: "Only share groups."},
		{Name: "streams", Help: "Only streams groups."},
	}}
}

func runGroups(c *call) error {
	if err := c.Missing("bootstrap-server"); err != nil {
		return misused("Missing required option(s) [bootstrap-server]")
	}
	if !c.Has("list") {
		return misused("Command must include exactly one action: --list.")
	}
	if c.Has("group-type") && groupType(c.Value("group-type")) == groupUnknown {
		return errors.New("--group-type must be a valid group type.")
	}
	for _, one := range []string{"consumer", "share", "streams"} {
		for _, other := range []string{"consumer", "group-type", "protocol", "share", "streams"} {
			if err := c.apart(one, other); one != other && err != nil {
				return err
			}
		}
	}
	err := c.listAllGroups()
	var m misuse
	if err == nil || errors.As(err, &m) || c.ctx.Err() != nil {
		return err
	}
	c.printf("Error while executing groups command : %s\n", kclient.Message(err))
	return errTold
}

func (c *call) listAllGroups() error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	all, err := cl.listGroups(c.ctx, nil, nil)
	if err != nil {
		return err
	}
	width := 20
	var groups []groupListing
	for _, g := range all {
		if c.wantsGroup(g) {
			groups = append(groups, g)
			width = max(width, len(g.id), len(g.protocolType))
		}
	}
	c.printf("%-*s %-*s %-*s\n", width, "GROUP", width, "TYPE", width, "PROTOCOL")
	for _, g := range groups {
		kind := g.kind
		if kind == groupUnknown {
			kind = ""
		}
		c.printf("%-*s %-*s %-*s \n", width, g.id, width, kind, width, g.protocolType)
	}
	return nil
}

func (c *call) wantsGroup(g groupListing) bool {
	protocol := !c.Has("protocol") || g.protocolType == c.Value("protocol")
	switch {
	case c.Has("group-type"):
		return g.kind == groupType(c.Value("group-type")) && protocol
	case c.Has("consumer"):
		return g.kind == groupConsumer || g.protocolType == "consumer" || g.protocolType == ""
	case c.Has("share"):
		return g.kind == groupShare
	case c.Has("streams"):
		return g.kind == groupStreams
	}
	return protocol
}
