"""The GPUs of this machine: as many jobs that use one at once, each with its own.

`gpu=1` of a rule is constant, because a job on a cluster asks for it again on the machine where it runs: a profile or
--set-resources changes it. Only here, and only if jobs run on this machine, is it limited.
"""

from cli.cards import forget_cards, share_cards

if workflow.remote_exec:
    forget_cards()
elif workflow.is_main_process and workflow.local_exec and not workflow.dryrun:
    asked = workflow.global_resources.get("gpu")
    if (at_once := share_cards(asked.value if asked else None)) is not None:
        workflow.register_resource("gpu", at_once)
