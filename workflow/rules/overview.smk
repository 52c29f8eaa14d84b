"""The end of a run: a page of text about the whole study, which is also printed, and one query on one time axis.

Output: results/{dataset}/overview.txt, and plots/{dataset}/example.png with results/{dataset}/strip.npz, its video.
"""

from workflow.terminal.overview import describe_example, overview_options

CLOSING = [
    f"results/{study.name}/overview.txt",
    f"plots/{study.name}/example.png" if study.example else [],
]


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
    resources:
        **ask_for("overview"),
    params:
        study=overview_options(study),
        version=EVAL_VERSION["overview"],
    message:
        "Writing the overview"
    shell:
        "python -m eval overview {params.study} --ground-truth {input.queries:q} --train {input.train:q}"
        " --history {input.histories:q} --summary {input.summary:q} --per-query {input.values:q}"
        " --gates {input.gates:q} --out {output:q} > {log:q} 2>&1"


if study.example:

    rule strip:
        input:
            manifest=paths.manifest_of_example,
            video=lambda wildcards: study.data.files[study.example["vid"]],
        output:
            "results/{dataset}/strip.npz",
        log:
            "logs/strip/{dataset}.log",
        benchmark:
            "logs/benchmarks/strip/{dataset}.tsv"
        conda:
            "../../envs/features.yaml"
        threads: 1
        resources:
            **ask_for("strip"),
        params:
            # Functions, because Snakemake would format the braces of plain strings.
            vid=lambda wildcards: study.example["vid"],
            videos=study.dataset.videos,
            seconds=study.clips.seconds,
            version=FEATURE_VERSION["strip"],
        message:
            "Reading frames and sound of video {params.vid}, to draw them"
        shell:
            "python -m feature_extractors strip --manifest {input.manifest:q} --videos {params.videos:q}"
            " --vid={params.vid:q} --clip-seconds {params.seconds} --out {output:q} > {log:q} 2>&1"

    rule plot_example:
        input:
            predictions=paths.predictions_of_example,
            gates=paths.gates_of_example,
            queries=study.annotations[study.told_split],
            strip=f"results/{study.name}/strip.npz" if study.data.files else [],
        output:
            report(
                "plots/{dataset}/example.png",
                caption="../report/example.rst",
                category="Moments",
                labels={"what": "one query on one time axis"},
            ),
        log:
            "logs/plot_example/{dataset}.log",
        benchmark:
            "logs/benchmarks/plot_example/{dataset}.tsv"
        conda:
            "../../envs/eval.yaml"
        resources:
            **ask_for("plot_example"),
        params:
            qid=lambda wildcards: str(study.example["qid"]),
            about=lambda wildcards: describe_example(study),
            version=EVAL_VERSION["plot_example"],
        message:
            "Plotting query {params.qid} on one time axis"
        shell:
            "python -m eval plot-example --predictions {input.predictions:q} --queries {input.queries:q}"
            " --qid={params.qid:q} --log {input.gates:q} --strip {input.strip:q} --about {params.about:q} --out {output:q}"
            " > {log:q} 2>&1"
