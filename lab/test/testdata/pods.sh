# What a user does in a cluster: a Deployment with probes and a security
# context, a Service, names, logs, a command in a container, a new version.
set -eu
kubectl apply -f "$TESTDATA/web.yaml"
kubectl rollout status deployment/web --timeout=60s
within() { # seconds, then a command that must succeed by then
	end=$(($(date +%s) + $1)); shift
	until "$@"; do [ "$(date +%s)" -lt "$end" ] || { echo "not in time: $*"; exit 1; }; done
}
says() { curl -sS -m 3 "$1" 2>&1 | grep -q "$2"; }
within 20 says http://web/ v1
pod=$(kubectl get pod -l app=web -o 'jsonpath={.items[0].status.podIP}')
says "http://$pod:8080/dns?name=web.default.svc.cluster.local" '\[10.43.'
says "http://$pod:8080/dns?name=kubernetes" '\[10.43.0.1\]'
kubectl logs deployment/web | grep 'serving v1'
kubectl exec deployment/web -- /web --help 2>&1 | grep -q 'address already in use'
kubectl set env deployment/web VERSION=v2
kubectl rollout status deployment/web --timeout=60s
within 20 says http://web/ v2
echo all seen
