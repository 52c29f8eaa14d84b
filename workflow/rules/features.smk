"""Media to features, one job a stream and shard.

Input: the configured videos and annotations, the encoders' weights, released feature files.
Output: manifests/{dataset}/{shard}.jsonl, features/{dataset}/{stream}/{shard}.h5 and, over all of them,
reports/problems.tsv (under the policy `stop`, reports/no_problems.tsv as well).
"""


# An imported stream may bear the name of one that is made here, and takes its place.
ruleorder: import_released > visual > text > audio_pann > audio_clap


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
    params:
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        # Where a file comes from changes nothing about it: not tracked, as it is made with the output's help.
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
        # No param: the table says which videos are broken whatever the policy, so that another one re-runs nothing.
        broken_videos=study.dataset.broken_videos,
    params:
        cfg=tracked.section("clips", version=FEATURE_VERSION["manifest"]),
        grid=lambda wildcards: study.grids[wildcards.shard],
        videos=study.dataset.videos,
        shards=study.dataset.shards,
    message:
        "Deciding the clip grid of shard {wildcards.shard}"
    shell:
        "python -m feature_extractors manifest --annotations {input.annotations:q} --videos {params.videos:q}"
        " --shard {wildcards.shard} --shards {params.shards} --config {params.cfg:q}"
        " --broken-videos {resources.broken_videos} --out {output:q} > {log:q} 2>&1"


rule visual:
    input:
        manifest="manifests/{dataset}/{shard}.jsonl",
        videos=lambda wildcards: study.data.files_of(wildcards.shard),
        weights=study.weight_files["clip"],
        definition=study.clip_definition,
    output:
        "features/{dataset}/clip_visual/{shard}.h5",
    log:
        "logs/visual/{dataset}/{shard}.log",
    benchmark:
        "logs/benchmarks/visual/{dataset}/{shard}.tsv"
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        cfg=tracked.section("clips", *study.clip_settings, "visual", "encoding", version=FEATURE_VERSION["visual"]),
        videos=study.dataset.videos,
        weights=lambda wildcards: study.weights["clip"],
    message:
        "Encoding the frames of shard {wildcards.shard} with CLIP"
    shell:
        "python -m feature_extractors visual --manifest {input.manifest:q} --videos {params.videos:q}"
        " --weights {params.weights:q} --config {params.cfg:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule text:
    input:
        annotations=ANNOTATION_INPUT,
        weights=study.weight_files["clip"],
        definition=study.clip_definition,
    output:
        "features/{dataset}/clip_text/{shard}.h5",
    log:
        "logs/text/{dataset}/{shard}.log",
    benchmark:
        "logs/benchmarks/text/{dataset}/{shard}.tsv"
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        cfg=tracked.section(*study.clip_settings, "encoding", version=FEATURE_VERSION["text"]),
        texts=lambda wildcards: canonical_json(study.data.texts_of(wildcards.shard)),
        shards=study.dataset.shards,
        weights=lambda wildcards: study.weights["clip"],
    message:
        "Encoding the queries of shard {wildcards.shard} with CLIP"
    shell:
        "python -m feature_extractors text --annotations {input.annotations:q} --shard {wildcards.shard}"
        " --shards {params.shards} --weights {params.weights:q} --config {params.cfg:q} --threads {threads}"
        " --out {output:q} > {log:q} 2>&1"


rule audio_pann:
    input:
        manifest="manifests/{dataset}/{shard}.jsonl",
        videos=lambda wildcards: study.data.files_of(wildcards.shard),
        weights=study.weight_files["pann"],
    output:
        "features/{dataset}/pann/{shard}.h5",
    log:
        "logs/audio_pann/{dataset}/{shard}.log",
    benchmark:
        "logs/benchmarks/audio_pann/{dataset}/{shard}.tsv"
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        cfg=tracked.section(
            "clips",
            "pann/base_channels",
            "pann/embedding_dim",
            "encoding",
            version=FEATURE_VERSION["pann"],
        ),
        videos=study.dataset.videos,
        weights=lambda wildcards: study.weights["pann"],
    message:
        "Encoding the sound of shard {wildcards.shard} with PANN"
    shell:
        "python -m feature_extractors audio --encoder pann --manifest {input.manifest:q} --videos {params.videos:q}"
        " --weights {params.weights:q} --config {params.cfg:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule audio_clap:
    input:
        manifest="manifests/{dataset}/{shard}.jsonl",
        videos=lambda wildcards: study.data.files_of(wildcards.shard),
        weights=study.weight_files["clap"],
    output:
        "features/{dataset}/clap/{shard}.h5",
    log:
        "logs/audio_clap/{dataset}/{shard}.log",
    benchmark:
        "logs/benchmarks/audio_clap/{dataset}/{shard}.tsv"
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        cfg=tracked.section("clips", "clap/mode", "clap/window_seconds", "encoding", version=FEATURE_VERSION["clap"]),
        videos=study.dataset.videos,
        weights=lambda wildcards: study.weights["clap"],
    message:
        "Encoding the sound of shard {wildcards.shard} with CLAP"
    shell:
        "python -m feature_extractors audio --encoder clap --manifest {input.manifest:q} --videos {params.videos:q}"
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
    output:
        report("reports/problems.tsv", caption="../report/problems.rst", category="Data"),
    log:
        "logs/problems.log",
    benchmark:
        "logs/benchmarks/problems.tsv"
    conda:
        "../../envs/features.yaml"
    params:
        policy="leave_out",
        domains=tracked.domain_problems,
        version=FEATURE_VERSION["problems"],
    message:
        "Listing the videos with which something is wrong"
    shell:
        "python -m feature_extractors problems --manifests {input.manifests:q} --stores {input.stores:q}"
        " --broken-videos {params.policy} {params.domains} --out {output:q} 2>&1 | tee {log:q}"


# Under `stop`, an error if the list is not empty. A rule of its own, as Snakemake removes what a failed job has written.
use rule problems as check_problems with:
    input:
        problems="reports/problems.tsv",
        manifests=rules.problems.input.manifests,
        stores=rules.problems.input.stores,
    output:
        "reports/no_problems.tsv",
    log:
        "logs/check_problems.log",
    benchmark:
        "logs/benchmarks/check_problems.tsv"
    params:
        policy="stop",
        domains=tracked.domain_problems,
        version=FEATURE_VERSION["problems"],
    message:
        "Looking whether the list of problems is empty"


PROBLEMS = ["reports/problems.tsv", *(["reports/no_problems.tsv"] if study.dataset.broken_videos == "stop" else [])]
