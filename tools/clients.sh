#!/bin/bash
# Makes from api/openapi.yaml what programs that call the API are written with: the Go client, the TypeScript types and the Bruno collection.
#   tools/clients.sh write    into the checkout
#   tools/clients.sh check    elsewhere, and says what differs
# Needs bin/oapi-codegen. The TypeScript types and the collection need npm; without it they are left out, with a word.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

make_go() {
  mkdir -p "$1"
  (cd api/client && "$root/bin/oapi-codegen" -config oapi-codegen.yaml -o "$1/client.gen.go" ../openapi.yaml)
}

make_node() {
  tools/node/install.sh
  bin/node/node_modules/.bin/openapi-typescript api/openapi.yaml --root-types --root-types-no-schema-prefix -o "$1/typescript/schema.d.ts" >/dev/null
  cp tools/node/bruno.mjs bin/node/
  node bin/node/bruno.mjs api/openapi.yaml "$2"
}

same() {
  diff -ru -x .env "$1" "$2" || { echo "$1 is not current: run make generate"; exit 1; }
}

into=$root/api
if [ "${1:?write or check}" = check ]; then
  into=$(mktemp -d)
  trap 'rm -rf "$into"' EXIT
fi
make_go "$into/client"
[ "$1" = write ] || same api/client/client.gen.go "$into/client/client.gen.go"
if ! command -v npm >/dev/null; then
  echo "npm is not installed: api/client/typescript and api/bruno are left as they are" >&2
  exit 0
fi
make_node "$into/client" "$into/bruno"
[ "$1" = write ] || { same api/client/typescript/schema.d.ts "$into/client/typescript/schema.d.ts"; same api/bruno "$into/bruno"; }
