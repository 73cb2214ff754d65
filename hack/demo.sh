#!/bin/bash
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh KEEP MANIFEST FLAG…: runs the demo in a lab of its own. FLAG… are those of "lab up".
set -euo pipefail
cd "$(dirname "$0")/.."
keep=$1 manifest=$2
shift 2
show=(bin/sluice-demo)
[ -z "$manifest" ] || show+=(-manifest "$(realpath "$manifest")")

if [ -z "$keep" ]; then
  exec bin/lab run --with gateway,prometheus "$@" -- "${show[@]}"
fi
dir=${XDG_STATE_HOME:-$HOME/.local/state}/sluice-lab/demo
bin/lab down --dir "$dir" >/dev/null 2>&1 || true
bin/lab up --dir "$dir" --with gateway,prometheus "$@"
bin/lab exec --dir "$dir" -- "${show[@]}" && rc=0 || rc=$?
cat <<END

The lab is still running. Look around:
  bin/lab exec --dir $dir -- kubectl -n prod get canary web
  bin/lab exec --dir $dir -- kubectl -n prod describe canary web
  bin/lab exec --dir $dir -- kubectl -n prod get pods,httproute
  bin/lab exec --dir $dir -- kubectl -n sluice-system logs deploy/sluice-controller
Release something:
  bin/lab exec --dir $dir -- kubectl -n prod set env deploy/web VERSION=1.3.0 ERROR_RATE-
End it:
  bin/lab down --dir $dir
END
exit $rc
