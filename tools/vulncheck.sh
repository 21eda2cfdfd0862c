#!/usr/bin/env bash
# Runs govulncheck, whose path is the first argument, over the product and the development server. Without the database there is nothing to
# compare with: that is said, and is no failure, unless VULNCHECK=required.
set -euo pipefail
govulncheck=$1
database=${GOVULNDB:-https://vuln.go.dev}
cd "$(dirname "$0")/.."
if [[ $database == http* ]] && ! curl --fail --silent --show-error --max-time 10 --output /dev/null "$database/index/modules.json"; then
	echo "vulncheck: NOTHING WAS CHECKED: the vulnerability database $database cannot be reached. Run make vulncheck where it can, or set GOVULNDB to a copy of it." >&2
	[[ ${VULNCHECK:-} != required ]]
	exit
fi
for module in . devserver; do
	"$govulncheck" -C "$module" -db "$database" ./...
done
