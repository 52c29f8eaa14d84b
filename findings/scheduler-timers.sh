#!/usr/bin/env bash
# For each job that has ended, Snakemake's scheduler looks at all waiting jobs once more per second, until the run ends.
#
# Believed: while jobs run and nothing else can start, Snakemake's main process waits. `--max-jobs-per-timespan` limits how fast jobs are
#   started (its help), so its default of 100 per second costs nothing where jobs take minutes.
# Version: snakemake==9.27.1, with local jobs and default options.
# Seen: with a limit, each round of the scheduler that finds waiting jobs starts a timer for another round one timespan later. Rounds that
#   such a timer causes start one again, and each job that ends adds a round. So after N jobs there are N rounds per second, each of
#   which stats the input of every waiting job, and a thread per timer. CPU time is taken from the jobs and grows with the square of their
#   number. At the end the process waits until the last timers are over: with `600/60s`, up to a minute.
# Output (beside other work; the last column depends on the machine):
#   default limit, jobs that ended:   5   threads: 3 to  10   CPU of the waiting main process:  0 %
#   default limit, jobs that ended:  50   threads: 3 to  55   CPU of the waiting main process:  5 %
#   default limit, jobs that ended: 200   threads: 3 to  53   CPU of the waiting main process: 14 %
#   no limit, jobs that ended:  50   threads: 3 to   3   CPU of the waiting main process:  0 %
# Known: "gradually becomes slower, the number of threads increases" (issue 2967 of snakemake/snakemake, open since 2024) and "excessive
#   stat calls" (issue 3955) report what follows, without this cause.
# Why it matters: a study of 740 trainings and predictions lost 40 % of a core to it after 200 of them. A workflow can take the limit away
#   as it starts: `onstart: workflow.scheduler.job_rate_limiter = None`, an attribute that is not documented.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet snakemake==9.27.1
export PATH="$folder/venv/bin:$PATH"
cd "$folder"
cat >Snakefile <<'SNAKEFILE'
# Many quick jobs, then three that take the whole machine, one after the other, and look at Snakemake's main process.
onstart:
    if config["limit"] == "no":
        workflow.scheduler.job_rate_limiter = None

rule all:
    input: expand("seen/{i}", i=range(3))

rule quick:
    output: touch("quick/{i}")

rule wait:
    input: expand("quick/{i}", i=range(config["jobs"]))
    output: "seen/{i}"
    threads: 2
    shell:
        """
        ticks() {{ awk '{{print $14 + $15}}' /proc/$PPID/stat; }}
        sleep 1; before=$(ticks); sleep 4
        echo "$(ls /proc/$PPID/task | wc -l) $(( ($(ticks) - before) * 100 / (4 * $(getconf CLK_TCK)) ))" >{output}
        """
SNAKEFILE
measure() { # limit, jobs
    rm -rf quick seen .snakemake
    snakemake --cores 2 --quiet all --config limit="$1" jobs="$2" >log 2>&1 || { cat log; exit 1; }
    # With waiting jobs there are timers; while the last job runs there are none.
    fewest=$(sort -n seen/* | head -1 | cut -d' ' -f1)
    most=$(sort -n seen/* | tail -1 | cut -d' ' -f1)
    cpu=$(cut -d' ' -f2 seen/* | sort -n | tail -1)
    printf '%s limit, jobs that ended: %3d   threads: %d to %3d   CPU of the waiting main process: %2d %%\n' "$1" "$2" "$fewest" "$most" "$cpu"
}
changed=0
measure default 5
few=$most
measure default 50
[ "$most" -ge $((few + 20)) ] || changed=1
measure default 200
[ "$most" -ge $((few + 20)) ] || changed=1
measure no 50
[ "$most" -lt $((few + 10)) ] || changed=1
[ $changed = 0 ] || { echo "the behaviour has changed"; exit 1; }
