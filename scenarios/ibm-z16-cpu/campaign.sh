#!/usr/bin/env bash
# The campaign of ibm-z16-cpu; "scenarios/campaign.sh" says what it takes.
# TensorFlow's zDNN plugin would take the accelerator unasked.
export NNPA_DEVICES=0
exec "$(dirname "$0")/../campaign.sh" ibm-z16-cpu "$@"
