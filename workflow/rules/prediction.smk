"""Prediction on your own videos and queries with a given checkpoint; nothing is trained, and no labels are needed.

Output: predictions/{dataset}/{split}.jsonl, results/{dataset}/ranked.{md,tsv} and one picture per query,
plots/{dataset}/moments/{qid}.png.
"""

PREDICTIONS = expand("predictions/{dataset}/{split}.jsonl", dataset=study.name, split=study.annotations)
PREDICTED = [
    PREDICTIONS,
    f"results/{study.name}/ranked.md",
    f"results/{study.name}/ranked.tsv",
    f"plots/{study.name}/moments",
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
            "results/{dataset}/ranked.md",
            caption="../report/ranked.rst",
            category="Moments",
            labels={"what": "ranked table"},
        ),
        tsv="results/{dataset}/ranked.tsv",
    log:
        "logs/rank/{dataset}.log",
    benchmark:
        "logs/benchmarks/rank/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    params:
        topk=study.plots.topk,
        version=EVAL_VERSION["rank"],
    message:
        "Ranking the moments of every query"
    shell:
        "python -m eval rank --predictions {input.predictions:q} --queries {input.queries:q} --topk {params.topk}"
        " --pictures ../../plots/{wildcards.dataset}/moments --out-markdown {output.markdown:q} --out-tsv {output.tsv:q} > {log:q} 2>&1"


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
    params:
        topk=study.plots.topk,
        version=EVAL_VERSION["plot_moments"],
    message:
        "Plotting the moments of every query"
    shell:
        "python -m eval plot-moments --predictions {input.predictions:q} --queries {input.queries:q}"
        " --topk {params.topk} --out-dir {output:q} > {log:q} 2>&1"
