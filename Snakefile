"""Workflow from raw videos to features, trained models, scores and plots; settings in config.yaml."""

from snakemake.utils import min_version

min_version("9.27")


configfile: os.path.join(workflow.basedir, "config.yaml")


report: "workflow/report/workflow.rst"


# A limit of GPUs holds on one machine. On a cluster it is that of one job or group, and the scheduler counts.
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/cards.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/features.smk"


if not study.given:

    include: "workflow/rules/training.smk"


include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"


if study.given:

    include: "workflow/rules/prediction.smk"


if study.crossing.cells:

    include: "workflow/rules/conditions.smk"


include: "workflow/rules/overview.smk"
include: "workflow/rules/explorer.smk"


MADE = [
    paths.features,
    PROBLEMS,
    PREDICTED if study.given else STUDIED,
    CONDITIONS if study.crossing.cells else [],
    CLOSING,
    EXPLORED,
]


include: "workflow/rules/report.smk"


localrules:
    all,
    features,
    figures,


rule all:
    default_target: True
    input:
        MADE,
        PAGES,


rule features:
    input:
        paths.features,
        PROBLEMS,


rule figures:
    input:
        FURTHER,


if study.crossing.cells:

    localrules:
        conditions,

    rule conditions:
        input:
            CONDITIONS,
            PROBLEMS,

else:

    rule conditions:
        input:
            lambda wildcards: sys.exit("error: config: comparison.runs is empty: no run is compared under conditions"),
