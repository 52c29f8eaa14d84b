"""Feature extraction: media to features, one job per stream and shard.

Input: the configured videos and annotations, the encoders' weights, released feature files.
Output: manifests/{dataset}/{shard}.jsonl, features/{dataset}/{stream}/{shard}.h5 and
reports/{dataset}/problems.tsv over all of them (with broken_videos `stop`, also reports/{dataset}/no_problems.tsv).
"""

from feature_extractors.encoders.registry import STREAMS as STREAMS_MADE_HERE
from workflow.encoders import (
    encode_json,
    encode_source,
    further_files,
    is_of_clips,
    weight_files,
    weights_argument,
)


# An imported stream may have the name of an encoded one, and then replaces it.
ruleorder: import_released > encode


rule fetch_weights:
    output:
        f"{PUBLISHED_WEIGHTS}/{{weights}}/{{file}}",
    log:
        "logs/fetch_weights/{weights}/{file}.log",
    benchmark:
        "logs/benchmarks/fetch_weights/{weights}/{file}.tsv"
    wildcard_constraints:
        weights=any_of(KNOWN_WEIGHTS),
        file="[^/]+",
    retries: 2
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        **ask_for("fetch_weights"),
    params:
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        # Untracked, because the source does not change the file: Snakemake ignores params that depend on the output.
        mirror=lambda wildcards, output: (
            f"--mirror {shlex.quote(study.weights_mirror)}" if study.weights_mirror else ""
        ),
    message:
        "Fetching {wildcards.file} of {wildcards.weights}"
    shell:
        "python -m feature_extractors fetch-weights {wildcards.weights:q} --only {wildcards.file:q}"
        " --out {params.folder:q} {params.mirror} > {log:q} 2>&1"


rule manifest:
    input:
        videos=lambda wildcards: study.data.files_of(wildcards.shard),
        annotations=ANNOTATION_INPUT,
    output:
        "manifests/{dataset}/{shard}.jsonl",
    log:
        "logs/manifest/{dataset}/{shard}.log",
    benchmark:
        "logs/benchmarks/manifest/{dataset}/{shard}.tsv"
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        **ask_for("manifest"),
        # Not a param: the table lists broken videos under either policy, so changing the policy re-runs nothing.
        broken_videos=study.dataset.broken_videos,
    params:
        cfg=tracked.section("clips", version=FEATURE_VERSION["manifest"]),
        grid=lambda wildcards: study.grids[wildcards.shard],
        videos=study.dataset.videos,
        shards=study.dataset.shards,
    message:
        "Computing the clip grids of shard {wildcards.shard}"
    shell:
        "python -m feature_extractors manifest --annotations {input.annotations:q} --videos {params.videos:q}"
        " --shard {wildcards.shard} --shards {params.shards} --config {params.cfg:q}"
        " --broken-videos {resources.broken_videos} --out {output:q} > {log:q} 2>&1"


