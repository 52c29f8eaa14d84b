"""The end of a run: a page of text about the whole study, which is also printed.

Output: results/{dataset}/overview.txt.
"""

from workflow.terminal.overview import overview_options


rule overview:
    input:
        summary=f"results/{study.name}/summary.json" if "val" in study.scored else [],
        values=paths.values_of_runs,
        gates=paths.statistics_of_gates(study.told_gates),
        queries=study.annotations[study.told_split],
        train=[] if study.given else study.annotations["train"],
        histories=paths.every_history,
    output:
        "results/{dataset}/overview.txt",
    log:
        "logs/overview/{dataset}.log",
    benchmark:
        "logs/benchmarks/overview/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        study=overview_options(study),
        version=EVAL_VERSION["overview"],
    message:
        "Writing the overview"
    shell:
        "python -m eval overview {params.study} --ground-truth {input.queries:q} --train {input.train:q}"
        " --history {input.histories:q} --summary {input.summary:q} --per-query {input.values:q}"
        " --gates {input.gates:q} --out {output:q} > {log:q} 2>&1"
