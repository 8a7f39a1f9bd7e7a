package admin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterConfigs: key 33, versions 0 to 2. Replaces all configs of a resource. Differs from Kafka like
// IncrementalAlterConfigs.
//
//	0   (KIP-133)
//	1   throttle first
//	2   flexible
func (h *Handlers) AlterConfigs(r *network.Request) network.Disposition {
	req := kmsg.NewPtrAlterConfigsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrAlterConfigsResponse()
	resources := make([]alteration, len(req.Resources))
	for i := range req.Resources {
		w := &req.Resources[i]
		a := alteration{kind: w.ResourceType, name: w.ResourceName}
		for _, c := range w.Configs {
			a.add(c.Name, c.Value == nil)
		}
		resources[i] = a
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = w.ResourceType, w.ResourceName
		resp.Resources = append(resp.Resources, out)
	}
	h.refuseAlterations(r, resources)
	if req.Resources = passed(req.Resources, resources); len(req.Resources) > 0 {
		decided, code, text := h.decide(r, req, decideWaitMs)
		settle(resources, code, text, func(i int) (int16, *string) {
			x := &decided.(*kmsg.AlterConfigsResponse).Resources[i]
			return x.ErrorCode, x.ErrorMessage
		})
	}
	for i := range resources {
		resp.Resources[i].ErrorCode, resp.Resources[i].ErrorMessage = resources[i].outcome()
	}
	return message.Answer(r, resp)
}

// IncrementalAlterConfigs: key 44, versions 0 and 1. Differs from Kafka: of a broker's configs those that
// Kafka lets change for one broker only are refused, and so are loggers.
//
//	0   (KIP-339)
//	1   flexible
func (h *Handlers) IncrementalAlterConfigs(r *network.Request) network.Disposition {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	resources := make([]alteration, len(req.Resources))
	for i := range req.Resources {
		w := &req.Resources[i]
		a := alteration{kind: w.ResourceType, name: w.ResourceName}
		for _, c := range w.Configs {
			a.add(c.Name, c.Value == nil && c.Op != kmsg.IncrementalAlterConfigOpDelete)
		}
		resources[i] = a
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = w.ResourceType, w.ResourceName
		resp.Resources = append(resp.Resources, out)
	}
	h.refuseAlterations(r, resources)
	if req.Resources = passed(req.Resources, resources); len(req.Resources) > 0 {
		decided, code, text := h.decide(r, req, decideWaitMs)
		settle(resources, code, text, func(i int) (int16, *string) {
			x := &decided.(*kmsg.IncrementalAlterConfigsResponse).Resources[i]
			return x.ErrorCode, x.ErrorMessage
		})
	}
	for i := range resources {
		resp.Resources[i].ErrorCode, resp.Resources[i].ErrorMessage = resources[i].outcome()
	}
	return message.Answer(r, resp)
}

// passed keeps, in place, those of a request's resources that this broker does not refuse.
func passed[T any](all []T, resources []alteration) []T {
	kept := all[:0]
	for i := range resources {
		if resources[i].code == nil {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// alteration is one resource of a request on its way.
type alteration struct {
	kind  kmsg.ConfigResourceType
	name  string
	names []string // of the configs
	nulls []string // of those without a value that need one

	code *kerr.Error // why this broker refuses it; nil: the controller decides
	text string

	decidedCode int16
	decidedText *string
}

func (a *alteration) add(name string, null bool) {
	a.names = append(a.names, name)
	if null {
		a.nulls = append(a.nulls, name)
	}
}

func (a *alteration) refuse(code *kerr.Error, text string) { a.code, a.text = code, text }

func (a *alteration) outcome() (int16, *string) {
	if a.code != nil {
		return a.code.Code, &a.text
	}
	return a.decidedCode, a.decidedText
}

// settle gives the resources that were passed on their outcome: the i-th decided, or code and text for
// all of them.
func settle(resources []alteration, code *kerr.Error, text string, decided func(i int) (int16, *string)) {
	next := 0
	for i := range resources {
		a := &resources[i]
		switch {
		case a.code != nil:
		case code != nil:
			a.refuse(code, text)
		default:
			a.decidedCode, a.decidedText = decided(next)
			next++
		}
	}
}

// refuseAlterations marks what does not get as far as the controller.
func (h *Handlers) refuseAlterations(r *network.Request, resources []alteration) {
	type key struct {
		kind kmsg.ConfigResourceType
		name string
	}
	times := make(map[key]int, len(resources))
	for i := range resources {
		times[key{resources[i].kind, resources[i].name}]++
	}
	for i := range resources {
		a := &resources[i]
		if times[key{a.kind, a.name}] > 1 {
			a.refuse(kerr.InvalidRequest, "Each resource must appear at most once.")
			continue
		}
		h.refuseAlteration(r, a)
	}
}

func (h *Handlers) refuseAlteration(r *network.Request, a *alteration) {
	code, text := h.mayConfigure(r, security.OpAlterConfigs, a.kind, a.name)
	switch {
	case a.kind == kmsg.ConfigResourceTypeBrokerLogger:
		a.refuse(kerr.InvalidRequest, noLoggers)
	case code == kerr.InvalidRequest:
		a.refuse(code, fmt.Sprintf("Unknown resource type %d", a.kind))
	case code != nil:
		a.refuse(code, text)
	case hasDuplicates(a.names):
		a.refuse(kerr.InvalidRequest, "Error due to duplicate config keys")
	case len(a.nulls) > 0:
		a.refuse(kerr.InvalidRequest, "Null value not supported for : "+strings.Join(a.nulls, ", "))
	case a.kind == kmsg.ConfigResourceTypeBroker && a.name != "":
		h.refuseOtherBroker(a)
	}
}

// noLoggers is why levels of loggers are neither told nor changed: there is one logger, whose level is an option of the process.
const noLoggers = "This broker has no loggers whose level could change while it runs."

// mayConfigure is nil if the client may describe or alter the configs of a resource, otherwise the code and the
// text for it: INVALID_REQUEST if no such resource has configs.
func (h *Handlers) mayConfigure(r *network.Request, op security.Operation, kind kmsg.ConfigResourceType, name string) (*kerr.Error, string) {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		if !h.allowed(r, op, security.ResourceTopic, name) {
			return kerr.TopicAuthorizationFailed, "Topic authorization failed."
		}
	case kmsg.ConfigResourceTypeGroupConfig:
		if !h.allowed(r, op, security.ResourceGroup, name) {
			return kerr.GroupAuthorizationFailed, "Group authorization failed."
		}
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics:
		if !h.allowed(r, op, security.ResourceCluster, security.ClusterName) {
			return kerr.ClusterAuthorizationFailed, "Cluster authorization failed."
		}
	default:
		return kerr.InvalidRequest, fmt.Sprintf("Unsupported resource type: %d", kind)
	}
	return nil, ""
}

// refuseOtherBroker: the configs of one broker are altered through that broker.
func (h *Handlers) refuseOtherBroker(a *alteration) {
	switch id, err := strconv.ParseInt(a.name, 10, 32); {
	case err != nil:
		a.refuse(kerr.InvalidRequest, "Node id must be an integer, but it is: "+a.name)
	case int32(id) != int32(h.Self):
		a.refuse(kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d, but received %s", h.Self, a.name))
	}
}

func hasDuplicates(names []string) bool {
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if seen[n] {
			return true
		}
		seen[n] = true
	}
	return false
}
