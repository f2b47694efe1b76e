# What the suites on real clusters have in common; sourced, with $work for what checks see, and n and failed for the counts.
has() { grep "$@" >/dev/null; }                  # reads to the end, so that no pipe breaks before it
check() {                                        # check NAME COMMAND...: one line; after a failure what it printed and wrote
  local name=$1 t=$SECONDS file; shift; n=$((n + 1)); touch "$work/begun"
  if "$@" >"$work/check-$n.log" 2>&1; then echo "ok $n $name ($((SECONDS - t))s)"; return; fi
  failed=$((failed + 1)); echo "not ok $n $name ($((SECONDS - t))s)"; tail -n 12 "$work/check-$n.log" | sed 's/^/    /'
  find "$work" -maxdepth 1 -newer "$work/begun" \( -name '*.txt' -o -name '*.err' \) | while read -r file; do
    echo "    ${file##*/}:"; grep -v ' SYNCED ' "$file" | head -n 20 | cut -c1-300 | sed 's/^/      /'
  done
}
# j FILE EXPRESSION: a Python condition over the report `r`
j() { python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); v = eval(sys.argv[2]); print(json.dumps(r)[:2000]) if not v else None; sys.exit(not v)' "$@"; }
forwarded() {                                    # forwarded OUTPUT PID: the port that this `kubectl port-forward` chose
  local port
  until port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$1") && [[ -n $port ]]; do
    kill -0 "$2" || { cat "$1" >&2; return 1; }
    read -rt 0.1 <> <(:)
  done
  echo "$port"
}
