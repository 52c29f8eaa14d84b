#!/bin/sh
# Status of a Job, for Snakemake: running, success or failed. A server that does not answer changes nothing: running.
counts=$(kubectl get job "$1" --output 'jsonpath={.status.succeeded}/{.status.failed}' 2>&1)
case $counts in
*NotFound*) echo failed ;; # deleted by hand
1/*) echo success ;;
/[1-9]*) echo failed ;;
*) echo running ;;
esac
