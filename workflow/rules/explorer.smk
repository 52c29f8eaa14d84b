"""The explorer: a page for browsing all queries of the configured dataset, opened from disk.

Output: reports/explorer/index.html with its data/ and previews/, the pictures of the videos. It is made again when another
study is configured.
"""

from workflow.terminal.explorer import Explored

explored = Explored(study, paths)
EXPLORED = ["reports/explorer/index.html"]


if study.data.files:

    rule previews:
        input:
            manifests=explored.manifests,
            videos=lambda wildcards: explored.videos,
            queries=study.annotations[study.told_split],
        output:
            directory("reports/explorer/previews"),
        log:
            "logs/previews.log",
        benchmark:
            "logs/benchmarks/previews.tsv"
        conda:
            "../../envs/features.yaml"
        threads: 1
        resources:
            **ask_for("previews"),
        params:
            videos=study.dataset.videos,
            seconds=study.clips.seconds,
            version=FEATURE_VERSION["previews"],
        message:
            "Making small pictures of the videos"
        shell:
            "python -m feature_extractors previews --manifest {input.manifests:q} --videos {params.videos:q}"
            " --queries {input.queries:q} --clip-seconds {params.seconds} --out-dir {output:q} > {log:q} 2>&1"


rule explore:
    input:
        files=explored.files,
        queries=study.annotations[study.told_split],
        previews="reports/explorer/previews" if study.data.files else [],
        summary=explored.summary,
        domains=explored.domains,
        stores=explored.stores,
        figures=list(explored.figures),
    output:
        "reports/explorer/index.html",
        directory("reports/explorer/data"),
    log:
        "logs/explore.log",
    benchmark:
        "logs/benchmarks/explore.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("explore"),
    params:
        # A function, because Snakemake would format the braces of a plain string.
        options=lambda wildcards: explored.options,
        previews=lambda wildcards, input: f"--previews {shlex.quote(input.previews)}" if input.previews else "",
        version=EVAL_VERSION["explore"],
    message:
        "Writing the explorer, reports/explorer/index.html"
    shell:
        "python -m eval explore {params.options} --queries {input.queries:q} {params.previews}"
        " --summary {input.summary:q} --domains {input.domains:q} --stores {input.stores:q}"
        " --out-dir reports/explorer > {log:q} 2>&1"
