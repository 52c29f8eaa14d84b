#!/bin/sh
# Status of a Slurm job, for Snakemake: running, success or failed. A controller that does not answer changes nothing: running.
state=$(squeue --jobs "$1" --states all --noheader --format %T 2>&1)
case $state in
COMPLETED) echo success ;;
BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | REVOKED | TIMEOUT) echo failed ;;
# Ended so long ago that Slurm has forgotten it: Snakemake looks whether the outputs are there.
'' | *'Invalid job id'*) echo success ;;
*) echo running ;;
esac
