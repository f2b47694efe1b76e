#!/usr/bin/env bash
# Wall time and peak memory of reading a big dump, istioctl and meshctl in turn on the same file, and `cat` as the floor.
#
#   benches/proxy-config.sh DUMP CLUSTERS [MEBIBYTES]
#
# DUMP is an answer of config_dump?include_eds=true, CLUSTERS one of clusters?format=json (proxy-dumps.sh makes both); with a
# size, both are multiplied to about that first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dump=$1 clusters=$2 size=${3:-}
meshctl=${MESHCTL:-$here/../target/release/meshctl}
istioctl=${ISTIOCTL:-$HOME/.cache/meshctl-rig/bin/istioctl}
if [[ -n $size ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  "$here/proxy-config.py" "$dump" "$size" >"$work/dump.json"
  "$here/proxy-config.py" "$clusters" "$size" >"$work/clusters.json"
  dump=$work/dump.json clusters=$work/clusters.json
fi
ls -l "$dump" "$clusters"
for part in cluster listener route eds endpoint all; do
  file=$dump
  [[ $part == endpoint ]] && file=$clusters
  echo "== $part"
  "$here/compare.py" -n "${RUNS:-3}" "$meshctl proxy-config $part -f $file" "$istioctl proxy-config $part -f $file"
done
for format in json envoy; do
  echo "== all -o $format; istioctl has only json"
  "$here/compare.py" -n "${RUNS:-3}" "$meshctl proxy-config all -f $dump -o $format" "$istioctl proxy-config all -f $dump -o json"
done
echo "== the floor"
"$here/compare.py" -n "${RUNS:-3}" "cat $dump" "cat $clusters"
