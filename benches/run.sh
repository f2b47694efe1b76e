#!/usr/bin/env bash
# `analyze` on a made-up cluster of 10,000 pods: as a recording, and as YAML beside `istioctl analyze --use-kube=false`.
#
#     cargo build --release && benches/run.sh
#
# ISTIOCTL names the peer's binary; without it only meshctl is timed, and that is said.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
MESHCTL=${MESHCTL:-$here/../target/release/meshctl}
ISTIOCTL=${ISTIOCTL:-${XDG_CACHE_HOME:-$HOME/.cache}/meshctl-rig/bin/istioctl}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$here/generate.py" "$dir/yaml"
"$MESHCTL" snapshot record --quiet --from "$dir/yaml" "$dir/cluster.tar.zst" >/dev/null
du -sh "$dir/yaml" "$dir/cluster.tar.zst" | sed "s|$dir/||"
echo "--- recording"
"$here/compare.py" "$MESHCTL analyze --quiet --from $dir/cluster.tar.zst"
echo "--- the same objects as YAML"
if [[ -x $ISTIOCTL ]]; then
  "$here/compare.py" "$MESHCTL analyze --quiet --from $dir/yaml" "$ISTIOCTL analyze --use-kube=false $(echo "$dir"/yaml/*.yaml)"
else
  echo "no istioctl at $ISTIOCTL: timed alone"; "$here/compare.py" "$MESHCTL analyze --quiet --from $dir/yaml"
fi
