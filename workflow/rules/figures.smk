"""Numbers and gate logs to pictures.

Output: plots/gates_{split}.png for the main run, plots/{run}/ for every run, plots/summary.png over all of them.
"""


rule plot_gates:
    input:
        gates=first_gate_log,
        queries=lambda wildcards: ANNOTATIONS[wildcards.split],
    output:
        report(
            "plots/{run}/gates_{split}.png",
            caption="../report/gates.rst",
            category="Gates",
            labels={"run": "{run}", "split": "{split}"},
        ),
    log:
        "logs/plot_gates/{run}_{split}.log",
    benchmark:
        "logs/benchmarks/plot_gates/{run}_{split}.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        samples=config["plots"]["num_samples"],
        title=lambda wildcards: f"{DATASET}, run {wildcards.run}, seed {SEEDS[0]}",
        version=EVAL_VERSION,
    message:
        "Drawing the gates of run {wildcards.run} on {wildcards.split}"
    shell:
        "python -m eval plot-gates --log {input.gates:q} --ground-truth {input.queries:q} --title {params.title:q}"
        " --num-samples {params.samples} --out {output:q} > {log:q} 2>&1"


use rule plot_gates as plot_gates_of_main_run with:
    output:
        report(
            "plots/gates_{split}.png",
            caption="../report/gates.rst",
            category="Gates",
            labels={"run": f"main run, {config['main_run']}", "split": "{split}"},
        ),
    log:
        "logs/plot_gates_of_main_run/{split}.log",
    benchmark:
        "logs/benchmarks/plot_gates_of_main_run/{split}.tsv"
    params:
        samples=config["plots"]["num_samples"],
        title=f"{DATASET}, main run {config['main_run']}, seed {SEEDS[0]}",
        version=EVAL_VERSION,
    message:
        "Drawing the gates of the main run on {wildcards.split}"


rule plot_training:
    input:
        history=f"{paths.RUN}/history.jsonl".replace("{dataset}", DATASET).format(
            run="{run}", scope=SCOPES[0], seed=SEEDS[0]
        ),
    output:
        report(
            "plots/{run}/training.png",
            caption="../report/training.rst",
            category="Training",
            labels={"run": "{run}"},
        ),
    log:
        "logs/plot_training/{run}.log",
    benchmark:
        "logs/benchmarks/plot_training/{run}.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        title=lambda wildcards: f"{DATASET}, run {wildcards.run}, seed {SEEDS[0]}",
        best=lambda wildcards: SETTINGS[wildcards.run].train.best_metric,
        version=EVAL_VERSION,
    message:
        "Drawing the training curves of run {wildcards.run}"
    shell:
        "python -m eval plot-training --history {input.history:q} --title {params.title:q} --best-by {params.best:q}"
        " --out {output:q} > {log:q} 2>&1"


rule plot_summary:
    input:
        "results/summary.json",
    output:
        report(
            "plots/summary.png",
            caption="../report/summary.rst",
            category="Scores",
            labels={"what": "runs side by side"},
        ),
    log:
        "logs/plot_summary.log",
    benchmark:
        "logs/benchmarks/plot_summary.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        version=EVAL_VERSION,
    message:
        "Drawing the runs side by side"
    shell:
        "python -m eval plot-summary --summary {input:q} --out {output:q} > {log:q} 2>&1"
