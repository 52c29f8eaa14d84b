"""Workflow from raw videos to features, trained models, scores and plots; settings in config.yaml."""

from snakemake.utils import min_version

min_version("9.27")


configfile: os.path.join(workflow.basedir, "config.yaml")


include: "workflow/rules/common.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/features.smk"


if study.checkpoint:

    include: "workflow/rules/prediction.smk"

else:

    include: "workflow/rules/training.smk"
    include: "workflow/rules/evaluation.smk"
    include: "workflow/rules/figures.smk"


localrules:
    all,
    features,


rule all:
    default_target: True
    input:
        paths.features,
        PROBLEMS,
        PREDICTED if study.checkpoint else STUDIED,


rule features:
    input:
        paths.features,
        PROBLEMS,
