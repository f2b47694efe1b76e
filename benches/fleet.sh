#!/usr/bin/env bash
# proxy-status of a fleet of thousands: a real istiod with ADS clients that acknowledge (tests/load), beside istioctl and
# beside the bare answer of istiod, in one run.
#
#     tests/cluster/up --components shop,istio && cargo build --release --examples --bins && benches/fleet.sh [COUNT]
#
# On the rig's own cluster only: the canary istiod's limit of requests a second is raised, and put back afterwards.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tests/cluster/config.sh"
count=${1:-10000}
target=${CARGO_TARGET_DIR:-$here/../target}/release
M="$target/meshctl --kubeconfig $KUBECONFIG_OUT"
ads_load=${ADS_LOAD:-$target/examples/ads-load}
work=$(mktemp -d)
deploy=istiod-canary
cleanup() {
  kill $(jobs -p) 2>/dev/null || true
  kubectl -n istio-system set env deploy/$deploy PILOT_MAX_REQUESTS_PER_SECOND- >/dev/null 2>&1 || true
  kubectl delete namespace load --ignore-not-found --wait=false >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
kubectl create namespace load --dry-run=client -o yaml | kubectl apply -f - >/dev/null
kubectl apply -f - >/dev/null <<'END'
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: load }
spec: { egress: [{ hosts: ["./*"] }] }
END
kubectl -n istio-system set env deploy/$deploy PILOT_MAX_REQUESTS_PER_SECOND=100000 >/dev/null
kubectl -n istio-system rollout status deploy/$deploy --timeout=120s >/dev/null
forward() {                                      # forward LOCAL REMOTE: until it listens
  kubectl -n istio-system port-forward deploy/$deploy "$1:$2" >"$work/forward-$1" 2>&1 &
  until grep -qs Forwarding "$work/forward-$1"; do read -rt 0.1 <> <(:) || true; done
}
# the newest: one that is on its way out runs for a while yet
pod=$(kubectl -n istio-system get pods -l app=istiod,istio.io/rev=canary --sort-by=.metadata.creationTimestamp -o jsonpath='{.items[-1:].status.podIP}')
# the clients run in the node's network, so that no port-forward carries ten thousand streams
nsenter -t "$(cat "$STATE/node.pid")" -n -- "$ads_load" "$pod:15010" "$count" load >"$work/load" 2>"$work/load.err" &
SECONDS=0
until grep -qs acknowledged "$work/load"; do
  ((SECONDS < 300)) || { echo "the clients did not come up:"; sort "$work/load.err" | uniq -c | head -5; exit 1; }
  read -rt 0.5 <> <(:) || true
done
echo "$(cat "$work/load") after ${SECONDS} s"
forward 15914 15014
# the first pushes keep istiod busy for a while, and it answers nobody in time
until curl -sm 2 -o /dev/null localhost:15914/debug/syncz; do ((SECONDS < 300)) || { echo "istiod stays busy"; exit 1; }; done
curl -s localhost:15914/debug/syncz | wc -c | sed 's/$/ bytes of syncz/'
echo "--- meshctl proxy-status | istiod's bare answer through kubectl's port-forward"
"$here/compare.py" "$M -q proxy-status -o json" "curl -s -o /dev/null localhost:15914/debug/syncz"
echo "--- meshctl proxy-status as a table | istiod's bare answer"
"$here/compare.py" "$M -q proxy-status" "curl -s -o /dev/null localhost:15914/debug/syncz"
# the same with its port-forward, as somebody has to open it who asks once
cat >"$work/once" <<END
#!/usr/bin/env bash
exec 3< <(exec kubectl --kubeconfig $KUBECONFIG_OUT -n istio-system port-forward deploy/$deploy :15014 2>/dev/null)
read -r line <&3
port=\${line##*127.0.0.1:}
curl -s -o /dev/null "localhost:\${port%% *}/debug/syncz"
kill \$!
END
chmod +x "$work/once"
echo "--- meshctl proxy-status as a table | kubectl's port-forward opened, istiod's bare answer, closed"
"$here/compare.py" "$M -q proxy-status" "$work/once"
echo "--- meshctl proxy-status | istioctl proxy-status"
"$here/compare.py" "$M -q proxy-status -o json" "$BIN/istioctl --kubeconfig $KUBECONFIG_OUT proxy-status --revision canary"
$M snapshot record --quiet --proxies "$work/fleet.tar.zst" --force >/dev/null
echo "--- meshctl from a recording | istioctl live"
"$here/compare.py" "$target/meshctl -q proxy-status --from $work/fleet.tar.zst" "$BIN/istioctl --kubeconfig $KUBECONFIG_OUT proxy-status --revision canary"
# The last: an istiod from before Istio's pull request 61660 locks a proxy twice for this, and hangs for good when the proxy
# acknowledges something in between.
echo "--- meshctl proxy-status, over gRPC and over HTTP"
"$here/compare.py" "$M -q proxy-status --transport grpc -o json" "$M -q proxy-status --transport http -o json"
