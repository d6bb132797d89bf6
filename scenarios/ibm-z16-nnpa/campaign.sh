#!/usr/bin/env bash
# The campaign of ibm-z16-nnpa; "scenarios/campaign.sh" says what it takes.
unset NNPA_DEVICES
exec "$(dirname "$0")/../campaign.sh" ibm-z16-nnpa "$@"
