#!/usr/bin/env bash
# Fuzzes every fuzz target of the product for the time that is given, one after the other: go test takes one at a time.
set -euo pipefail
time=${1:-2s}
cd "$(dirname "$0")/.."
grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
	package=$(dirname "$file")
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$file"); do
		if ! out=$(go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" 2>&1); then
			echo "$out"
			echo "fuzz: $package $target fails; the input is in its testdata: keep it as a regression test" >&2
			exit 1
		fi
		echo "fuzz: $package $target: $(grep -oE 'execs: [0-9]+' <<<"$out" | tail -1)"
	done
done
