package api

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApiVersions: key 18, versions 0 to 5. Open before authentication (SURFACE 3).
//
//	1   throttle time
//	3   flexible; client software (KIP-511); features (KIP-584)
//	4   features whose minimum is 0 may be told (KAFKA-17011)
//	5   cluster and node id that the client believes to talk to (KIP-1242)
func (s *Server) apiVersions(r *network.Request) network.Disposition {
	req := kmsg.NewPtrApiVersionsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	switch {
	case r.Version >= 3 && !(softwareName(req.ClientSoftwareName) && softwareName(req.ClientSoftwareVersion)):
		resp.ErrorCode = kerr.InvalidRequest.Code // SURFACE 3: the connection stays
	case r.Version >= 5 && s.elsewhere(req):
		resp.ErrorCode = kerr.RebootstrapRequired.Code
	default:
		r.Session.ClientName, r.Session.ClientVersion = req.ClientSoftwareName, req.ClientSoftwareVersion
		s.table.advertise(resp)
		s.features(resp, r.Version, served)
	}
	return message.Answer(r, resp)
}

// softwareName is what a client may call itself and its version: letters, digits, and within them dashes and dots.
func softwareName(s string) bool {
	for i := range len(s) {
		c := s[i]
		inner := c == '-' || c == '.'
		if !inner && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') || inner && (i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}

// elsewhere reports whether the client meant another cluster or node (SURFACE 4).
func (s *Server) elsewhere(req *kmsg.ApiVersionsRequest) bool {
	if req.ClusterID == nil {
		return false
	}
	return *req.ClusterID != s.image().ClusterID() || req.NodeID != -1 && req.NodeID != int32(s.self)
}

func (t *table) advertise(resp *kmsg.ApiVersionsResponse) {
	resp.ApiKeys = slices.Grow(resp.ApiKeys, len(t))
	for i := range t {
		if e := &t[i]; e.serve != nil {
			resp.ApiKeys = append(resp.ApiKeys, e.versions())
		}
	}
}

func (e *Entry) versions() kmsg.ApiVersionsResponseApiKey {
	k := kmsg.NewApiVersionsResponseApiKey()
	k.ApiKey, k.MinVersion, k.MaxVersion = e.Key, e.advertisedMin(), e.Max
	return k
}

// served are the features whose APIs are in the table, with the levels supported.
var served = []kmsg.ApiVersionsResponseSupportedFeature{
	{Name: "group.version", MinVersion: 0, MaxVersion: 1},
	{Name: "metadata.version", MinVersion: 7, MaxVersion: 30},
}

// features tells the features that are served and their finalized levels. Features whose minimum is 0 are left
// out below version 4 (SURFACE 5).
func (s *Server) features(resp *kmsg.ApiVersionsResponse, version int16, served []kmsg.ApiVersionsResponseSupportedFeature) {
	image := s.image()
	for _, f := range served {
		if f.MinVersion == 0 && version < 4 {
			continue
		}
		resp.SupportedFeatures = append(resp.SupportedFeatures, f)
		if level := image.Feature(f.Name); level > 0 {
			fin := kmsg.NewApiVersionsResponseFinalizedFeature()
			fin.Name, fin.MinVersionLevel, fin.MaxVersionLevel = f.Name, level, level
			resp.FinalizedFeatures = append(resp.FinalizedFeatures, fin)
		}
	}
	resp.FinalizedFeaturesEpoch = image.Offset()
}

// unsupportedApiVersions answers a version from the future in version 0, naming the versions of ApiVersions
// alone, and keeps the connection (KIP-511).
func (s *Server) unsupportedApiVersions(r *network.Request) network.Disposition {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	resp.ApiKeys = append(resp.ApiKeys, s.table[keyApiVersions].versions())
	resp.SetVersion(0)
	r.Out = resp.AppendTo(r.Out)
	return network.Answered
}
