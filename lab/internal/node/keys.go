// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"github.com/sluice-delivery/sluice/lab/internal/space"
)

// Keys are the secrets of a cluster, in PEM.
type Keys struct {
	CA          []byte // the certificate of the authority that clients trust
	Certificate []byte // of the API server
	Key         []byte // of the API server
	Accounts    []byte // the key that signs the tokens of service accounts
}

// NewKeys makes keys for a cluster that lives from now on, for at most a year.
func NewKeys(now time.Time) (Keys, error) {
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Keys{}, err
	}
	server, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Keys{}, err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Keys{}, err
	}
	ca := certificate("lab-ca", 1, now)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf := certificate("kube-apiserver", 2, now)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	leaf.IPAddresses = []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(space.Address), net.ParseIP(first)}

	var k Keys
	if k.CA, err = sign(ca, ca, &authority.PublicKey, authority); err != nil {
		return Keys{}, err
	}
	if k.Certificate, err = sign(leaf, ca, &server.PublicKey, authority); err != nil {
		return Keys{}, err
	}
	if k.Key, err = private(server); err != nil {
		return Keys{}, err
	}
	k.Accounts, err = private(accounts)
	return k, err
}

func certificate(name string, serial int64, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.AddDate(1, 0, 0),
	}
}

func sign(c, by *x509.Certificate, key *ecdsa.PublicKey, with *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, c, by, key, with)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func private(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
