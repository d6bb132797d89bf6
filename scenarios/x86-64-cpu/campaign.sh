#!/usr/bin/env bash
# The campaign of x86-64-cpu; "scenarios/campaign.sh" says what it takes.
exec "$(dirname "$0")/../campaign.sh" x86-64-cpu "$@"
