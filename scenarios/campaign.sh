#!/usr/bin/env bash
# A whole campaign of one framework on one target: its benchmarks with accuracy and compliance
# tests at full length, one after the other, and the submission's folder. Started again, it goes
# on where it was: what is finished is not run again (delete runs/<benchmark>/<scenario> to repeat
# it), what was interrupted or failed is.
#
# Usage: scenarios/<target>/campaign.sh [--rehearsal] FRAMEWORK IMAGENET COCO SQUAD SUBMITTER SYSTEM.yaml FOLDER
#   --rehearsal            seconds and twenty samples a test, to see the whole way once before;
#                          a test that fails does not end it, and the tree is marked
#   FRAMEWORK              one that the target's scripts name; a system description has one, so
#                          each has a campaign with a SYSTEM.yaml and a FOLDER of its own
#   IMAGENET, COCO, SQUAD  folders of the data sets
#   SUBMITTER              the name in the tree
#   SYSTEM.yaml            the system description (loadscope system)
#   FOLDER                 takes runs/ and submission/
# Example: scenarios/ibm-z16-nnpa/campaign.sh onnxmlir ~/imagenet ~/coco ~/squad Acme z16.yaml z16-campaign
set -euo pipefail

target=${1:?the target folder}
shift
rehearsal=()
if [[ ${1:-} == --rehearsal ]]; then
  rehearsal=(--rehearsal)
  shift
fi
if [[ $# -ne 7 || ! -d $2 || ! -d $3 || ! -d $4 || ! -f $6 ]]; then
  sed -n '/^# Usage/,/^# Example/s/^# \?//p' "$0" >&2
  exit 2
fi
framework=$1 submitter=$5 system=$(realpath "$6")
runs=$(realpath -m "$7")/runs output=$(realpath -m "$7")/submission
declare -A data=([resnet50]=$(realpath "$2") [yolo11l]=$(realpath "$3") [bert-large]=$(realpath "$4"))
cd "$(dirname "$0")/.."

# The words of a script's list of settings.
words() {
  sed -n "s/^$2: *//p" "$1" | tr -d "[],'"
}

benchmarks=()
for benchmark in resnet50 yolo11l bert-large; do
  known=$(words "scenarios/$target/$benchmark.yaml" framework)
  if [[ " $known " == *" $framework "* ]]; then
    benchmarks+=("$benchmark")
  else
    echo "campaign: $benchmark is not run on $framework here, but on: $known" >&2
  fi
done
if [[ ${#benchmarks[@]} -eq 0 ]]; then
  echo "campaign: no benchmark of $target runs on '$framework'" >&2
  exit 2
fi

failed=()
for benchmark in "${benchmarks[@]}"; do
  script=scenarios/$target/$benchmark.yaml
  for scenario in $(words "$script" scenario); do
    folder=$runs/$benchmark/$scenario status=0
    echo "campaign: $target $framework $benchmark $scenario"
    if [[ -e $folder/run.json ]]; then
      loadscope run --resume "$folder" || status=$?
    else
      short=()
      if [[ ${#rehearsal[@]} -gt 0 ]]; then
        # Fewer queries than these have no estimate of their percentile.
        queries=100
        [[ $scenario == MultiStream ]] && queries=662
        short=(--min-duration 2s --count 20 --min-query-count $queries)
      fi
      loadscope run "$script" --framework "$framework" --scenario "$scenario" \
        --dataset-path "${data[$benchmark]}" --output "$folder" "${short[@]}" || status=$?
    fi
    [[ $status -gt 1 ]] && exit "$status"
    [[ $status -eq 1 ]] && failed+=("$benchmark $scenario")
  done
done
if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'campaign: failed: %s\n' "${failed[@]}" >&2
  [[ ${#rehearsal[@]} -gt 0 ]] || exit 1
fi
loadscope submit --runs "$runs" --division closed --submitter "$submitter" --system "$system" \
  --output "$output" "${rehearsal[@]}"
