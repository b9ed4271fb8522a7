#!/bin/sh
# Makes bindings/ from wit/, the contract: sh bindings.sh WIT_FOLDER [FOLDER]. It needs wit-bindgen 0.61.1 (WIT_BINDGEN names it).
# The header is that of a world with everything, so that one library serves all worlds; each world has its own adapters.
set -e
wit=$1 to=${2:-$(dirname "$0")/bindings}
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
cp "$wit"/*.wit "$(dirname "$0")/bindings/any-operator.wit" "$scratch"
renames=
for pair in types=wire log=wire_log maps=wire_maps metrics=wire_metrics transform=transform keyed=keyed aggregate=aggregate; do
    renames="$renames --rename weir:operator/${pair%=*}@0.1.0=${pair#*=}"
done
for world in any transform keyed aggregate; do
    "${WIT_BINDGEN:-wit-bindgen}" c "$scratch" -w $world-operator --rename-world wire --no-object-file $renames --out-dir "$scratch/$world"
done
cp "$scratch/any/wire.h" "$to/wire.h"
for world in transform keyed aggregate; do cp "$scratch/$world/wire.c" "$to/$world.c"; done
