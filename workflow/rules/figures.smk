"""Figures of scores and gate logs, each as PNG and SVG.

Output in plots/{dataset}/: {run}/gates_{split}.*, all gate figures of a run on one sheet; {run}/gates_{split}/ with the
single figures; {run}/training.*; summary.* over all runs; for TVSum domains.*. Made by the target `figures` alone:
differences.*, and {run}/retrieval_{split}/ with figures of the retrieved moments. plots/gates_{split}.* is the sheet of the main run of the
configured dataset: it is drawn again when another study is configured.
"""

from eval.plots import GATE_FIGURES, RETRIEVAL_FIGURES

DOMAINS = (
    [f"results/{study.name}/tvsum.json", f"results/{study.name}/tvsum.md", f"plots/{study.name}/domains.png"]
    if study.rates_clips
    else []
)
# Outputs of the target `figures`: each takes a process of its own, and few people need them all.
FURTHER = [
    f"plots/{study.name}/differences.png" if "val" in study.scored and not study.given else [],
    [
        f"plots/{study.name}/{run}/retrieval_val/{figure}.png"
        for run in study.runs
        for figure in RETRIEVAL_FIGURES
        if "val" in study.scored and not study.rates_clips
    ],
]
# Outputs of the target `all` for the selected runs.
STUDIED = [
    f"results/{study.name}/summary.json",
    f"results/{study.name}/summary.md",
    f"plots/{study.name}/summary.png",
    DOMAINS,
    [f"plots/{study.name}/{run}/training.png" for run in study.runs if run in study.trained_runs],
    [f"results/{study.name}/{run}/gates_val.json" for run in study.logged_runs],
    [f"plots/{study.name}/{run}/gates_val.png" for run in study.logged_runs],
    [f"plots/{study.name}/{run}/gates_val/{figure}.png" for run in study.logged_runs for figure in GATE_FIGURES],
    ["plots/gates_val.png"] if study.main_run in study.logged_runs else [],
]


rule plot_gates:
    input:
        gates=paths.gate_logs,
        history=paths.histories,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        report(
            "plots/{dataset}/{run}/gates_{split}.png",
            caption="../report/gates.rst",
            category="Gates",
            labels={"run": "{run}", "split": "{split}", "figure": "all on one sheet"},
        ),
        "plots/{dataset}/{run}/gates_{split}.svg",
    log:
        "logs/plot_gates/{dataset}/{run}_{split}.log",
    benchmark:
        "logs/benchmarks/plot_gates/{dataset}/{run}_{split}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_gates"),
    params:
        plots=tracked.section("plots", version=EVAL_VERSION["plot_gates"]),
        samples=study.plots.num_samples,
        topk=study.plots.topk,
        title=lambda wildcards: tracked.title(wildcards.run),
    message:
        "Plotting the gates of run {wildcards.run} on {wildcards.split}"
    shell:
        "python -m eval plot-gates --log {input.gates:q} --ground-truth {input.queries:q} --history {input.history:q}"
        " --title {params.title} --num-samples {params.samples} --topk {params.topk} --out {output:q} > {log:q} 2>&1"


# A copy, because drawing the sheet again would take 2 s.
rule plot_gates_of_main_run:
    input:
        png=f"plots/{study.name}/{study.main_run}/gates_{{split}}.png",
        svg=f"plots/{study.name}/{study.main_run}/gates_{{split}}.svg",
    output:
        png=report(
            "plots/gates_{split}.png",
            caption="../report/gates.rst",
            category="Gates",
            labels={"run": f"main run, {study.main_run}", "split": "{split}", "figure": "all on one sheet"},
        ),
        svg="plots/gates_{split}.svg",
    log:
        "logs/plot_gates_of_main_run/{split}.log",
    benchmark:
        "logs/benchmarks/plot_gates_of_main_run/{split}.tsv"
    conda:
        "../../envs/eval.yaml"
    message:
        "Copying the gate sheet of the main run on {wildcards.split}"
    shell:
        "{{ cp {input.png:q} {output.png:q} && cp {input.svg:q} {output.svg:q}; }} > {log:q} 2>&1"


rule plot_gate_figures:
    input:
        gates=paths.gate_logs,
        history=paths.histories,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        png=[
            report(
                f"plots/{{dataset}}/{{run}}/gates_{{split}}/{name}.png",
                caption=f"../report/{name}.rst",
                category="Gates",
                labels={"run": "{run}", "split": "{split}", "figure": name},
            )
            for name in GATE_FIGURES
        ],
        svg=[f"plots/{{dataset}}/{{run}}/gates_{{split}}/{name}.svg" for name in GATE_FIGURES],
    log:
        "logs/plot_gate_figures/{dataset}/{run}_{split}.log",
    benchmark:
        "logs/benchmarks/plot_gate_figures/{dataset}/{run}_{split}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_gate_figures"),
    params:
        plots=tracked.section("plots", version=EVAL_VERSION["plot_gate_figures"]),
        samples=study.plots.num_samples,
        topk=study.plots.topk,
        title=lambda wildcards: tracked.title(wildcards.run),
    message:
        "Plotting the single gate figures of run {wildcards.run} on {wildcards.split}"
    shell:
        "python -m eval plot-gate-figures --log {input.gates:q} --ground-truth {input.queries:q}"
        " --history {input.history:q} --title {params.title} --num-samples {params.samples} --topk {params.topk}"
        " --out-dir plots/{wildcards.dataset}/{wildcards.run}/gates_{wildcards.split} > {log:q} 2>&1"


