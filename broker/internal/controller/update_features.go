package controller

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// UpdateFeatures decides an UpdateFeatures (KIP-584): all or none. This build works at the levels that a cluster was made
// with, so what it accepts is only the level that a feature has. The api has authorized it. The answer is
// a *kmsg.UpdateFeaturesResponse.
func (c *Controller) UpdateFeatures(req *kmsg.UpdateFeaturesRequest) Decision {
	resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
	for i := range req.FeatureUpdates {
		u := &req.FeatureUpdates[i]
		reason := c.whyNotLevel(req.Version, u)
		if reason == "" {
			continue
		}
		text := fmt.Sprintf("The update failed for all features since the following feature had an error: "+
			"Invalid update version %d for feature %s. %s", u.MaxVersionLevel, u.Feature, reason)
		resp.ErrorCode, resp.ErrorMessage = kerr.InvalidUpdateVersion.Code, &text
		return Decision{Answer: resp}
	}
	for i := range req.FeatureUpdates {
		r := kmsg.NewUpdateFeaturesResponseResult() // not written from v2 on
		r.Feature = req.FeatureUpdates[i].Feature
		resp.Results = append(resp.Results, r)
	}
	return Decision{Answer: resp}
}

// Upgrade types of v1 and up; v0 only says whether a downgrade is allowed.
const (
	typeUpgrade = 1
	typeUnsafe  = 3
)

// whyNotLevel is why a feature cannot get a level, or "".
func (c *Controller) whyNotLevel(version int16, u *kmsg.UpdateFeaturesRequestFeatureUpdate) string {
	upgrade := u.UpgradeType == typeUpgrade
	if version == 0 {
		upgrade = !u.AllowDowngrade
	}
	supported := supportedRange(u.Feature)
	switch present := c.image().Feature(u.Feature); {
	case version > 0 && (u.UpgradeType < typeUpgrade || u.UpgradeType > typeUnsafe):
		return "The controller does not support the given upgrade type."
	case u.MaxVersionLevel < 0:
		return "A feature version cannot be less than 0."
	case supported.Name == "":
		return fmt.Sprintf("Local controller %d does not support this feature.", c.o.NodeID)
	case u.MaxVersionLevel < supported.Min || u.MaxVersionLevel > supported.Max:
		return fmt.Sprintf("Local controller %d only supports versions %d-%d", c.o.NodeID, supported.Min, supported.Max)
	case u.MaxVersionLevel < present && upgrade:
		return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
	case u.MaxVersionLevel > present && !upgrade:
		return "Can't downgrade to a newer version."
	case u.MaxVersionLevel != present:
		return fmt.Sprintf("This build cannot change the level of a cluster, which is %d.", present)
	}
	return ""
}

func supportedRange(feature string) metadata.FeatureRange {
	for _, f := range SupportedFeatures() {
		if f.Name == feature {
			return f
		}
	}
	return metadata.FeatureRange{}
}
