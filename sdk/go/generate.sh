#!/bin/sh
# Makes internal/bindings from wit/: wit-bindgen 0.61.1 once per world, with imports of its support package replaced by internal/wit.
#   sh generate.sh [WIT_BINDGEN] [FOLDER]
set -eu
cd "$(dirname "$0")"
bindgen=${1:-wit-bindgen} out=${2:-internal/bindings}
made=$(mktemp -d)
trap 'rm -r "$made"' EXIT
for world in transform keyed aggregate; do
    "$bindgen" go ../../wit --world $world-operator --format=false --pkg-name weir/internal/bindings --export-pkg-name weir/internal/export \
        --out-dir "$made" 2>/dev/null
    mkdir "$made/$world"
    mv "$made/wit_exports/wit_exports.go" "$made/$world/wit_exports_wasm.go"
    rmdir "$made/wit_exports"
done
find "$made" -name '*.go' -exec sed -i -E \
    -e 's#^(\s*wit[A-Z][a-z]+) "go\.bytecodealliance\.org/pkg/wit/[a-z]+"#\1 "weir/internal/wit"#' \
    -e 's#^(\s*)"runtime"#\1runtime "weir/internal/wit"#' {} +
rm -rf "$out"
mkdir -p "$out"
cp -R "$made/." "$out/"