rule plot_training:
    input:
        history=paths.histories,
    output:
        report(
            "plots/{dataset}/{run}/training.png",
            caption="../report/training.rst",
            category="Training",
            labels={"run": "{run}"},
        ),
        "plots/{dataset}/{run}/training.svg",
    log:
        "logs/plot_training/{dataset}/{run}.log",
    benchmark:
        "logs/benchmarks/plot_training/{dataset}/{run}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_training"),
    params:
        title=lambda wildcards: tracked.titles(wildcards.run),
        best=lambda wildcards: study.settings[wildcards.run].train.best_metric,
        version=EVAL_VERSION["plot_training"],
    message:
        "Plotting the training curves of run {wildcards.run}"
    shell:
        "python -m eval plot-training --history {input.history:q} --title {params.title} --best-by {params.best:q}"
        " --out {output:q} > {log:q} 2>&1"


rule plot_summary:
    input:
        "results/{dataset}/summary.json",
    output:
        report(
            "plots/{dataset}/summary.png",
            caption="../report/summary.rst",
            category="Scores",
            labels={"what": "runs side by side"},
        ),
        "plots/{dataset}/summary.svg",
    log:
        "logs/plot_summary/{dataset}.log",
    benchmark:
        "logs/benchmarks/plot_summary/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_summary"),
    params:
        version=EVAL_VERSION["plot_summary"],
    message:
        "Plotting the comparison of runs"
    shell:
        "python -m eval plot-summary --summary {input:q} --out {output:q} > {log:q} 2>&1"


rule plot_differences:
    input:
        "results/{dataset}/summary.json",
    output:
        report(
            "plots/{dataset}/differences.png",
            caption="../report/differences.rst",
            category="Scores",
            labels={"what": "paired differences"},
        ),
        "plots/{dataset}/differences.svg",
    log:
        "logs/plot_differences/{dataset}.log",
    benchmark:
        "logs/benchmarks/plot_differences/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_differences"),
    params:
        # The checkpoint whose answers are shown, where both are scored.
        epoch="" if study.given or study.rates_clips else f"--epoch {study.inference.checkpoint}",
        version=EVAL_VERSION["plot_differences"],
    message:
        "Plotting the differences between runs"
    shell:
        "python -m eval plot-differences --summary {input:q} {params.epoch} --out {output:q} > {log:q} 2>&1"


rule plot_domains:
    input:
        "results/{dataset}/tvsum.json",
    output:
        report(
            "plots/{dataset}/domains.png",
            caption="../report/domains.rst",
            category="Scores",
            labels={"what": "by domain"},
        ),
        "plots/{dataset}/domains.svg",
    log:
        "logs/plot_domains/{dataset}.log",
    benchmark:
        "logs/benchmarks/plot_domains/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_domains"),
    params:
        version=EVAL_VERSION["plot_domains"],
    message:
        "Plotting the scores by domain"
    shell:
        "python -m eval plot-domains --table {input:q} --out {output:q} > {log:q} 2>&1"


rule plot_retrieval_figures:
    input:
        predictions=paths.answers_of_run,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        png=[
            report(
                f"plots/{{dataset}}/{{run}}/retrieval_{{split}}/{name}.png",
                caption=f"../report/{name}.rst",
                category="Moments",
                labels={"what": name.replace("_", " "), "run": "{run}"},
            )
            for name in RETRIEVAL_FIGURES
        ],
        svg=[f"plots/{{dataset}}/{{run}}/retrieval_{{split}}/{name}.svg" for name in RETRIEVAL_FIGURES],
    log:
        "logs/plot_retrieval_figures/{dataset}/{run}_{split}.log",
    benchmark:
        "logs/benchmarks/plot_retrieval_figures/{dataset}/{run}_{split}.tsv"
    wildcard_constraints:
        run=any_of(study.settings),
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("plot_retrieval_figures"),
    params:
        title=lambda wildcards: tracked.title_of_all(wildcards.run),
        covered="--covered-only" if study.by_domain else tracked.covered,
        version=EVAL_VERSION["plot_retrieval_figures"],
    message:
        "Plotting the retrieved moments of run {wildcards.run} on {wildcards.split}"
    shell:
        "python -m eval plot-retrieval-figures --predictions {input.predictions:q} --ground-truth {input.queries:q}"
        " --title {params.title} {params.covered}"
        " --out-dir plots/{wildcards.dataset}/{wildcards.run}/retrieval_{wildcards.split} > {log:q} 2>&1"
