package api

import (
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/thalweg-io/thalweg/broker/internal/api/data"
	"github.com/thalweg-io/thalweg/broker/internal/api/group"
	"github.com/thalweg-io/thalweg/broker/internal/api/txn"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const clusterID = "AQIDBAUGBwgJCgsMDQ4PEA"

func newServer(t *testing.T) *Server {
	t.Helper()
	image := metadata.NewImage(metadata.ImageOptions{ClusterID: clusterID, NodeID: 1})
	return NewServer(Options{
		Self: 1, Image: func() *metadata.Image { return image }, Limiter: quota.Unlimited{}, MaxFrame: wire.MaxFrame,
		Data: data.New(data.Options{}), Admin: admin.New(admin.Options{}), Group: group.New(group.Options{}), Txn: txn.New(txn.Options{}),
	})
}

// servedAPIs is how many entries the table has: one that gets lost would be noticed.
const servedAPIs = 38

// TestTableIsComplete finds an API without versions, resource and operation, or cost, and one
// whose versions are not those of Kafka 4.4.
func TestTableIsComplete(t *testing.T) {
	open := map[string]bool{"ApiVersions": true, "DescribeCluster": true} // needs no permission (SURFACE §1.2)
	served := 0
	for key, e := range newServer(t).table {
		if e.serve == nil {
			continue
		}
		served++
		low, high, ok := wire.Versions(e.Key)
		if int(e.Key) != key || !ok || e.Min != low || e.Max != high {
			t.Errorf("%s: key %d versions %d-%d, Kafka has %d-%d", e.Name, e.Key, e.Min, e.Max, low, high)
		}
		if name := kmsg.NameForKey(e.Key); e.Name != name && e.Name != "InitProducerId" {
			t.Errorf("key %d is named %q, not %q", e.Key, e.Name, name)
		}
		if e.Cost <= 0 {
			t.Errorf("%s costs nothing", e.Name)
		}
		if (e.Resource == security.ResourceNone || e.Operation == security.OpNone) != open[e.Name] {
			t.Errorf("%s: resource %d and operation %d", e.Name, e.Resource, e.Operation)
		}
	}
	if served != servedAPIs {
		t.Errorf("%d APIs are served", served)
	}
}

func TestAdmit(t *testing.T) {
	s := newServer(t)
	f := func(key, version int16, size int, want bool) {
		t.Helper()
		charge, err := s.Admit(nil, key, version, size)
		if (err == nil) != want || want && charge < int64(size) {
			t.Errorf("key %d version %d size %d: charge %d, %v", key, version, size, charge, err)
		}
	}
	f(0, 3, 50<<20, true)
	f(0, 3, 100<<20+1, false)
	f(0, 2, 100, false) // advertised, but refused (KAFKA-18659)
	f(0, 14, 100, false)
	f(3, 0, 1<<20, true)
	f(3, 0, 64<<20, false)
	f(18, 99, 100, true) // answered with UNSUPPORTED_VERSION
	f(76, 0, 100, false) // known to Kafka, not served yet
	f(4, 0, 100, false)
	f(-1, 0, 100, false)
	f(1000, 0, 100, false)
}

// serve runs one request and returns how it ended.
func serve(s *Server, req kmsg.Request, body []byte) (*network.Request, network.Disposition) {
	r := &network.Request{
		Header:  wire.Header{Key: req.Key(), Version: req.GetVersion(), CorrelationID: 7},
		Payload: body,
		Session: &network.Session{Listener: "PLAINTEXT", Principal: security.Anonymous},
	}
	return r, s.Serve(r)
}

func apiVersions(t *testing.T, s *Server, req *kmsg.ApiVersionsRequest) (*network.Request, *kmsg.ApiVersionsResponse) {
	t.Helper()
	r, d := serve(s, req, req.AppendTo(nil))
	if d != network.Answered {
		t.Fatalf("disposition %d", d)
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.SetVersion(min(req.Version, 5))
	if req.Version > 5 {
		resp.SetVersion(0)
	}
	if err := resp.ReadFrom(r.Out); err != nil {
		t.Fatal(err)
	}
	return r, resp
}

func newApiVersions(version int16) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.SetVersion(version)
	req.ClientSoftwareName, req.ClientSoftwareVersion, req.NodeID = "a-client", "1.2.3", -1
	return req
}

func TestPoint003ApiVersionsTellsTheTable(t *testing.T) {
	s := newServer(t)
	for v := int16(0); v <= 5; v++ {
		r, resp := apiVersions(t, s, newApiVersions(v))
		if resp.ErrorCode != 0 || len(resp.ApiKeys) != servedAPIs {
			t.Fatalf("v%d: %+v", v, resp)
		}
		for _, k := range resp.ApiKeys {
			e := s.table[k.ApiKey]
			if k.MaxVersion != e.Max || k.MinVersion != e.Min && !(k.ApiKey == 0 && k.MinVersion == 0) {
				t.Errorf("v%d: %s %d-%d", v, e.Name, k.MinVersion, k.MaxVersion)
			}
		}
		if named := r.Session.ClientName == "a-client"; named != (v >= 3) {
			t.Errorf("v%d: client name %q", v, r.Session.ClientName)
		}
	}
}

// TestPoint002ApiVersionsFromTheFuture is KIP-511: version 0 body, the range of ApiVersions alone, and the
// connection stays.
func TestPoint002ApiVersionsFromTheFuture(t *testing.T) {
	_, resp := apiVersions(t, newServer(t), newApiVersions(77))
	if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MaxVersion != 5 {
		t.Errorf("%+v", resp)
	}
}

func TestPoint003ApiVersionsChecksTheClientsSoftware(t *testing.T) {
	s := newServer(t)
	for name, ok := range map[string]bool{"apache-kafka-java": true, "a": true, "": false, "-a": false, "a b": false, "a.": false} {
		req := newApiVersions(3)
		req.ClientSoftwareName = name
		_, resp := apiVersions(t, s, req)
		if (resp.ErrorCode == 0) != ok || !ok && resp.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("%q: error %d", name, resp.ErrorCode)
		}
	}
}

