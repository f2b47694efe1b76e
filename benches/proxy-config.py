#!/usr/bin/env python3
"""Makes a big config dump from a recorded one: its dynamic clusters, listeners, routes, endpoints, again and again
under other names, until the file is as big as asked. With --hosts the input is an answer of `clusters?format=json`.

    benches/proxy-config.py RECORDED MEBIBYTES >big.json
"""
import json, re, sys

dump = json.load(open(sys.argv[1]))
size = float(sys.argv[2]) * 1024 * 1024
lists = {
    "dynamic_active_clusters", "dynamic_listeners", "dynamic_route_configs", "dynamic_endpoint_configs", "cluster_statuses",
}
text = json.dumps(dump, indent=1)
times = max(1, round(size / len(text)))


def again(items):
    out = list(items)
    for i in range(1, times):
        for item in items:
            copy = json.dumps(item)
            # Hosts, and names of listeners and routes, get a number; ports stay what they are.
            copy = re.sub(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc", rf"\1-{i}.\2.svc", copy)
            out.append(json.loads(copy))
    return out


for section in dump.get("configs", [dump]):
    for key in lists & section.keys():
        section[key] = again(section[key])
json.dump(dump, sys.stdout, indent=1)
