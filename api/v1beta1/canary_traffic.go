// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// An HTTPRewrite changes a request before it is passed on.
type HTTPRewrite struct {
	// Path, or with type ReplacePrefixMatch the part of it that matched, is
	// replaced by this. Kept when unset.
	// +optional
	URI string `json:"uri,omitempty"`

	// Host is replaced by this. Kept when unset.
	// +optional
	Authority string `json:"authority,omitempty"`

	// ReplacePrefixMatch replaces the matched prefix of the path; anything else
	// replaces all of it. Used by Gateway API.
	// +optional
	Type string `json:"type,omitempty"`
}

// An HTTPRetry says how failed requests are repeated.
type HTTPRetry struct {
	// Number of repetitions.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`

	// Time that each of them may take, for example 2s.
	// +optional
	PerTryTimeout string `json:"perTryTimeout,omitempty"`

	// Kinds of failure to repeat, separated by commas, in the proxy's words.
	// +optional
	RetryOn string `json:"retryOn,omitempty"`
}

// Headers changes the headers of requests and responses.
type Headers struct {
	// +optional
	Request *HeaderOperations `json:"request,omitempty"`

	// +optional
	Response *HeaderOperations `json:"response,omitempty"`
}

// HeaderOperations changes headers, by name.
type HeaderOperations struct {
	// Replace the value.
	// +optional
	Set map[string]string `json:"set,omitempty"`

	// Add a value to those that are there.
	// +optional
	Add map[string]string `json:"add,omitempty"`

	// Remove the header.
	// +optional
	Remove []string `json:"remove,omitempty"`
}

// A CorsPolicy says which cross-origin requests browsers may make.
type CorsPolicy struct {
	// Origins that may, by exact name.
	// +optional
	AllowOrigin []string `json:"allowOrigin,omitempty"`

	// Origins that may, by pattern. Used by Istio only.
	// +optional
	// +kubebuilder:validation:MaxItems=128
	AllowOrigins []OriginMatch `json:"allowOrigins,omitempty"`

	// +optional
	AllowMethods []string `json:"allowMethods,omitempty"`

	// +optional
	AllowHeaders []string `json:"allowHeaders,omitempty"`

	// Headers of the response that scripts may read.
	// +optional
	ExposeHeaders []string `json:"exposeHeaders,omitempty"`

	// Time that browsers may remember the answer, for example 24h.
	// +optional
	MaxAge string `json:"maxAge,omitempty"`

	// Requests may carry cookies. The proxy's default when unset.
	// +optional
	AllowCredentials *bool `json:"allowCredentials,omitempty"`
}

// A TrafficPolicy is that of Istio's DestinationRules.
type TrafficPolicy struct {
	// +optional
	ConnectionPool *ConnectionPool `json:"connectionPool,omitempty"`

	// +optional
	LoadBalancer *LoadBalancer `json:"loadBalancer,omitempty"`

	// +optional
	OutlierDetection *OutlierDetection `json:"outlierDetection,omitempty"`

	// +optional
	TLS *ClientTLS `json:"tls,omitempty"`
}

// A ConnectionPool limits connections to the endpoints.
type ConnectionPool struct {
	// +optional
	HTTP *HTTPConnectionPool `json:"http,omitempty"`
}

// An HTTPConnectionPool limits HTTP connections and requests. Istio's defaults
// hold for what is unset.
type HTTPConnectionPool struct {
	// +optional
	// +kubebuilder:validation:Enum=DEFAULT;DO_NOT_UPGRADE;UPGRADE
	H2UpgradePolicy string `json:"h2UpgradePolicy,omitempty"`

	// +optional
	HTTP1MaxPendingRequests int32 `json:"http1MaxPendingRequests,omitempty"`

	// +optional
	HTTP2MaxRequests int32 `json:"http2MaxRequests,omitempty"`

	// Time after which an idle connection is closed, for example 1h.
	// +optional
	IdleTimeout string `json:"idleTimeout,omitempty"`

	// +optional
	MaxRequestsPerConnection int32 `json:"maxRequestsPerConnection,omitempty"`

	// Number of repeated requests that may be under way at once.
	// +optional
	MaxRetries int32 `json:"maxRetries,omitempty"`
}

