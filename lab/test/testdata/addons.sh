# Real traffic through the gateway, counted by the real Prometheus.
set -eu
kubectl apply -f "$TESTDATA/web.yaml" -f "$TESTDATA/route.yaml"
kubectl rollout status deployment/web --timeout=60s
within() {
	end=$(($(date +%s) + $1)); shift
	until "$@"; do [ "$(date +%s)" -lt "$end" ] || { echo "not in time: $*"; exit 1; }; done
}
through() { curl -sS -m 3 -H 'Host: web.example' "$1" 2>&1 | grep -q v1; }
within 20 through http://127.0.0.1/
within 20 through http://envoy.projectcontour/
query='count(web_up{namespace="default",kubernetes_namespace="default",app="web",kubernetes_pod_name=~"web-.*",pod=~"web-.*"})'
counted() { curl -sS -m 3 -G http://prometheus.monitoring:9090/api/v1/query --data-urlencode "query=$query" 2>&1 | grep -q '"2"'; }
within 30 counted
grep -q '"level":"Metadata"' "$AUDIT"
echo all seen
