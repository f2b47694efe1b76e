#!/usr/bin/env bash
# The config dump and the clusters of a real Envoy in a mesh of many services: a real istiod that reads them from a file, with
# a real but empty API server behind it, and a real pilot-agent.
#
#   benches/proxy-dumps.sh FOLDER SERVICES        writes FOLDER/dump-SERVICES.json and FOLDER/clusters-SERVICES.json
#
# Each service has an address, two HTTP ports, a gRPC and a TCP port, and two endpoints that take mutual TLS. Takes the binaries
# of the rig (tests/cluster/build.sh) and a network of its own, so that nothing else is in the way; needs root, openssl, curl.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tests/cluster/config.sh"
out=$(mkdir -p "$1" && cd "$1" && pwd) count=$2
# When the first process of its own processes ends, all do: an API server without its etcd takes minutes to end by itself.
if [[ -z ${OWN_NETWORK:-} ]]; then OWN_NETWORK=1 exec unshare --net --pid --fork --kill-child --mount-proc -- "$0" "$out" "$count"; fi
ip link set lo up
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p config etc/certs
python3 - "$count" >config/services.yaml <<'END'
import sys
for i in range(int(sys.argv[1])):
    a, b = divmod(i, 250)
    print(f"""apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{ name: service-{i}, namespace: shop-{i % 40} }}
spec:
  hosts: [service-{i}.shop-{i % 40}.svc.cluster.local]
  addresses: [10.{96 + a // 200}.{a % 200}.{b + 1}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - {{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }}
  - {{ number: 8080, name: http-admin, protocol: HTTP }}
  - {{ number: 9090, name: grpc, protocol: GRPC }}
  - {{ number: 5432, name: tcp, protocol: TCP }}
  endpoints:""")
    for n in (1, 2):
        print(f"""  - address: 172.{16 + a // 200 * 2 + n - 1}.{a % 200}.{b + 1}
    locality: region-1/zone-{n}
    serviceAccount: service-{i}
    labels: {{ app: service-{i}, version: v{n}, security.istio.io/tlsMode: istio }}""")
    print("---")
END
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /O=bench -keyout ca.key -out etc/certs/root-cert.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj / -addext subjectAltName=critical,URI:spiffe://cluster.local/ns/bench/sa/client \
  -keyout etc/certs/key.pem -out client.csr 2>/dev/null
openssl x509 -req -in client.csr -CA etc/certs/root-cert.pem -CAkey ca.key -CAcreateserial -days 30 -copy_extensions copy \
  -out etc/certs/cert-chain.pem 2>/dev/null
wait_for() {                                     # wait_for SECONDS WHAT COMMAND…
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || { echo "$what did not come; last words:"; tail -n 8 ./*.log; exit 1; } >&2
    read -rt 0.3 <> <(:) || true
  done
}

# a proxy that connects again says all that it has, in one message
export ISTIO_GPRC_MAXRECVMSGSIZE=1000000000

# an API server for whoever asks, and nothing in it
openssl genrsa -out sa.key 2048 2>/dev/null
echo token,admin,admin,system:masters >tokens.csv
"$ETCD" --data-dir etcd >etcd.log 2>&1 &
kube-apiserver --etcd-servers http://127.0.0.1:2379 --cert-dir . --bind-address 127.0.0.1 --advertise-address 10.0.0.1 --secure-port 6443 \
  --service-account-signing-key-file sa.key --service-account-key-file sa.key --service-account-issuer https://kubernetes \
  --token-auth-file tokens.csv --authorization-mode AlwaysAllow --service-cluster-ip-range 10.96.0.0/16 \
  --disable-admission-plugins ServiceAccount >apiserver.log 2>&1 &
cat >kubeconfig <<'END'
apiVersion: v1
kind: Config
clusters: [{ name: bench, cluster: { server: https://127.0.0.1:6443, insecure-skip-tls-verify: true } }]
users: [{ name: admin, user: { token: token } }]
contexts: [{ name: bench, context: { cluster: bench, user: admin } }]
current-context: bench
END
wait_for 180 'the API server' kubectl --kubeconfig kubeconfig get --raw /readyz

# upstream Envoy lacks the filters that Istio compiles into its own
printf 'trustDomain: cluster.local\nconfigSources: [{ address: "fs://%s/config" }]\n' "$work" >mesh.yaml
ENABLE_CA_SERVER=false INJECT_ENABLED=false VALIDATION_ENABLED=false PILOT_ENABLE_ANALYSIS=false ENABLE_LEADER_ELECTION=false \
  PILOT_ENABLE_METADATA_EXCHANGE=false PILOT_ENABLE_ALPN_FILTER=false \
  POD_NAME=istiod POD_NAMESPACE=istio-system CLUSTER_ID=Kubernetes \
  pilot-discovery discovery --kubeconfig kubeconfig --meshConfig mesh.yaml --httpsAddr "" --secureGRPCAddr "" \
  --monitoringAddr "" >istiod.log 2>&1 &
wait_for 120 istiod curl -sf localhost:8080/ready

src=$(GOFLAGS=-mod=readonly GOWORK=off go -C "$MODS/istio" list -m -f '{{.Dir}}' istio.io/istio)
export PROXY_CONFIG="{discoveryAddress: localhost:15010, controlPlaneAuthPolicy: NONE, binaryPath: $BIN/envoy, configPath: $work/proxy}"
ISTIO_BOOTSTRAP=$src/tools/packaging/common/envoy_bootstrap.json FILE_MOUNTED_CERTS=true \
  POD_NAME=client POD_NAMESPACE=bench INSTANCE_IP=172.31.0.1 ISTIO_META_CLUSTER_ID=Kubernetes ISTIO_META_INTERCEPTION_MODE=REDIRECT \
  pilot-agent proxy sidecar --domain bench.svc.cluster.local --proxyLogLevel warning >agent.log 2>&1 &
all_there() { (($(curl -sf 'localhost:15000/stats?filter=^cluster_manager.active_clusters$' | sed 's/.*: //') >= count * 4)); }
wait_for 1500 'all clusters' all_there
# routes come after the listeners that ask for them
routes_there() { (($(curl -sf 'localhost:15000/config_dump?resource=dynamic_route_configs&mask=route_config.name' | grep -cE '"name": "(80|8080|9090)"') == 3)); }
wait_for 900 'the routes' routes_there
curl -sf 'localhost:15000/config_dump?include_eds=true' >"$out/dump-$count.json"
curl -sf 'localhost:15000/clusters?format=json' >"$out/clusters-$count.json"
ls -l "$out/dump-$count.json" "$out/clusters-$count.json"
