package kafkatool

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// configResources are the types of entities whose configs DescribeConfigs tells, with the source of those that were set.
// A logger has no such source: all are listed.
var configResources = map[string]struct {
	kind   kmsg.ConfigResourceType
	source kmsg.ConfigSource
}{
	ofTopics:        {kmsg.ConfigResourceTypeTopic, kmsg.ConfigSourceDynamicTopicConfig},
	ofBrokers:       {kmsg.ConfigResourceTypeBroker, kmsg.ConfigSourceDynamicBrokerConfig},
	ofLoggers:       {kmsg.ConfigResourceTypeBrokerLogger, 0},
	ofClientMetrics: {kmsg.ConfigResourceTypeClientMetrics, 7},
	ofGroups:        {kmsg.ConfigResourceTypeGroupConfig, 8},
}

// singular is an entity type as the tool prints it.
func singular(kind string) string {
	if kind == ofClientMetrics {
		return "client-metric"
	}
	return kind[:len(kind)-1]
}

func (r *configsCall) describe(cl *cluster) error {
	switch r.types[0] {
	case ofUsers, ofClients:
		if err := r.describeQuotas(cl); err != nil {
			return err
		}
		return r.describeScram(cl)
	case ofIPs:
		return r.describeQuotas(cl)
	}
	names := r.names
	if len(names) == 0 {
		all, err := r.existing(cl)
		if err != nil {
			return err
		}
		names = all
	} else if there, err := r.exists(cl, names[0]); err != nil || !there {
		if err == nil {
			r.printf("The %s '%s' doesn't exist and doesn't have dynamic config.\n", singular(r.types[0]), names[0])
		}
		return err
	}
	for _, name := range names {
		if err := r.describeResource(cl, name); err != nil {
			return err
		}
	}
	return nil
}

// exists reports whether there is such an entity. Loggers and defaults always are.
func (r *configsCall) exists(cl *cluster, name string) (bool, error) {
	if r.types[0] == ofLoggers || name == "" {
		return true, nil
	}
	if r.types[0] == ofTopics {
		if err := validTopic(name); err != nil {
			return false, err
		}
	}
	all, err := r.existing(cl)
	return slices.Contains(all, name), err
}

// existing lists the entities of a type, sorted; the default of brokers last.
func (r *configsCall) existing(cl *cluster) (names []string, err error) {
	switch r.types[0] {
	case ofTopics:
		return cl.topicNames(r.ctx, "", false)
	case ofBrokers, ofLoggers:
		list, err := cl.endpoints(r.call, false)
		for _, e := range list {
			names = append(names, strconv.Itoa(int(e.id)))
		}
		return append(names, ""), err
	case ofGroups:
		if names, err = cl.groupsOfAnyKind(r.ctx); err != nil {
			return nil, err
		}
	}
	more, err := cl.configResourceNames(r.ctx, configResources[r.types[0]].kind)
	names = append(names, more...)
	slices.Sort(names)
	return slices.Compact(names), err
}

func (r *configsCall) describeResource(cl *cluster, name string) error {
	switch {
	case name == "":
		r.printf("Default configs for %s in the cluster are:\n", r.types[0])
	case r.Has("all"):
		r.printf("All configs for %s %s are:\n", singular(r.types[0]), name)
	default:
		r.printf("Dynamic configs for %s %s are:\n", singular(r.types[0]), name)
	}
	of := configResources[r.types[0]]
	configs, err := cl.describeConfigs(r.ctx, of.kind, name)
	if err != nil {
		return err
	}
	if r.types[0] == ofBrokers && name == "" {
		of.source = kmsg.ConfigSourceDynamicDefaultBrokerConfig
	}
	for _, e := range configs {
		if of.source == 0 || r.Has("all") || e.Source == of.source {
			r.printf("  %s=%s sensitive=%t synonyms={%s}\n", e.Name, orNull(e.Value), e.IsSensitive, synonyms(e))
		}
	}
	return nil
}

// configSources are the names of where a config comes from.
var configSources = map[kmsg.ConfigSource]string{
	1: "DYNAMIC_TOPIC_CONFIG", 2: "DYNAMIC_BROKER_CONFIG", 3: "DYNAMIC_DEFAULT_BROKER_CONFIG", 4: "STATIC_BROKER_CONFIG",
	5: "DEFAULT_CONFIG", 6: "DYNAMIC_BROKER_LOGGER_CONFIG", 7: "DYNAMIC_CLIENT_METRICS_CONFIG", 8: "DYNAMIC_GROUP_CONFIG",
}

func configSource(s kmsg.ConfigSource) string {
	if name, ok := configSources[s]; ok {
		return name
	}
	return "UNKNOWN"
}

func synonyms(e kmsg.DescribeConfigsResponseResourceConfig) string {
	list := make([]string, len(e.ConfigSynonyms))
	for i, s := range e.ConfigSynonyms {
		list[i] = fmt.Sprintf("%s:%s=%s", configSource(s.Source), s.Name, orNull(s.Value))
	}
	return strings.Join(list, ", ")
}

// validTopic is the error of a name that no topic can have.
func validTopic(name string) error {
	reason := ""
	switch {
	case name == "." || name == "..":
		reason = "'.' or '..'"
		return refused("Topic name is invalid: %s is not allowed", reason)
	case len(name) > 249:
		return refused("Topic name is invalid: the length of '%s' is longer than the max allowed length 249", name)
	case strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
	}):
		return refused("Topic name is invalid: '%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
	}
	return nil
}

// describeScram tells which SCRAM credentials users have; not when clients or defaults are meant.
func (r *configsCall) describeScram(cl *cluster) error {
	if r.of(ofClients) || slices.Contains(r.names, "") {
		return nil
	}
	req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	for _, name := range r.names {
		u := kmsg.NewDescribeUserSCRAMCredentialsRequestUser()
		u.Name = name
		req.Users = append(req.Users, u)
	}
	resp, err := req.RequestWith(r.ctx, cl.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return err
	}
	for _, u := range resp.Results {
		if u.ErrorCode != 0 { // RESOURCE_NOT_FOUND: it has none
			continue
		}
		var list []string
		for _, c := range u.CredentialInfos {
			list = append(list, fmt.Sprintf("%s=iterations=%d", scramNames[c.Mechanism], c.Iterations))
		}
		r.printf("SCRAM credential configs for user-principal '%s' are %s\n", u.User, strings.Join(list, ", "))
	}
	return nil
}