func TestPoint004ApiVersionsElsewhere(t *testing.T) {
	s := newServer(t)
	other := "AAAAAAAAAAAAAAAAAAAAAA"
	mine := clusterID
	f := func(cluster *string, node int32, want int16) {
		t.Helper()
		req := newApiVersions(5)
		req.ClusterID, req.NodeID = cluster, node
		if _, resp := apiVersions(t, s, req); resp.ErrorCode != want {
			t.Errorf("error %d, want %d", resp.ErrorCode, want)
		}
	}
	f(nil, -1, 0)
	f(&mine, 1, 0)
	f(&mine, -1, 0)
	f(&mine, 2, kerr.RebootstrapRequired.Code)
	f(&other, 1, kerr.RebootstrapRequired.Code)
}

func TestPoint002UnservedAndMalformedHangUp(t *testing.T) {
	s := newServer(t)
	if _, d := serve(s, kmsg.NewPtrHeartbeatRequest(), nil); d != network.Hangup {
		t.Errorf("unserved API: disposition %d", d)
	}
	for key := range s.table {
		if s.table[key].serve == nil {
			continue
		}
		req := kmsg.RequestForKey(int16(key))
		req.SetVersion(s.table[key].Max)
		if _, d := serve(s, req, []byte{0xff, 0xff, 0xff}); d != network.Hangup {
			t.Errorf("%s with garbage: disposition %d", s.table[key].Name, d)
		}
	}
}

// TestPoint005FeaturesWithMinimumZero are left out below version 4, whose readers take 0 for an error.
func TestPoint005FeaturesWithMinimumZero(t *testing.T) {
	s := newServer(t)
	some := []kmsg.ApiVersionsResponseSupportedFeature{{Name: "a", MinVersion: 0, MaxVersion: 1}, {Name: "b", MinVersion: 1, MaxVersion: 2}}
	for v, want := range map[int16]int{3: 1, 4: 2, 5: 2} {
		resp := kmsg.NewPtrApiVersionsResponse()
		s.features(resp, v, some)
		if n := len(resp.SupportedFeatures); n != want || resp.SupportedFeatures[n-1].Name != "b" {
			t.Errorf("v%d: %+v", v, resp.SupportedFeatures)
		}
	}
}

// busy has one account for everybody's request time.
type busy struct{ account *quota.Account }

func (b busy) Account(k quota.Kind, _ security.Principal, _ []byte) *quota.Account {
	if k != quota.RequestTime {
		return nil
	}
	return b.account
}

// TestPoint008RequestQuota: an answer tells for how long the client is throttled by what its requests used before, and
// the connection is to be muted for that time.
func TestPoint008RequestQuota(t *testing.T) {
	s := newServer(t)
	account := quota.NewAccount(quota.RequestTime, 1, quota.DefaultWindow)
	s.limiter = busy{account}
	r, resp := apiVersions(t, s, newApiVersions(3))
	if r.Mute != 0 || resp.ThrottleMillis != 0 {
		t.Errorf("nothing used yet: muted for %v, told %d ms", r.Mute, resp.ThrottleMillis)
	}
	if !(account.Record(0, time.Now()) == 0) {
		t.Error("one request is more than 1 % of 10 s")
	}
	account.Record(quota.ThreadTime(time.Minute), time.Now())
	r, resp = apiVersions(t, s, newApiVersions(3))
	if r.Mute != time.Second || resp.ThrottleMillis != 1000 {
		t.Errorf("a minute used: muted for %v, told %d ms", r.Mute, resp.ThrottleMillis)
	}
}

// TestRequestTimeIsCounted: what a handler takes goes to the account, what it waits does not.
func TestRequestTimeIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		account := quota.NewAccount(quota.RequestTime, 1, quota.Window{Num: 2, Size: time.Second}) // 10 ms per second
		e := &Entry{serve: func(r *network.Request) network.Disposition {
			time.Sleep(7 * time.Second)
			r.Waited = 7*time.Second - 15*time.Millisecond
			return network.Answered
		}}
		r := &network.Request{}
		s.timed(e, r, account)
		if d := account.Record(0, time.Now()); d != 500*time.Millisecond {
			t.Errorf("15 ms of 10: throttled by %v", d)
		}
	})
}

// TestSoftwareName is Kafka's pattern: ^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$ (KIP-511).
func TestSoftwareName(t *testing.T) {
	pattern := regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)
	alphabet := []string{"", "a", "Z", "0", "9", "-", ".", "_", "@", "`", "{", "[", "/", ":", " ", "\n", "é", "\xff"}
	for _, a := range alphabet {
		for _, b := range alphabet {
			for _, c := range alphabet {
				if s := a + b + c; softwareName(s) != pattern.MatchString(s) {
					t.Errorf("%q: %v", s, softwareName(s))
				}
			}
		}
	}
}
