#!/usr/bin/env bash
# Wall time and peak memory of reading a big dump, istioctl and meshctl in turn on the same file, and `cat` as the floor.
#
#   benches/proxy-config.sh RECORDED_DUMP RECORDED_CLUSTERS [MEBIBYTES]
#
# RECORDED_DUMP is an answer of config_dump?include_eds=true, RECORDED_CLUSTERS one of clusters?format=json.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dump=$1 clusters=$2 size=${3:-40}
meshctl=${MESHCTL:-$here/../target/release/meshctl}
istioctl=${ISTIOCTL:-$HOME/.cache/meshctl-rig/bin/istioctl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/proxy-config.py" "$dump" "$size" >"$work/dump.json"
"$here/proxy-config.py" "$clusters" "$size" >"$work/clusters.json"
ls -l "$work"
for part in cluster listener route eds endpoint all; do
  file=$work/dump.json
  [[ $part == endpoint ]] && file=$work/clusters.json
  echo "== $part"
  "$here/compare.py" -n "${RUNS:-3}" "$meshctl proxy-config $part -f $file" "$istioctl proxy-config $part -f $file"
done
echo "== the floor"
"$here/compare.py" -n "${RUNS:-3}" "cat $work/dump.json"
