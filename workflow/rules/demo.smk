"""The demo dataset and the weights of its encoders: media, labels and checkpoints generated from seeds.

Output: data/demo/ (videos, annotations) and weights/demo/.
"""

if study.is_demo:

    rule media:
        output:
            videos=list(study.data.files.values()),
            annotations=list(study.annotations.values()),
        log:
            "logs/media.log",
        benchmark:
            "logs/benchmarks/media.tsv"
        conda:
            "../../envs/demo.yaml"
        threads: 2
        resources:
            **ask_for("media"),
        params:
            cfg=tracked.media,
            videos=lambda wildcards, output: str(Path(output.videos[0]).parent),
            annotations=lambda wildcards, output: str(Path(output.annotations[0]).parent),
        message:
            "Rendering {config[demo][train_videos]} + {config[demo][val_videos]} demo videos"
        shell:
            "python -m demo media --config {params.cfg:q} --videos {params.videos:q}"
            " --annotations {params.annotations:q} --threads {threads} 2>&1 | tee {log:q}"


rule weights_clip:
    input:
        definition=further_files(study.config, "clip_visual"),
    output:
        "weights/demo/clip.pt",
    log:
        "logs/weights_clip.log",
    benchmark:
        "logs/benchmarks/weights_clip.tsv"
    conda:
        "../../envs/demo.yaml"
    threads: 1
    resources:
        **ask_for("weights_clip"),
    params:
        cfg=tracked.section("demo_encoders", "clip/architecture", "clip/definition", version=DEMO_VERSION["weights"]),
    message:
        "Generating the demo's CLIP weights"
    shell:
        "python -m demo weights --encoder clip --config {params.cfg:q} --out {output:q} > {log:q} 2>&1"


rule weights_pann:
    output:
        "weights/demo/pann.pth",
    log:
        "logs/weights_pann.log",
    benchmark:
        "logs/benchmarks/weights_pann.tsv"
    conda:
        "../../envs/demo.yaml"
    threads: 1
    resources:
        **ask_for("weights_pann"),
    params:
        cfg=tracked.section(
            "demo_encoders", "pann/base_channels", "pann/embedding_dim", version=DEMO_VERSION["weights"]
        ),
    message:
        "Generating the demo's PANN weights"
    shell:
        "python -m demo weights --encoder pann --config {params.cfg:q} --out {output:q} > {log:q} 2>&1"


rule weights_clap:
    output:
        expand("weights/demo/clap/{file}", file=["config.json", "model.safetensors", "preprocessor_config.json"]),
    log:
        "logs/weights_clap.log",
    benchmark:
        "logs/benchmarks/weights_clap.tsv"
    conda:
        "../../envs/demo.yaml"
    threads: 1
    resources:
        **ask_for("weights_clap"),
    params:
        cfg=tracked.section("demo_encoders", version=DEMO_VERSION["weights"]),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    message:
        "Generating the demo's CLAP weights"
    shell:
        "python -m demo weights --encoder clap --config {params.cfg:q} --out {params.folder:q} > {log:q} 2>&1"
