package awsconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// roots are the certificates that chains of AWS's services end in: those of Amazon Trust Services.
//
//go:embed roots.pem
var roots []byte

// The bounds of getting a connection. A service of one's own region answers in milliseconds.
const (
	connectTime   = time.Second
	handshakeTime = 2 * time.Second
	idleTime      = 90 * time.Second
)

// httpClient gives the client for one service. A request may wait for its answer's header for the time given, and
// may take a second longer for all of it.
func httpClient(getenv func(string) string, answerTime time.Duration) (*http.Client, error) {
	d := &dialer{}
	if file := getenv("AWS_CA_BUNDLE"); file != "" {
		bundle, err := os.ReadFile(file) //#nosec G304 -- the operator's own setting
		if err != nil {
			return nil, fmt.Errorf("awsconf: AWS_CA_BUNDLE: %w", err)
		}
		if d.first, err = trust(bundle); err != nil {
			return nil, fmt.Errorf("awsconf: AWS_CA_BUNDLE: %w", err)
		}
	} else {
		var err error
		if d.first, err = trust(roots); err != nil {
			return nil, err
		}
		d.second = trusting(nil)
	}
	return newClient(d, answerTime), nil
}

func newClient(d *dialer, answerTime time.Duration) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // the services speak nothing newer
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           d.dial,
			DialTLSContext:        d.dialTLS,
			Proxy:                 http.ProxyFromEnvironment,
			TLSClientConfig:       d.last(), // only behind a proxy, where dialTLS is not asked
			TLSHandshakeTimeout:   handshakeTime,
			ResponseHeaderTimeout: answerTime,
			IdleConnTimeout:       idleTime,
			MaxIdleConnsPerHost:   10,
			DisableCompression:    true,
			Protocols:             &protocols,
		},
		Timeout:       connectTime + handshakeTime + answerTime + time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// trust is the configuration of a client that trusts the authorities in PEM form and no others.
func trust(authorities []byte) (*tls.Config, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, errors.New("no certificates")
	}
	return trusting(pool), nil
}

// trusting is the configuration of a client that trusts the authorities of the pool; nil is the system's.
func trusting(pool *x509.CertPool) *tls.Config {
	return &tls.Config{
		RootCAs:            pool,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
}

// A dialer opens connections to a service whose authority the first configuration trusts or, where there is a
// second one, that does. A handshake that fails has sent nothing of any request, so that the second is safe.
type dialer struct {
	first, second *tls.Config
	foreign       atomic.Bool // the second was needed before: the service's authority is not one of the first's
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{Timeout: connectTime}).DialContext(ctx, network, addr)
}

func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	if !d.foreign.Load() {
		conn, err := d.handshake(ctx, network, addr, d.first)
		var unknown x509.UnknownAuthorityError
		if d.second == nil || !errors.As(err, &unknown) {
			return conn, err
		}
	}
	conn, err := d.handshake(ctx, network, addr, d.second)
	if err == nil {
		d.foreign.Store(true)
	}
	return conn, err
}

func (d *dialer) handshake(ctx context.Context, network, addr string, config *tls.Config) (net.Conn, error) {
	raw, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	config = config.Clone()
	config.ServerName, _, err = net.SplitHostPort(addr)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// last is the configuration that trusts most.
func (d *dialer) last() *tls.Config {
	if d.second != nil {
		return d.second.Clone()
	}
	return d.first.Clone()
}
