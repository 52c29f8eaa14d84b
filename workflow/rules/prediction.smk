"""Prediction with a given checkpoint, on your own videos and queries or on labelled ones; nothing is trained.

Output: predictions/{dataset}/{split}.jsonl (one network per domain: predictions/{dataset}/{scope}/{split}.jsonl) with
gate logs next to them, results/{dataset}/ranked.{md,tsv} and one picture per query, plots/{dataset}/moments/{qid}.png.
Where the rows have labels, the predictions are scored, and gates are counted and drawn, like those of a run that is
called `given`. A checkpoint of a reference implementation is imported first, to weights/imported/{dataset}/{scope}.pt.
"""

PREDICTIONS = [file for split in study.annotations for file in paths.predictions(split)]
GIVEN_SCORES = (
    expand(
        "results/{dataset}/{run}/seed{seed}/tvsum_{split}.json",
        dataset=study.name,
        run=study.runs,
        seed=study.seeds,
        split=study.scored,
    )
    if study.rates_clips
    else expand(
        f"{layout.RESULTS}/metrics_{{split}}.json",
        dataset=study.name,
        run=study.runs,
        scope=study.scopes,
        seed=study.seeds,
        split=study.scored,
    )
)
PREDICTED = [
    PREDICTIONS,
    f"results/{study.name}/ranked.md",
    f"results/{study.name}/ranked.tsv",
    f"plots/{study.name}/moments",
    GIVEN_SCORES,
    [f"results/{study.name}/summary.md", DOMAINS] if "val" in study.scored else [],
    [f"results/{study.name}/{run}/gates_{split}.json" for run in study.logged_runs for split in study.annotations],
    [
        f"plots/{study.name}/{run}/gates_{split}/{figure}.png"
        for run in study.logged_runs
        for split in study.annotations
        for figure in GATE_FIGURES
    ],
    expand("plots/gates_{split}.png", split=study.annotations if study.logged_runs else []),
]


ruleorder: score_given > score
ruleorder: tvsum_given > tvsum


rule import_checkpoint:
    input:
        paths.given_reference,
    output:
        layout.IMPORTED,
    log:
        "logs/import_checkpoint/{dataset}/{scope}.log",
    benchmark:
        "logs/benchmarks/import_checkpoint/{dataset}/{scope}.tsv"
    wildcard_constraints:
        scope=any_of(study.given.references),
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        **ask_for("import_checkpoint"),
    params:
        streams=tracked.import_streams,
        version=MODEL_VERSION["import"],
    message:
        "Importing the checkpoint {input}"
    shell:
        "python -m model import-checkpoint --checkpoint {input:q} {params.streams} --out {output:q} > {log:q} 2>&1"


rule predict:
    input:
        features=paths.features,
        checkpoint=paths.given_checkpoint,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        predictions=f"{paths.predictions_of_given}/{{split}}.jsonl",
    log:
        f"logs/predict/{paths.part_of_given}/{{split}}.log",
    benchmark:
        f"logs/benchmarks/predict/{paths.part_of_given}/{{split}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        **ask_for("predict"),
        gpu=1,
    params:
        cfg=tracked.prediction,
        domain=tracked.domain,
        gate_log="",
    message:
        "Predicting {wildcards.split} with the given checkpoint"
    shell:
        "python -m model infer --features {input.features:q} --checkpoint {input.checkpoint:q}"
        " --queries {input.queries:q} --config {params.cfg:q} --threads {threads} --out {output.predictions:q}"
        " {params.gate_log} {params.domain} > {log:q} 2>&1"


if study.logged_runs:

    ruleorder: predict_gated > predict

    use rule predict as predict_gated with:
        input:
            features=paths.features,
            checkpoint=lambda wildcards: paths.given_checkpoint(ONLY or wildcards),
            queries=lambda wildcards: study.annotations[(ONLY or wildcards).split],
        output:
            predictions=only(f"{paths.predictions_of_given}/{{split}}.jsonl"),
            gates=paths.gate_log,
        log:
            only(f"logs/predict_gated/{paths.part_of_given}/{{split}}.log"),
        benchmark:
            only(f"logs/benchmarks/predict_gated/{paths.part_of_given}/{{split}}.tsv")
        params:
            cfg=tracked.prediction,
            domain=lambda wildcards: tracked.domain(ONLY or wildcards),
            gate_log=lambda wildcards, output: f"--gate-log {shlex.quote(output.gates)}",
        message:
            (
                f"Predicting {ONLY.split} with the given checkpoint"
                if ONLY
                else "Predicting {wildcards.split} with the given checkpoint"
            )


use rule score as score_given with:
    input:
        predictions=lambda wildcards: paths.predictions(wildcards.split),
        queries=lambda wildcards: study.annotations[wildcards.split],
        lists=paths.score_lists,
    log:
        "logs/score_given/{dataset}/{run}/{scope}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/score_given/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run=layout.GIVEN,
    params:
        by=tracked.parts,
        epoch="",
        covered=tracked.covered,
        version=EVAL_VERSION["score"],


rule tvsum_given:
    input:
        predictions=lambda wildcards: paths.predictions(wildcards.split),
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        "results/{dataset}/{run}/seed{seed}/tvsum_{split}.json",
    log:
        "logs/tvsum_given/{dataset}/{run}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/tvsum_given/{dataset}/{run}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run=layout.GIVEN,
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("tvsum_given"),
    params:
        domains=tracked.domains,
        covered=tracked.covered,
        version=EVAL_VERSION["tvsum"],
    message:
        "Scoring the given checkpoint on {wildcards.split}, by domain"
    shell:
        "python -m eval tvsum --predictions {input.predictions:q} --ground-truth {input.queries:q}"
        " {params.domains} {params.covered} --run {wildcards.run:q} --seed {wildcards.seed} --out {output:q}"
        " > {log:q} 2>&1"


rule rank:
    input:
        predictions=PREDICTIONS,
        queries=ANNOTATION_FILES,
    output:
        markdown="results/{dataset}/ranked.md",
        tsv="results/{dataset}/ranked.tsv",
    log:
        "logs/rank/{dataset}.log",
    benchmark:
        "logs/benchmarks/rank/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("rank"),
    params:
        topk=study.plots.topk,
        warning=tracked.warning,
        version=EVAL_VERSION["rank"],
    message:
        "Ranking the moments of every query"
    shell:
        "python -m eval rank --predictions {input.predictions:q} --queries {input.queries:q} --topk {params.topk}"
        " --pictures ../../plots/{wildcards.dataset}/moments --out-markdown {output.markdown:q}"
        " --out-tsv {output.tsv:q} {params.warning} > {log:q} 2>&1"


rule plot_moments:
    input:
        predictions=PREDICTIONS,
        queries=ANNOTATION_FILES,
    output:
        # A folder, so that Snakemake empties it first: no picture of a query that was removed stays.
        report(
            directory("plots/{dataset}/moments"),
            patterns=["{qid}.png"],
            caption="../report/moments.rst",
            category="Moments",
            labels={"what": "query {qid}"},
        ),
    log:
        "logs/plot_moments/{dataset}.log",
    benchmark:
        "logs/benchmarks/plot_moments/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_moments"),
    params:
        topk=study.plots.topk,
        warning=tracked.warning,
        version=EVAL_VERSION["plot_moments"],
    message:
        "Plotting the moments of every query"
    shell:
        "python -m eval plot-moments --predictions {input.predictions:q} --queries {input.queries:q}"
        " --topk {params.topk} --out-dir {output:q} {params.warning} > {log:q} 2>&1"
