"""From raw videos to features, trained models, scores and plots. Settings: config.yaml; stages: workflow/rules/."""

from snakemake.utils import min_version

min_version("9.27")


configfile: os.path.join(workflow.basedir, "config.yaml")


include: "workflow/rules/common.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"


localrules:
    all,
    features,


rule all:
    default_target: True
    input:
        FEATURE_FILES,
        "reports/problems.tsv",
        "results/summary.json",
        "results/summary.md",
        "plots/summary.png",
        ["results/tvsum.json", "results/tvsum.md"] if RATED else [],
        expand("plots/{run}/training.png", run=[run for run in RUNS if run in TRAINED_RUNS]),
        expand("results/{run}/gates_val.json", run=LOGGED_RUNS),
        expand("plots/{run}/gates_val.png", run=LOGGED_RUNS),
        expand("plots/{run}/gates_val/{figure}.png", run=LOGGED_RUNS, figure=GATE_FIGURES),
        ["plots/gates_val.png"] if config["main_run"] in LOGGED_RUNS else [],


rule features:
    input:
        FEATURE_FILES,
        "reports/problems.tsv",
