"""Evaluation: scores of predictions and statistics of gate logs.

Output in results/{dataset}/: {run}/{scope}/seed{seed}/ for every run, seed and checkpoint; {run}/gates_{split}.json for
the gates of a run's first seed; summary.{json,md,tex,csv} over all runs. `random` is the run of random predictions.
For networks that learnt only saliency: {run}/seed{seed}/tvsum_{split}.json and tvsum.{json,md}.
"""


rule baseline:
    input:
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        f"{layout.RUN}/predictions_{{split}}.jsonl",
    log:
        "logs/baseline/{dataset}/{run}/{scope}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/baseline/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run="random",
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("baseline"),
    params:
        version=EVAL_VERSION["baseline"],
    message:
        "Generating random predictions for {wildcards.split}, seed {wildcards.seed}"
    shell:
        "python -m eval baseline --ground-truth {input.queries:q} --seed {wildcards.seed} --out {output:q}"
        " > {log:q} 2>&1"


rule score:
    input:
        predictions=f"{layout.RUN}/predictions_{{split}}.jsonl",
        queries=lambda wildcards: study.annotations[wildcards.split],
        lists=paths.score_lists,
    output:
        metrics=f"{layout.RESULTS}/metrics_{{split}}.json",
        values=f"{layout.RESULTS}/queries_{{split}}.json",
    log:
        "logs/score/{dataset}/{run}/{scope}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/score/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("score"),
    params:
        by=tracked.parts,
        epoch=lambda wildcards: "" if wildcards.run == "random" else f"--epoch {study.inference.checkpoint}",
        covered=tracked.covered,
        version=EVAL_VERSION["score"],
    message:
        "Scoring run {wildcards.run}, seed {wildcards.seed}, on {wildcards.split}"
    shell:
        "python -m eval score --predictions {input.predictions:q} --ground-truth {input.queries:q} {params.by}"
        " --run {wildcards.run:q} --scope {wildcards.scope:q} --seed {wildcards.seed} {params.epoch}"
        " {params.covered} --out {output.metrics:q} --per-query {output.values:q} > {log:q} 2>&1"


use rule score as score_other with:
    input:
        predictions=f"{layout.RUN}/predictions_{{split}}_{study.other_checkpoint}.jsonl",
        queries=lambda wildcards: study.annotations[wildcards.split],
        lists=paths.score_lists,
    output:
        metrics=f"{layout.RESULTS}/metrics_{{split}}_{study.other_checkpoint}.json",
        values=f"{layout.RESULTS}/queries_{{split}}_{study.other_checkpoint}.json",
    log:
        "logs/score_other/{dataset}/{run}/{scope}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/score_other/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run=any_of(study.settings),
    params:
        by=tracked.parts,
        epoch=f"--epoch {study.other_checkpoint}",
        covered=tracked.covered,
        version=EVAL_VERSION["score"],


# For networks that learnt only saliency, as on TVSum: one file per run and seed with both checkpoints and all scopes.
rule tvsum:
    input:
        best=paths.ratings_of_run("best"),
        last=paths.ratings_of_run("last"),
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        "results/{dataset}/{run}/seed{seed}/tvsum_{split}.json",
    log:
        "logs/tvsum/{dataset}/{run}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/tvsum/{dataset}/{run}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run=any_of(study.settings),
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("tvsum"),
    params:
        domains=tracked.domains,
        covered=tracked.covered,
        version=EVAL_VERSION["tvsum"],
    message:
        "Scoring run {wildcards.run}, seed {wildcards.seed}, on {wildcards.split}, by domain"
    shell:
        "python -m eval tvsum --best {input.best:q} --last {input.last:q} --ground-truth {input.queries:q}"
        " {params.domains} {params.covered} --run {wildcards.run:q} --seed {wildcards.seed} --out {output:q}"
        " > {log:q} 2>&1"


rule tvsum_table:
    input:
        expand(
            "results/{dataset}/{run}/seed{seed}/tvsum_val.json", dataset=study.name, run=study.runs, seed=study.seeds
        ),
    output:
        json="results/{dataset}/tvsum.json",
        markdown="results/{dataset}/tvsum.md",
    log:
        "logs/tvsum_table/{dataset}.log",
    benchmark:
        "logs/benchmarks/tvsum_table/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("tvsum_table"),
    params:
        version=EVAL_VERSION["tvsum_table"],
    message:
        "Tabulating the scores by domain"
    shell:
        "python -m eval tvsum-table --scores {input:q} --out {output.json:q} --out-markdown {output.markdown:q}"
        " > {log:q} 2>&1"


rule summarise:
    input:
        metrics=rules.tvsum_table.input if study.rates_clips else paths.results_of_runs("metrics"),
        values=[] if study.rates_clips else paths.results_of_runs("queries"),
    output:
        json="results/{dataset}/summary.json",
        markdown="results/{dataset}/summary.md",
        latex="results/{dataset}/summary.tex",
        csv="results/{dataset}/summary.csv",
    log:
        "logs/summarise/{dataset}.log",
    benchmark:
        "logs/benchmarks/summarise/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("summarise"),
    params:
        # Snakemake tracks these files already, as inputs.
        values=lambda wildcards, input: (
            "" if study.rates_clips else f"--per-query {' '.join(map(shlex.quote, input['values']))}"
        ),
        version=EVAL_VERSION["summarise"],
    message:
        "Summarising all runs"
    shell:
        "python -m eval summarise --metrics {input.metrics:q} {params.values} --out-json {output.json:q}"
        " --out-markdown {output.markdown:q} --out-latex {output.latex:q} --out-csv {output.csv:q} > {log:q} 2>&1"


rule gates:
    input:
        gates=paths.gate_logs,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        "results/{dataset}/{run}/gates_{split}.json",
    log:
        "logs/gates/{dataset}/{run}_{split}.log",
    benchmark:
        "logs/benchmarks/gates/{dataset}/{run}_{split}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("gates"),
    params:
        by=tracked.by(study.evaluation.gates_by),
        version=EVAL_VERSION["gates"],
    message:
        "Computing gate statistics of run {wildcards.run} on {wildcards.split}"
    shell:
        "python -m eval gates --log {input.gates:q} --ground-truth {input.queries:q} {params.by} --out {output:q}"
        " > {log:q} 2>&1"