// A LoadBalancer says how requests are spread over the endpoints.
//
// +kubebuilder:validation:XValidation:rule="has(self.simple) != (has(self.consistentHash) && [has(self.consistentHash.httpHeaderName), has(self.consistentHash.httpCookie), has(self.consistentHash.useSourceIp), has(self.consistentHash.httpQueryParameterName)].filter(x, x).size() == 1)",message="spec.service.trafficPolicy.loadBalancer must have either simple, or consistentHash with exactly one of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName"
type LoadBalancer struct {
	// +optional
	// +kubebuilder:validation:Enum=ROUND_ROBIN;LEAST_CONN;RANDOM;PASSTHROUGH;LEAST_REQUEST
	Simple string `json:"simple,omitempty"`

	// +optional
	ConsistentHash *ConsistentHash `json:"consistentHash,omitempty"`

	// +optional
	LocalityLbSetting *LocalityLbSetting `json:"localityLbSetting,omitempty"`

	// Time in which a new endpoint gets its full share, for example 30s.
	// +optional
	WarmupDurationSecs string `json:"warmupDurationSecs,omitempty"`
}

// A ConsistentHash sends equal requests to the same endpoint.
type ConsistentHash struct {
	// +optional
	HTTPHeaderName string `json:"httpHeaderName,omitempty"`

	// +optional
	HTTPCookie *HTTPCookie `json:"httpCookie,omitempty"`

	// +optional
	UseSourceIP bool `json:"useSourceIp,omitempty"`

	// +optional
	HTTPQueryParameterName string `json:"httpQueryParameterName,omitempty"`

	// +optional
	MinimumRingSize int64 `json:"minimumRingSize,omitempty"`
}

// An HTTPCookie ties a client to an endpoint.
type HTTPCookie struct {
	// +optional
	Name string `json:"name,omitempty"`

	// +optional
	Path string `json:"path,omitempty"`

	// Lifetime, for example 60s.
	// +optional
	TTL string `json:"ttl,omitempty"`
}

// A LocalityLbSetting prefers endpoints by where they are.
type LocalityLbSetting struct {
	// +optional
	Distribute []LocalityDistribute `json:"distribute,omitempty"`

	// +optional
	Failover []LocalityFailover `json:"failover,omitempty"`

	// The mesh's setting when unset.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// A LocalityDistribute spreads the requests that come from one locality.
type LocalityDistribute struct {
	// +optional
	From string `json:"from,omitempty"`

	// Percent of the requests, by locality.
	// +optional
	To map[string]int32 `json:"to,omitempty"`
}

// A LocalityFailover names the region that stands in for another.
type LocalityFailover struct {
	// +optional
	From string `json:"from,omitempty"`

	// +optional
	To string `json:"to,omitempty"`
}

// OutlierDetection takes failing endpoints out of use for a while. Istio's
// defaults hold for what is unset; an explicit 0 switches a count off.
type OutlierDetection struct {
	// +optional
	ConsecutiveErrors int32 `json:"consecutiveErrors,omitempty"`

	// +optional
	Consecutive5xxErrors *int32 `json:"consecutive5xxErrors,omitempty"`

	// +optional
	ConsecutiveGatewayErrors *int32 `json:"consecutiveGatewayErrors,omitempty"`

	// +optional
	ConsecutiveLocalOriginFailures *int32 `json:"consecutiveLocalOriginFailures,omitempty"`

	// +optional
	SplitExternalLocalOriginErrors bool `json:"splitExternalLocalOriginErrors,omitempty"`

	// Time between two looks, for example 10s.
	// +optional
	Interval string `json:"interval,omitempty"`

	// Least time that an endpoint is out of use, for example 30s.
	// +optional
	BaseEjectionTime string `json:"baseEjectionTime,omitempty"`

	// +optional
	MaxEjectionPercent int32 `json:"maxEjectionPercent,omitempty"`

	// +optional
	MinHealthPercent int32 `json:"minHealthPercent,omitempty"`
}

// ClientTLS says how connections to the endpoints are protected.
type ClientTLS struct {
	// +optional
	// +kubebuilder:validation:Enum=DISABLE;SIMPLE;MUTUAL;ISTIO_MUTUAL
	Mode string `json:"mode,omitempty"`

	// +optional
	ClientCertificate string `json:"clientCertificate,omitempty"`

	// +optional
	PrivateKey string `json:"privateKey,omitempty"`

	// +optional
	CaCertificates string `json:"caCertificates,omitempty"`

	// +optional
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`

	// +optional
	SNI string `json:"sni,omitempty"`
}
