#!/usr/bin/env python3
"""Writes a made-up cluster as YAML: by default 10,000 pods, 2,000 services, 20,000 objects in all.

    benches/generate.py OUT_DIR [--services 2000] [--pods-per-service 5]

One file a kind, `---` between documents, as `kubectl get -o yaml` shows objects (status included). The same numbers
give the same bytes.
"""
import argparse, os, random

p = argparse.ArgumentParser()
p.add_argument("out")
p.add_argument("--services", type=int, default=2000)
p.add_argument("--pods-per-service", type=int, default=5)
a = p.parse_args()
rng = random.Random(7)
os.makedirs(a.out, exist_ok=True)
NS = [f"team-{i:02d}" for i in range(40)]
LANG = [("JAVA_TOOL_OPTIONS", "-Xmx512m"), ("NODE_ENV", "production"), ("PYTHONUNBUFFERED", "1"), ("GOMEMLIMIT", "400MiB")]


def ns(i):
    return NS[i % len(NS)]


def env(i):
    rows = [LANG[i % 4]]
    for k in range(4):
        j = rng.randrange(a.services)
        rows.append((f"UPSTREAM_{k}_ADDR", f"svc-{j:04d}.{ns(j)}.svc.cluster.local:8080"))
    return "".join(f"        - name: {n}\n          value: \"{v}\"\n" for n, v in rows)


def template(i, indent, env_text):
    text = f"""metadata:
  labels: {{app: svc-{i:04d}, version: v1, team: {ns(i)}}}
  annotations: {{prometheus.io/scrape: "true"}}
spec:
  serviceAccountName: svc-{i:04d}
  containers:
  - name: app
    image: registry.example/shop/svc-{i:04d}:1.{i % 30}.0
    ports:
    - {{name: http, containerPort: 8080, protocol: TCP}}
    env:
{env_text.replace('        -', '    -').replace('          value', '      value')}    resources:
      requests: {{cpu: 100m, memory: 128Mi}}
      limits: {{memory: 256Mi}}
    livenessProbe: {{httpGet: {{path: /healthz, port: 8080}}, periodSeconds: 10}}
    readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 5}}
    volumeMounts:
    - {{name: config, mountPath: /etc/app}}
  volumes:
  - name: config
    configMap: {{name: svc-{i:04d}, defaultMode: 0644}}
"""
    return "".join(" " * indent + line + "\n" for line in text.splitlines())


def write(name, documents):
    with open(os.path.join(a.out, name), "w") as f:
        for d in documents:
            f.write("---\n")
            f.write(d)


E = [env(i) for i in range(a.services)]
S = range(a.services)
write("00-namespaces.yaml", (f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {n}}}\n" for n in NS))
write("services.yaml", (f"apiVersion: v1\nkind: Service\nmetadata: {{name: svc-{i:04d}, namespace: {ns(i)}, labels: {{app: svc-{i:04d}}}}}\nspec:\n  clusterIP: 10.{96 + i // 65536}.{i // 256 % 256}.{i % 256}\n  selector: {{app: svc-{i:04d}}}\n  ports:\n  - {{name: http, port: 8080, targetPort: 8080, protocol: TCP}}\n" for i in S))
write("deployments.yaml", (f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: svc-{i:04d}, namespace: {ns(i)}}}\nspec:\n  replicas: {a.pods_per_service}\n  selector: {{matchLabels: {{app: svc-{i:04d}}}}}\n  template:\n{template(i, 4, E[i])}" for i in S))
write("configmaps.yaml", (f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: svc-{i:04d}, namespace: {ns(i)}}}\ndata:\n  app.yaml: |\n    server: {{port: 8080}}\n    peer: http://svc-{(i * 17 + 3) % a.services:04d}.{ns((i * 17 + 3) % a.services)}:8080/api\n" for i in S))
write("serviceaccounts.yaml", (f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: svc-{i:04d}, namespace: {ns(i)}}}\n" for i in S))
write("networkpolicies.yaml", (f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: svc-{i:04d}, namespace: {ns(i)}}}\nspec:\n  podSelector: {{matchLabels: {{app: svc-{i:04d}}}}}\n  policyTypes: [Ingress]\n  ingress:\n  - from:\n    - podSelector: {{matchLabels: {{app: svc-{(i + 40) % a.services:04d}}}}}\n    ports: [{{port: 8080, protocol: TCP}}]\n" for i in S))


def pods():
    for i in S:
        for k in range(a.pods_per_service):
            suffix = f"{rng.randrange(16**8):08x}"[:8]
            name = f"svc-{i:04d}-6d4b75cb6d-{suffix[:5]}"
            body = template(i, 0, E[i])
            body = body.replace("metadata:\n", f"metadata:\n  name: {name}\n  namespace: {ns(i)}\n  creationTimestamp: \"2026-11-01T10:00:00Z\"\n  ownerReferences:\n  - {{apiVersion: apps/v1, kind: ReplicaSet, name: svc-{i:04d}-6d4b75cb6d, uid: 00000000-0000-0000-0000-{i:012d}, controller: true}}\n", 1)
            body = body.replace("labels: {", "labels: {pod-template-hash: 6d4b75cb6d, ", 1).replace("spec:\n", f"spec:\n  nodeName: node-{(i * 5 + k) % 100:03d}\n", 1)
            ip = f"10.{128 + (i * 5 + k) // 65536}.{(i * 5 + k) // 256 % 256}.{(i * 5 + k) % 256}"
            yield f"apiVersion: v1\nkind: Pod\n{body}status:\n  phase: Running\n  podIP: {ip}\n  hostIP: 192.0.2.{(i * 5 + k) % 100 + 1}\n  conditions:\n" + "".join(
                f"  - {{type: {t}, status: \"True\", lastTransitionTime: \"2026-11-01T10:00:0{n}Z\"}}\n"
                for n, t in enumerate(["PodScheduled", "Initialized", "ContainersReady", "Ready"])
            ) + f"  containerStatuses:\n  - {{name: app, ready: true, restartCount: 0, image: \"registry.example/shop/svc-{i:04d}:1.{i % 30}.0\", imageID: \"sha256:{i:064x}\", containerID: \"containerd://{suffix}\", started: true, state: {{running: {{startedAt: \"2026-11-01T10:00:02Z\"}}}}}}\n"


write("pods.yaml", pods())
