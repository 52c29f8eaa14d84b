"""Runs under conditions: which sound they are trained with and hear, level by level (section `comparison`).

Output: results/{dataset}/conditions.{json,md,tex,csv}, plots/{dataset}/conditions.*, and for each run, seed and
condition the predictions, scores and calibration of gates that these are made of.
"""

CONDITIONS = [
    f"results/{study.name}/conditions.json",
    f"results/{study.name}/conditions.md",
    f"plots/{study.name}/conditions.png",
]


rule calibrate:
    input:
        gates=paths.gate_log,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        f"{layout.RESULTS}/calibration_{{split}}.json",
    log:
        "logs/calibrate/{dataset}/{run}/{scope}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/calibrate/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run=any_of(study.gate_logging_runs),
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("calibrate"),
    params:
        how=tracked.calibration,
        version=EVAL_VERSION["calibration"],
    message:
        "Comparing the gates of run {wildcards.run}, seed {wildcards.seed}, with the sound of {wildcards.split}"
    shell:
        "python -m eval calibration --log {input.gates:q} --ground-truth {input.queries:q} {params.how}"
        " --out {output:q} > {log:q} 2>&1"


rule tabulate_conditions:
    input:
        paths.values_under_conditions,
        paths.calibrations,
        queries=[study.annotations[split] for split in dict.fromkeys(cell.split for cell in study.crossing.cells)],
    output:
        json="results/{dataset}/conditions.json",
        markdown="results/{dataset}/conditions.md",
        latex="results/{dataset}/conditions.tex",
        csv="results/{dataset}/conditions.csv",
    log:
        "logs/tabulate_conditions/{dataset}.log",
    benchmark:
        "logs/benchmarks/tabulate_conditions/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("tabulate_conditions"),
    params:
        plan=tracked.plan,
        # Patterns, because a shell takes no command with the names of a thousand files.
        files=lambda wildcards: layout.RESULTS.replace("{dataset}", study.name).replace("{scope}", study.scopes[0]),
        by=tracked.by(study.evaluation.score_by),
        version=EVAL_VERSION["conditions"],
    message:
        "Comparing the runs under all conditions"
    shell:
        "python -m eval conditions --plan {params.plan:q} --results {params.files:q} --ground-truth {input.queries:q}"
        " {params.by} --out-json {output.json:q} --out-markdown {output.markdown:q} --out-latex {output.latex:q}"
        " --out-csv {output.csv:q} > {log:q} 2>&1"


rule plot_conditions:
    input:
        "results/{dataset}/conditions.json",
    output:
        report(
            "plots/{dataset}/conditions.png",
            caption="../report/conditions.rst",
            category="Scores",
            labels={"what": "under conditions"},
        ),
        "plots/{dataset}/conditions.svg",
    log:
        "logs/plot_conditions/{dataset}.log",
    benchmark:
        "logs/benchmarks/plot_conditions/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_conditions"),
    params:
        version=EVAL_VERSION["plot_conditions"],
    message:
        "Plotting the runs under all conditions"
    shell:
        "python -m eval plot-conditions --conditions {input:q} --out {output:q} > {log:q} 2>&1"
