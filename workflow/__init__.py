"""The Snakemake workflow: rules by stage, the schema of the configuration, captions of the report."""
