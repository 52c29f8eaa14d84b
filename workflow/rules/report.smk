"""Pages of `snakemake --report`: tables, settings and software as HTML, which a browser shows instead of saving.

Output: reports/{dataset}/pages/, a page named after each table, settings.html and software.html.
"""

from snakemake.settings.types import DeploymentMethod

# Tables, with their category and label in the report; captions have the names of the files.
TABULATED = {f"results/{study.name}/overview.txt": ("Scores", "overview in words")}
if "val" in study.scored:
    TABULATED[f"results/{study.name}/summary.md"] = ("Scores", "table of runs")
    TABULATED[f"results/{study.name}/summary.csv"] = ("Scores", "all metrics")
    if study.rates_clips:
        TABULATED[f"results/{study.name}/tvsum.md"] = ("Scores", "by domain")
if study.crossing.cells:
    TABULATED[f"results/{study.name}/conditions.md"] = ("Scores", "under conditions")
    TABULATED[f"results/{study.name}/conditions.csv"] = ("Scores", "under conditions, all numbers")
if study.given:
    TABULATED[f"results/{study.name}/ranked.md"] = ("Moments", "ranked table")
TABULATED[f"reports/{study.name}/problems.tsv"] = ("Data", "videos with problems")
SHOWN = TABULATED | {"settings": ("Study", "settings"), "software": ("Study", "versions of Python packages")}
PAGES = [f"reports/{study.name}/pages/{Path(file).name}.html" for file in SHOWN]


rule report_pages:
    input:
        tables=list(TABULATED),
        # They are not read, but the software of all other jobs is told.
        made=MADE,
    output:
        [
            report(
                f"reports/{{dataset}}/pages/{Path(file).name}.html",
                caption=f"../report/{Path(file).stem}.rst",
                category=category,
                labels={"what": what},
            )
            for file, (category, what) in SHOWN.items()
        ],
    log:
        "logs/report_pages/{dataset}.log",
    benchmark:
        "logs/benchmarks/report_pages/{dataset}.tsv"
    conda:
        "../../envs/eval.yaml"
    resources:
        **ask_for("report_pages"),
    params:
        # A function, because Snakemake would format the braces of a plain string.
        settings=lambda wildcards: canonical_json(study.config),
        folder="reports/{dataset}/pages",
        version=EVAL_VERSION["report_pages"],
    message:
        "Writing the pages of the report"
    shell:
        "python -m eval report-pages --tables {input.tables:q} --settings {params.settings:q}"
        " --software logs/software/{wildcards.dataset} --out-dir {params.folder:q} > {log:q} 2>&1"


if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    # Snakemake keeps the environment of each job, and would show it as the software that ran.
    for each in workflow.rules:
        each.conda_env = lambda wildcards: None
