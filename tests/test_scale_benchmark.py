"""The plan of large studies: the DAG that Snakemake prints, enlarged and grouped, and a small cluster by hand."""

from __future__ import annotations

import pytest

from benchmarks.scale_sections.cluster import FIRST_POLL, STARTS, SUBMIT, Cluster, SlurmJob, enlarge, group, simulate
from benchmarks.scale_sections.paper import STUDIES, Measured, read_graph
from benchmarks.scale_sections.rates import STEP, Work, work_of
from benchmarks.scale_sections.tables import extrapolate, hours, run_on

# As Snakemake 9.27 prints it (`--dag dot`), for a study of two shards.
DOT = """digraph snakemake_dag {
    graph[bgcolor=white, margin=0];
\t0[label = "all", color = "0.00 0.6 0.85", style="rounded"];
\t1[label = "train\\nrun: base\\nscope: all\\nseed: 1", color = "0.1 0.6 0.85", style="rounded"];
\t2[label = "encode\\nstream: pann", color = "0.2 0.6 0.85", style="rounded"];
\t3[label = "manifest\\ndataset: a\\nshard: 000", color = "0.3 0.6 0.85", style="rounded"];
\t4[label = "encode\\nstream: pann", color = "0.2 0.6 0.85", style="rounded"];
\t5[label = "manifest\\ndataset: a\\nshard: 001", color = "0.3 0.6 0.85", style="rounded"];
\t1 -> 0
\t2 -> 1
\t4 -> 1
\t3 -> 2
\t5 -> 4
}
"""


def test_the_graph_of_snakemake() -> None:
    jobs, needs = read_graph(DOT)
    assert jobs == ["train", "encode pann", "manifest", "encode pann", "manifest"]
    assert needs == [[1, 3], [2], [], [4], []]


def test_more_shards_repeat_the_jobs_of_a_shard() -> None:
    jobs, needs = enlarge(["train", "encode pann", "manifest"], [[1], [2], []], 3)
    assert jobs == ["train", *["encode pann"] * 3, *["manifest"] * 3]
    assert needs == [[1, 2, 3], [4], [5], [6], [], [], []]


def test_short_jobs_share_a_slurm_job() -> None:
    jobs = ["train", *["score"] * 5, "summarise", "plot_summary"]
    needs = [[], *[[0]] * 5, [1, 2, 3, 4, 5], [6]]
    works = [Work(100, True), *[Work(2, False)] * 5, Work(3, False), Work(4, False)]
    groups = {"score": "scores", "summarise": "tables", "plot_summary": "tables"}
    made = group(jobs, needs, works, groups, {"scores": 3})
    assert sorted((job.seconds, job.gpu, job.cpus, len(job.needs)) for job in made) == [
        (2, False, 2, 1),  # two scores side by side
        (3, False, 2, 1),  # three on two cores
        (4, False, 2, 2),  # both tables, which wait for both groups of scores: 7 s on two cores, but one takes 4
        (100, True, 1, 0),
    ]


def chain(*seconds: float, gpu: bool = False) -> list[SlurmJob]:
    return [SlurmJob(value, gpu, 1, (index - 1,) if index else ()) for index, value in enumerate(seconds)]


def test_a_job_takes_planning_submission_starts_and_a_poll() -> None:
    run = simulate(chain(30), Cluster(1, 0), at_once=5, planning=10, start=4)
    ends = 10 + SUBMIT + STARTS * 4 + 30
    # Polled 20 and 20 + 30 s after the plan, since nothing had ended at first.
    assert run.seconds == pytest.approx(10 + FIRST_POLL + 30)
    assert run.unseen == pytest.approx(run.seconds - ends)
    assert run.start_hours == pytest.approx(STARTS * 4 / 3600)
    assert run.cpu_hours == pytest.approx((STARTS * 4 + 30) / 3600) and run.gpu_hours == 0


def test_jobs_wait_for_what_they_need_and_for_a_free_gpu() -> None:
    alone = simulate(chain(100, 100), Cluster(8, 0), 5, 0, 0).seconds
    assert alone > 2 * 100
    both = [SlurmJob(1000, True, 1, ()), SlurmJob(1000, True, 1, ()), SlurmJob(1000, False, 1, ())]
    one_gpu, two_gpus = (simulate(both, Cluster(8, gpus), 5, 0, 0) for gpus in (1, 2))
    assert one_gpu.seconds > 2000 > two_gpus.seconds > 1000
    assert one_gpu.gpu_hours == two_gpus.gpu_hours == pytest.approx(2000 / 3600)
    assert one_gpu.waited == pytest.approx(1000 / 3, rel=0.01) and two_gpus.waited == 0


def test_snakemake_submits_no_more_than_the_profile_says() -> None:
    jobs = [SlurmJob(1000, False, 1, ())] * 4
    limited, free = (simulate(jobs, Cluster(8, 0), at_once, 0, 0).seconds for at_once in (2, 4))
    assert limited > 2000 > free


def test_a_cycle_is_an_error() -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        simulate([SlurmJob(1, False, 1, (1,)), SlurmJob(1, False, 1, (0,))], Cluster(8, 0), 5, 0, 0)


def plan(times: float) -> Measured:
    """A plan that grows by the number of videos, but for what every plan takes."""
    shards = round(80 * times)
    jobs, needs = enlarge(["train", "encode pann", "manifest"], [[1], [2], []], shards)
    videos = round(10_148 * times)
    return Measured(jobs, needs, 1 + videos / 2000, 100 + videos, 1 + videos / 20_000, videos, videos, shards)


def test_what_is_too_large_to_plan_is_extrapolated() -> None:
    small = [plan(1), plan(3)]
    assert extrapolate(small, 1) is small[0]
    ten = extrapolate(small, 10)
    assert (len(ten.jobs), ten.shards, ten.videos) == (1 + 2 * 800, 800, 101_480)
    assert (ten.cpu, ten.peak, ten.start_cpu) == pytest.approx((plan(10).cpu, plan(10).peak, plan(10).start_cpu))
    assert sorted(ten.jobs) == sorted(plan(10).jobs)


def test_work_follows_from_sizes_and_rates() -> None:
    study, own = STUDIES["qvhighlights"], plan(1)
    train = work_of("train", "qvhighlights", study, own, on_gpu=True)
    # 200 epochs of 7,218 / 10,310 of the queries, 32 in a step.
    steps = 200 * own.queries * 7218 / 10310 / 32
    assert train.gpu and steps * STEP["qvhighlights"][0] < train.seconds < 1.05 * steps * STEP["qvhighlights"][0]
    assert not work_of("train", "qvhighlights", study, own, on_gpu=False).gpu
    for job in ("encode clip_visual", "encode pann", "encode clip_text", "manifest", "previews", "score"):
        on_gpu, on_cpu = (work_of(job, "qvhighlights", study, own, gpu).seconds for gpu in (True, False))
        assert 0 < on_gpu <= on_cpu


def test_more_gpus_end_a_study_sooner() -> None:
    own = plan(1)
    few, many = (run_on("qvhighlights", own, Cluster(64, gpus)).seconds for gpus in (1, 8))
    assert many < few


@pytest.mark.parametrize(("seconds", "text"), [(90, "2 min"), (7200, "2.0 h"), (400_000, "4.6 days")])
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert hours(seconds) == text
