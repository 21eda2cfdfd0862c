#!/usr/bin/env bash
# Prints the newest part of CHANGELOG.md: the notes of a release.
set -euo pipefail
cd "$(dirname "$0")/.."
awk '/^## / { part++; next } part == 1' CHANGELOG.md
