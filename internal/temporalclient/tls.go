package temporalclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS says how to speak TLS with Temporal. The zero value speaks it only where there is an API key, as Temporal's own tools do.
type TLS struct {
	Enabled    *bool  // nil: if an API key, a file or a name is given
	CAFile     string // PEM; the system's certificates without it
	CertFile   string // PEM of the client's certificate, for mutual TLS
	KeyFile    string // PEM of its key
	ServerName string // of the server's certificate; the host of the address without it
}

// config is nil where the connection is not encrypted.
func (t TLS) config(apiKey string) (*tls.Config, error) {
	given := t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" || t.ServerName != ""
	if t.Enabled != nil && !*t.Enabled {
		if given {
			return nil, errors.New("TEMPORAL_TLS is false, and TLS's files or name are given: leave out one or the other")
		}
		return nil, nil
	}
	if t.Enabled == nil && !given && apiKey == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if err := t.trust(config); err != nil {
		return nil, err
	}
	return config, t.present(config)
}

func (t TLS) trust(config *tls.Config) error {
	if t.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return fmt.Errorf("read TEMPORAL_TLS_SERVER_CA_CERT_PATH: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("read TEMPORAL_TLS_SERVER_CA_CERT_PATH: %s has no certificate in PEM", t.CAFile)
	}
	return nil
}

// present has the client's certificate read anew for each connection: short-lived ones are renewed in place.
func (t TLS) present(config *tls.Config) error {
	if t.CertFile == "" && t.KeyFile == "" {
		return nil
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return errors.New("TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH belong together: give both")
	}
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH: %w", err)
		}
		return &certificate, nil
	}
	if _, err := load(nil); err != nil {
		return err
	}
	config.GetClientCertificate = load
	return nil
}
