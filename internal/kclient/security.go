package kclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// securityKeys are the keys that secure reads.
var securityKeys = []string{"security.protocol", "sasl.mechanism", "sasl.jaas.config",
	"ssl.truststore.location", "ssl.truststore.type", "ssl.truststore.certificates", "ssl.keystore.location",
	"ssl.keystore.type", "ssl.keystore.key", "ssl.keystore.certificate.chain", "ssl.endpoint.identification.algorithm"}

// secure adds TLS and SASL, which several keys decide together.
func secure(s *settings, props map[string]string, known map[string]bool) error {
	for _, k := range securityKeys {
		known[k] = true
	}
	switch protocol := strings.ToUpper(strings.TrimSpace(props["security.protocol"])); protocol {
	case "", "PLAINTEXT":
		return nil
	case "SSL":
		return useTLS(s, props)
	case "SASL_PLAINTEXT":
		return useSASL(s, props)
	case "SASL_SSL":
		if err := useTLS(s, props); err != nil {
			return err
		}
		return useSASL(s, props)
	default:
		return badConfig("security.protocol=%s: must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", protocol)
	}
}

// useTLS reads PEM only (KIP-651): Java's key stores are its own format.
func useTLS(s *settings, props map[string]string) error {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if alg, ok := props["ssl.endpoint.identification.algorithm"]; ok && strings.TrimSpace(alg) == "" {
		cfg.InsecureSkipVerify = true
	}
	trust, err := pemOf(props, "ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.type")
	if err != nil {
		return err
	}
	if trust != nil {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(trust) {
			return badConfig("ssl.truststore holds no certificate in PEM")
		}
	}
	chain, err := pemOf(props, "ssl.keystore.certificate.chain", "ssl.keystore.location", "ssl.keystore.type")
	if err != nil {
		return err
	}
	if chain != nil {
		secret := chain
		if k := props["ssl.keystore.key"]; k != "" {
			secret = []byte(k)
		}
		pair, err := tls.X509KeyPair(chain, secret)
		if err != nil {
			return badConfig("ssl.keystore: %v", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	s.add(kgo.DialTLSConfig(cfg))
	return nil
}

// pemOf returns what a key holds, or the file that another names; nil if neither is set.
func pemOf(props map[string]string, inline, file, kind string) ([]byte, error) {
	if v := props[inline]; v != "" {
		return []byte(v), nil
	}
	path := strings.TrimSpace(props[file])
	if path == "" {
		return nil, nil
	}
	if t := strings.ToUpper(strings.TrimSpace(props[kind])); t != "PEM" {
		return nil, badConfig("%s=%s: only PEM files are read; set %s=PEM and convert the key store with keytool and openssl", kind, t, kind)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, badConfig("%s: %v", file, err)
	}
	return text, nil
}

func useSASL(s *settings, props map[string]string) error {
	mechanism := strings.ToUpper(strings.TrimSpace(props["sasl.mechanism"]))
	user, password, err := login(props["sasl.jaas.config"])
	if err != nil {
		return badConfig("sasl.jaas.config: %v", err)
	}
	var m sasl.Mechanism
	switch mechanism {
	case "PLAIN":
		m = plain.Auth{User: user, Pass: password}.AsMechanism()
	case "SCRAM-SHA-256":
		m = scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		m = scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	default:
		return badConfig("sasl.mechanism=%s: must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", mechanism)
	}
	s.add(kgo.SASL(m))
	return nil
}

var errNoLogin = errors.New("must name a login module with username=\"…\" and password=\"…\", ended by a semicolon")
