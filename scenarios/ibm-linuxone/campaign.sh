#!/usr/bin/env bash
# The campaign of ibm-linuxone; "scenarios/campaign.sh" says what it takes.
# TensorFlow's zDNN plugin would take the accelerator unasked.
export NNPA_DEVICES=0
exec "$(dirname "$0")/../campaign.sh" ibm-linuxone "$@"
