"""Prediction on your own videos and queries with a given checkpoint; nothing is trained, and no labels are needed.

Output: predictions/{dataset}/{split}.jsonl, results/ranked.{md,tsv} and one picture per query, plots/moments/{qid}.png.
"""

PREDICTIONS = expand("predictions/{dataset}/{split}.jsonl", dataset=study.name, split=study.annotations)
PREDICTED = [
    PREDICTIONS,
    "results/ranked.md",
    "results/ranked.tsv",
    [f"plots/moments/{qid}.png" for qid in study.qids],
]


rule predict:
    input:
        features=paths.features,
        checkpoint=study.checkpoint,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        "predictions/{dataset}/{split}.jsonl",
    log:
        "logs/predict/{dataset}/{split}.log",
    benchmark:
        "logs/benchmarks/predict/{dataset}/{split}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        gpu=GPU,
        mem_mb=lambda wildcards, input: layout.memory_mb(input.size_mb),
    params:
        cfg=tracked.prediction,
    message:
        "Predicting {wildcards.split} with the given checkpoint"
    shell:
        "python -m model infer --features {input.features:q} --checkpoint {input.checkpoint:q}"
        " --queries {input.queries:q} --config {params.cfg:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule rank:
    input:
        predictions=PREDICTIONS,
        queries=ANNOTATION_FILES,
    output:
        markdown=report(
            "results/ranked.md", caption="../report/ranked.rst", category="Moments", labels={"what": "ranked table"}
        ),
        tsv="results/ranked.tsv",
    log:
        "logs/rank.log",
    benchmark:
        "logs/benchmarks/rank.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        topk=study.plots.topk,
        version=EVAL_VERSION["rank"],
    message:
        "Ranking the moments of every query"
    shell:
        "python -m eval rank --predictions {input.predictions:q} --queries {input.queries:q} --topk {params.topk}"
        " --pictures ../plots/moments --out-markdown {output.markdown:q} --out-tsv {output.tsv:q} > {log:q} 2>&1"


rule plot_moments:
    input:
        predictions=PREDICTIONS,
        queries=ANNOTATION_FILES,
    output:
        [
            report(
                f"plots/moments/{qid}.png",
                caption="../report/moments.rst",
                category="Moments",
                labels={"what": f"query {qid}"},
            )
            for qid in study.qids
        ],
    log:
        "logs/plot_moments.log",
    benchmark:
        "logs/benchmarks/plot_moments.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        topk=study.plots.topk,
        version=EVAL_VERSION["plot_moments"],
    message:
        "Plotting the moments of every query"
    shell:
        "python -m eval plot-moments --predictions {input.predictions:q} --queries {input.queries:q}"
        " --topk {params.topk} --out-dir plots/moments > {log:q} 2>&1"
