#!/usr/bin/env bash
# Trains every stage of `tiny` on a bare machine with PyTorch, and leaves what is worth keeping in one folder.
#
#   training/device.sh SECONDS [BATCH [INIT.safetensors]]
#
# Reads   $ULBIC_SHARED (default runs/carry): data/train/shard-*.tar, as many as there are, data/val/*.png and
#         perceptual/; wheels of packages that the machine lacks in .whl/.
# Keeps   decoded pictures, optimiser states and shards of earlier calls in $ULBIC_SCRATCH (default /tmp/ulbic),
#         so that a second call goes on where the first one ended.
# Writes  $OUT (default runs/device): tiny.safetensors in fp16 (under 16 MB), curves, val.csv.
set -euo pipefail
seconds=$1 batch=${2:-} init=${3:-}
cd "$(dirname "$0")/.."
export ULBIC_SHARED=${ULBIC_SHARED:-$PWD/runs/carry}
scratch=${ULBIC_SCRATCH:-/tmp/ulbic} out=${OUT:-$PWD/runs/device}
mkdir -p "$scratch/shards" "$scratch/site" "$out"
if compgen -G ".whl/*.whl" >/dev/null; then
  python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$scratch/site" .whl/*.whl
fi
make -s typing-tree
export PYTHONPATH=$PWD/build/typing:$scratch/site${PYTHONPATH:+:$PYTHONPATH}
cp -n "$ULBIC_SHARED"/data/train/shard-*.tar "$scratch/shards/"
python3 -m ulbic.training all --seconds "$seconds" --shards "$scratch/shards" --output "$scratch/run" \
  ${batch:+--batch "$batch"} ${init:+--init "$init"}
python3 -m ulbic.training export "$scratch/run/contexts/weights.safetensors" "$out/tiny.safetensors" \
  --shards "$scratch/shards" --output "$scratch/run"
for stage in "$scratch"/run/*/; do cp "$stage/log.jsonl" "$out/$(basename "$stage").jsonl"; done
python3 -m ulbic.benchmarks.evaluate "$ULBIC_SHARED/data/val" -o "$out/val.csv" -q 1 -q 5 -q 8 \
  --weights "$out/tiny.safetensors" || echo "evaluation needs the wheels of constriction, lpips and piq in .whl/"
