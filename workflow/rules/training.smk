"""Training and inference: features to checkpoints, predictions and gate logs, one job per run, scope and seed.

Output: runs/{dataset}/{run}/{scope}/seed{seed}/. Both checkpoints predict; predictions of the configured one have the
plain name.
"""


rule train:
    input:
        features=paths.features_of_run,
        train=study.annotations["train"],
        val=study.annotations["val"],
        init_from=paths.initial_weights,
    output:
        best=f"{layout.RUN}/best.pt",
        last=f"{layout.RUN}/last.pt",
        history=f"{layout.RUN}/history.jsonl",
    log:
        "logs/train/{dataset}/{run}/{scope}/seed{seed}.log",
    benchmark:
        "logs/benchmarks/train/{dataset}/{run}/{scope}/seed{seed}.tsv"
    wildcard_constraints:
        run=any_of(study.trained_runs),
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        **ask_for("train"),
        gpu=1,
    params:
        cfg=tracked.training,
        domain=tracked.domain,
        init_from=lambda wildcards: " ".join(
            f"--init-from {shlex.quote(path)}" for path in paths.initial_weights(wildcards)
        ),
        folder=layout.RUN,
    message:
        "Training run {wildcards.run}, seed {wildcards.seed}"
    shell:
        "python -m model train --features {input.features:q} --train {input.train:q} --val {input.val:q}"
        " --config {params.cfg:q} --seed {wildcards.seed} --threads {threads} --out {params.folder:q}"
        " {params.init_from} {params.domain} 2>&1 | tee {log:q}"


# Both checkpoints predict in one job: most of its time is the start of torch, and with much data that of the features.
rule infer:
    input:
        features=paths.features_of_run,
        checkpoints=paths.checkpoints_of_run,
        queries=lambda wildcards: study.annotations[wildcards.split],
    output:
        predictions=f"{layout.RUN}/predictions_{{split}}.jsonl",
        other=f"{layout.RUN}/predictions_{{split}}_{study.other_checkpoint}.jsonl",
    log:
        "logs/infer/{dataset}/{run}/{scope}/seed{seed}_{split}.log",
    benchmark:
        "logs/benchmarks/infer/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv"
    wildcard_constraints:
        run=any_of([run for run in study.settings if run not in study.gate_logging_runs or study.inference.gate_file]),
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        **ask_for("infer"),
        gpu=1,
    params:
        cfg=tracked.inference(*PREDICTION_KEYS),
        domain=tracked.domain,
        gate_log="",
    message:
        "Predicting {wildcards.split} with run {wildcards.run}, seed {wildcards.seed}"
    shell:
        "python -m model infer --features {input.features:q} --checkpoint {input.checkpoints:q}"
        " --queries {input.queries:q} --config {params.cfg:q} --threads {threads}"
        " --out {output.predictions:q} {output.other:q} {params.gate_log} {params.domain} > {log:q} 2>&1"


# A file of gates that no job of this study writes has no rule.
if ONLY or (study.inference.gate_log and not study.inference.gate_file):

    ruleorder: infer_gated > infer

    use rule infer as infer_gated with:
        input:
            features=lambda wildcards: paths.features_of_run(ONLY or wildcards),
            checkpoints=lambda wildcards: paths.checkpoints_of_run(ONLY or wildcards),
            queries=lambda wildcards: study.annotations[(ONLY or wildcards).split],
        output:
            predictions=only(f"{layout.RUN}/predictions_{{split}}.jsonl"),
            other=only(f"{layout.RUN}/predictions_{{split}}_{study.other_checkpoint}.jsonl"),
            gates=paths.gate_log,
        log:
            only("logs/infer_gated/{dataset}/{run}/{scope}/seed{seed}_{split}.log"),
        benchmark:
            only("logs/benchmarks/infer_gated/{dataset}/{run}/{scope}/seed{seed}_{split}.tsv")
        wildcard_constraints:
            run=any_of(study.gated_runs),
        params:
            cfg=lambda wildcards: tracked.inference()(ONLY or wildcards),
            domain=lambda wildcards: tracked.domain(ONLY or wildcards),
            gate_log=lambda wildcards, output: f"--gate-log {shlex.quote(output.gates)}",
        message:
            (
                f"Predicting {ONLY.split} with run {ONLY.run}, seed {ONLY.seed}"
                if ONLY
                else "Predicting {wildcards.split} with run {wildcards.run}, seed {wildcards.seed}"
            )