# All streams that encoders make. The files and settings of a stream follow from its name.
rule encode:
    input:
        manifest=lambda wildcards: "manifests/{dataset}/{shard}.jsonl" if is_of_clips(wildcards.stream) else [],
        videos=lambda wildcards: study.data.files_of(wildcards.shard) if is_of_clips(wildcards.stream) else [],
        annotations=lambda wildcards: [] if is_of_clips(wildcards.stream) else ANNOTATION_INPUT,
        weights=lambda wildcards: weight_files(study.config, wildcards.stream),
        others=lambda wildcards: further_files(study.config, wildcards.stream),
    output:
        "features/{dataset}/{stream}/{shard}.h5",
    log:
        "logs/encode/{dataset}/{stream}/{shard}.log",
    benchmark:
        "logs/benchmarks/encode/{dataset}/{stream}/{shard}.tsv"
    wildcard_constraints:
        stream=any_of(STREAMS_MADE_HERE),
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        **ask_for("encode"),
        gpu=1,
    params:
        cfg=lambda wildcards: encode_json(study.config, wildcards.stream),
        source=lambda wildcards: encode_source(study.config, wildcards.stream, wildcards.shard),
        # An edit elsewhere in an annotation file re-runs nothing: see ANNOTATION_INPUT.
        texts=lambda wildcards: (
            "" if is_of_clips(wildcards.stream) else canonical_json(study.data.texts_of(wildcards.shard))
        ),
        weights=lambda wildcards: weights_argument(study.config, wildcards.stream),
    message:
        "Encoding {wildcards.stream} of shard {wildcards.shard}"
    shell:
        "python -m feature_extractors encode --stream {wildcards.stream:q} {params.source}"
        " --weights {params.weights:q} --config {params.cfg:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule import_released:
    input:
        manifest="manifests/{dataset}/{shard}.jsonl",
        annotations=ANNOTATION_INPUT,
        released=lambda wildcards: study.released[wildcards.stream, wildcards.shard],
    output:
        "features/{dataset}/{stream}/{shard}.h5",
    log:
        "logs/import_released/{dataset}/{stream}/{shard}.log",
    benchmark:
        "logs/benchmarks/import_released/{dataset}/{stream}/{shard}.tsv"
    wildcard_constraints:
        stream=any_of(study.imported),
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        **ask_for("import_released"),
    params:
        cfg=tracked.imported,
        texts=lambda wildcards: canonical_json(study.data.texts_of(wildcards.shard)),
        shards=study.dataset.shards,
    message:
        "Importing {wildcards.stream} of shard {wildcards.shard}"
    shell:
        "python -m feature_extractors import-released --stream {wildcards.stream:q} --manifest {input.manifest:q}"
        " --annotations {input.annotations:q} --shard {wildcards.shard} --shards {params.shards}"
        " --config {params.cfg:q} --out {output:q} > {log:q} 2>&1"


rule problems:
    input:
        manifests=expand("manifests/{dataset}/{shard}.jsonl", dataset=study.name, shard=study.data.shards),
        stores=paths.features,
        annotations=[] if study.given else [study.annotations["train"], study.annotations["val"]],
    output:
        "reports/{dataset}/problems.tsv",
    log:
        "logs/problems/{dataset}.log",
    benchmark:
        "logs/benchmarks/problems/{dataset}.tsv"
    # Before training: under `stop`, the run then ends before it starts to train.
    priority: 1
    conda:
        "../../envs/features.yaml"
    resources:
        **ask_for("problems"),
    params:
        policy="leave_out",
        domains=tracked.domain_problems,
        labels=tracked.labels,
        version=FEATURE_VERSION["problems"],
    message:
        "Listing the videos with problems"
    shell:
        "python -m feature_extractors problems --manifests {input.manifests:q} --stores {input.stores:q}"
        " --broken-videos {params.policy} {params.domains} {params.labels} --out {output:q} 2>&1 | tee {log:q}"


# With `stop`, fail if the list is not empty. A separate rule, because Snakemake deletes the outputs of a failed job.
use rule problems as check_problems with:
    input:
        problems="reports/{dataset}/problems.tsv",
        manifests=rules.problems.input.manifests,
        stores=rules.problems.input.stores,
        annotations=rules.problems.input.annotations,
    output:
        "reports/{dataset}/no_problems.tsv",
    log:
        "logs/check_problems/{dataset}.log",
    benchmark:
        "logs/benchmarks/check_problems/{dataset}.tsv"
    params:
        policy="stop",
        domains=tracked.domain_problems,
        labels=tracked.labels,
        version=FEATURE_VERSION["problems"],
    message:
        "Checking that the list of problems is empty"


PROBLEMS = [f"reports/{study.name}/problems.tsv"]
if study.dataset.broken_videos == "stop":
    PROBLEMS.append(f"reports/{study.name}/no_problems.tsv")
