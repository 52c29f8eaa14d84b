#!/usr/bin/env bash
# Snakemake's Slurm plugin waits for ever, without a word, for a job that somebody has cancelled.
#
# Believed: a job that is cancelled with `scancel` counts as failed (the plugin lists CANCELLED among the states of failure).
# Version: snakemake==9.27.1, snakemake-executor-plugin-slurm==2.8.0 (its default: the state of jobs from `sacct`).
# Seen: `sacct --parsable2 --format=JobIdRaw,State` names who cancelled: "CANCELLED by 1000". The plugin compares the whole text with
#   its list, finds nothing, and takes the job for a running one. Real Slurm (22.05.8) prints this; here stand-ins for its commands do,
#   so that no cluster is needed. `squeue`, the other source of states (--slurm-status-command squeue), says CANCELLED alone.
# Output:
#   state COMPLETED: snakemake ended with 0
#   state CANCELLED: snakemake ended with 1
#   state CANCELLED by 1000: snakemake still waits after 60 s
# Why it matters: administrators cancel jobs, and so do users who find one in the wrong partition. The workflow then hangs until
#   somebody looks, neither failing nor trying the job again, whatever --retries says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet snakemake==9.27.1 snakemake-executor-plugin-slurm==2.8.0
mkdir "$folder/bin"
cd "$folder"
# The job has "run" when it is submitted.
cat >bin/sbatch <<'SH'
#!/bin/sh
cat >/dev/null
touch out
echo 7
SH
cat >bin/sacct <<'SH'
#!/bin/sh
case "$*" in *JobIdRaw*) echo "7|$STATE" ;; esac
SH
printf '#!/bin/sh\necho "MinJobAge = 300 sec"\n' >bin/scontrol
printf '#!/bin/sh\necho "main*"\n' >bin/sinfo
printf '#!/bin/sh\n' | tee bin/squeue >bin/scancel
chmod +x bin/*
printf 'rule a:\n    output:\n        "out",\n    resources:\n        mem_mb=100,\n        runtime=1,\n    shell:\n        "touch {output}"\n' >Snakefile
changed=0
for state in COMPLETED CANCELLED 'CANCELLED by 1000'; do
  rm -rf out .snakemake
  status=0
  STATE=$state PATH=$folder/bin:$folder/venv/bin:$PATH timeout --kill-after=1 60 snakemake --executor slurm --jobs 1 \
    --slurm-init-seconds-before-status-checks 1 --latency-wait 1 >log 2>&1 || status=$?
  case $status in
  137) echo "state $state: snakemake still waits after 60 s" ;;
  *) echo "state $state: snakemake ended with $status" ;;
  esac
  case $state:$status in COMPLETED:0 | CANCELLED:1 | 'CANCELLED by 1000':137) ;; *) changed=1 && tail -n 20 log ;; esac
done
[ "$changed" = 0 ] || { echo "the behaviour has changed"; exit 1; }
