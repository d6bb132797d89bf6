#!/usr/bin/env bash
# A whole campaign on one target: its benchmarks at full length, one after the other, and the
# submission's folder. What is finished is not run again: delete RUNS/<benchmark> to repeat it.
#
# Usage: scenarios/<target>/campaign.sh IMAGENET COCO SQUAD SUBMITTER SYSTEM.yaml FOLDER
#   IMAGENET, COCO, SQUAD  folders of the data sets
#   SUBMITTER              the name in the tree
#   SYSTEM.yaml            the system description (loadscope system)
#   FOLDER                 takes runs/ and submission/
# Example: scenarios/ibm-z16-nnpa/campaign.sh ~/imagenet ~/coco ~/squad Acme z16.yaml z16-campaign
set -euo pipefail

target=${1:?the target folder}
shift
if [[ $# -ne 6 || ! -d $1 || ! -d $2 || ! -d $3 || ! -f $5 ]]; then
  sed -n '/^# Usage/,/^# Example/s/^# \?//p' "$0" >&2
  exit 2
fi
declare -A data=([resnet50]=$1 [yolo11l]=$2 [bert-large]=$3)
submitter=$4 system=$(realpath "$5") runs=$(realpath -m "$6")/runs output=$(realpath -m "$6")/submission
for benchmark in resnet50 yolo11l bert-large; do
  data[$benchmark]=$(realpath "${data[$benchmark]}")
done
cd "$(dirname "$0")/.."

for benchmark in resnet50 yolo11l bert-large; do
  if [[ -e $runs/$benchmark/.done ]]; then
    echo "campaign: $benchmark is finished"
    continue
  fi
  echo "campaign: $target $benchmark"
  loadscope run "scenarios/$target/$benchmark.yaml" --dataset-path "${data[$benchmark]}" \
    --output "$runs/$benchmark"
  touch "$runs/$benchmark/.done"
done
loadscope submit --runs "$runs" --division closed --submitter "$submitter" --system "$system" \
  --output "$output"
