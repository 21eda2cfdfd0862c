#!/bin/bash
# Installs what package-lock.json names into bin/node, once.
set -euo pipefail
cd "$(dirname "$0")"
into=../../bin/node
mkdir -p $into
exec 9>$into/.lock
flock 9
if ! cmp -s package-lock.json $into/node_modules/.installed; then
  echo "installing tools/node into bin/node (once)" >&2
  cp package.json package-lock.json $into/
  npm ci --prefix $into --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error >&2
  cp package-lock.json $into/node_modules/.installed
fi
