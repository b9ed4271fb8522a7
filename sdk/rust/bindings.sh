#!/bin/sh
# Makes src/bindings from wit/, the contract: sh bindings.sh WIT_FOLDER [FOLDER]. It needs wit-bindgen 0.61.1 (WIT_BINDGEN names it).
# The worlds of the contract in parts: an interface can be bound only once in a crate, and `log` and `metrics` are in all three worlds; a
# component imports `maps` only if something in it reads maps. What is exported and imported is put together again when it is wrapped.
set -e
wit=$1 to=${2:-$(dirname "$0")/src/bindings}
# Both packages, as the generator looks for them: one in a folder, and what it uses below `deps`.
packages=$(mktemp -d)
trap 'rm -r "$packages"' EXIT
mkdir -p "$packages/deps/operator"
cp "$wit"/updating/*.wit "$packages"
cp "$wit"/*.wit "$packages/deps/operator"
bind() {
    world=$1 items=$2
    shift 2
    "${WIT_BINDGEN:-wit-bindgen}" rust "$packages" --inline "package weir:sdk; world $world { $items }" --world "$world" --format \
        --out-dir "$to" "$@"
    sed -i "1i //! Bindings of the contract's part \`$world\`. Changed only by \`sdk/rust/bindings.sh\`." "$to/$world.rs"
}
types=weir:operator/types@0.1.0=crate::wire
for world in transform keyed aggregate; do
    bind $world "export weir:operator/$world@0.1.0;" --with $types --pub-export-macro --default-bindings-module "weir_sdk::guest::$world"
done
bind retract "export weir:updating/retract@0.1.0;" --with $types --pub-export-macro --default-bindings-module "weir_sdk::guest::retract"
bind imports "import weir:operator/log@0.1.0; import weir:operator/metrics@0.1.0;" --generate-all
bind maps "import weir:operator/maps@0.1.0;" --with $types,weir:operator/maps@0.1.0=generate
