#!/usr/bin/env bash
# A whole campaign of one framework on one target and this machine: its benchmarks with accuracy
# and compliance tests at full length, one after the other, and the submission's folder. It writes
# the campaign file FOLDER.yaml and has "loadscope campaign" carry it out; started again, it goes on
# where it was.
#
# Usage: scenarios/<target>/campaign.sh [--rehearsal] FRAMEWORK IMAGENET COCO SQUAD SUBMITTER SYSTEM.yaml FOLDER
#   --rehearsal            seconds and twenty samples a test, to see the whole way once before;
#                          a test that fails does not end it, and the tree is marked
#   FRAMEWORK              one that the target's scripts name; a system description has one, so
#                          each has a campaign with a SYSTEM.yaml and a FOLDER of its own
#   IMAGENET, COCO, SQUAD  folders of the data sets
#   SUBMITTER              the name in the tree
#   SYSTEM.yaml            the system description (loadscope system)
#   FOLDER                 takes the campaign: its runs/ and its submission/
# Example: scenarios/ibm-z16-nnpa/campaign.sh onnxmlir ~/imagenet ~/coco ~/squad Acme z16.yaml z16-campaign
set -euo pipefail

target=${1:?the target folder}
shift
rehearsal=false tries=3
if [[ ${1:-} == --rehearsal ]]; then
  # What a test of seconds comes to says little: once is enough to see the way.
  rehearsal=true tries=1
  shift
fi
if [[ $# -ne 7 || ! -d $2 || ! -d $3 || ! -d $4 || ! -f $6 ]]; then
  sed -n '/^# Usage/,/^# Example/s/^# \?//p' "$0" >&2
  exit 2
fi
framework=$1 submitter=$5 system=$(realpath "$6") folder=$(realpath -m "$7")
declare -A data=([resnet50]=$(realpath "$2") [yolo11l]=$(realpath "$3") [bert-large]=$(realpath "$4"))
scripts=$(realpath "$(dirname "$0")")/$target

# The words of a script's list of settings.
words() {
  sed -n "s/^$2: *//p" "$1" | tr -d "[],'"
}

# Text as YAML and JSON have it.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# What changes how frameworks compute is named in the file; a test gets nothing else.
environment() {
  local name comma=""
  for name in $(compgen -e | grep -E '^(OMP_|KMP_|GOMP_|MKL_|OPENBLAS_|DNNL_|ONEDNN_|TORCH_|MALLOC_|ZDNN_|OM_|ONNX_MLIR_|(LD_PRELOAD|CUDA_VISIBLE_DEVICES|NNPA_DEVICES|PYTHONPATH|LOADSCOPE_LAYOUT_SECONDS)$)'); do
    printf '%s%s: %s' "$comma" "$name" "$(quoted "${!name}")"
    comma=", "
  done
}

uses=""
for benchmark in resnet50 yolo11l bert-large; do
  script=$scripts/$benchmark.yaml
  known=$(words "$script" framework)
  if [[ " $known " != *" $framework "* ]]; then
    echo "campaign: $benchmark is not run on $framework here, but on: $known" >&2
    continue
  fi
  for scenario in $(words "$script" scenario); do
    short=""
    if [[ $rehearsal == true ]]; then
      # Fewer queries than these have no estimate of their percentile.
      queries=100
      [[ $scenario == MultiStream ]] && queries=662
      short=", min_duration: 2s, count: 20, min_query_count: $queries"
    fi
    uses+="      - script: $(quoted "$(realpath "$script")")
        settings: {scenario: $scenario, dataset_path: $(quoted "${data[$benchmark]}")$short}
"
  done
done
if [[ -z $uses ]]; then
  echo "campaign: no benchmark of $target runs on '$framework'" >&2
  exit 2
fi
mkdir -p "$(dirname "$folder")"
cat > "$folder.yaml" << END
name: $target
rehearsal: $rehearsal
tries: $tries
targets:
  - name: $target
    hosts: [this-machine]
    settings: {framework: $(quoted "$framework")}
    environment: {$(environment)}
    scripts:
$uses    submission:
      division: closed
      submitter: $(quoted "$submitter")
      system: $(quoted "$system")
END
exec loadscope campaign start "$folder.yaml" --folder "$folder"
