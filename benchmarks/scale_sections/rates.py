"""How long jobs take: measured rates, with the page of docs/measurements that has them, and a few assumptions."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scale_sections.paper import Measured, Study

# Seconds per minute of video.
DECODE_PICTURES = 1 / 2.03  # gpu.md: 2.03 videos of 60 s per second by one process, 640x360, one frame per clip
DECODE_SOUND = 0.1 / 80 * 60  # extraction.md: 0.1 s for 80 s of sound
ENCODE_ON_CPU = {"clip_visual": 3.5 / 80 * 60, "pann": 2.6 / 80 * 60, "clap": 7.5 / 80 * 60}  # extraction.md, one core
CLIPS_PER_SECOND_ON_GPU = {"pann": 1860, "clap": 1180}  # gpu.md, with copies, float32; an input is at most one clip
CLIPS_PER_MINUTE = 30
PREVIEWS = 1.9 / 7  # the demo: 1.9 s for the 7 minutes of its val split
# Seconds per step, with the recipe's batch: on an H200 (gpu.md), and in one thread on machine A (performance.md).
STEP = {"qvhighlights": (0.073, 0.931), "tvsum": (0.0346, 0.349)}
PER_QUERY = (0.00122, 0.0056)  # inference: gpu.md, and performance.md on machine A
# Assumed: not measured at these sizes.
LIBRARIES = 5.0  # s until the libraries and weights of a job that runs networks are loaded; the demo: 1.5 to 4
LIGHT, LIGHT_PER_QUERY = 1.0, 0.005  # s of a table or figure; the demo, with 89 queries: 0.2 to 7
PROBE = 0.03  # s per video to read its packets; the demo: under 0.03
# Epochs, batch, and epochs between two validations, of the configurations.
RECIPES = {"qvhighlights": (200, 32, 5), "tvsum": (2000, 4, 5)}

NETWORKS = ("encode", "train", "infer", "infer_gated", "predict", "predict_gated")


@dataclass(frozen=True)
class Work:
    """What a job does, besides Snakemake's own start in it."""

    seconds: float
    gpu: bool
    """Whether it holds a GPU all the time."""


def work_of(job: str, name: str, study: Study, plan: Measured, on_gpu: bool) -> Work:
    """The work of a job, on a GPU of its own or on one CPU core alone."""
    rule, _, stream = job.partition(" ")
    minutes = plan.videos * study.seconds / 60
    queries = {split: plan.queries * count / total_queries(study) for split, (count, _) in study.splits.items()}
    answered = queries.get("val", plan.queries)
    gpu = on_gpu and rule in NETWORKS
    if rule == "manifest":
        return Work(LIGHT + PROBE * plan.videos / plan.shards, False)
    if rule == "encode":
        return Work(LIBRARIES + encoding(stream, minutes / plan.shards, plan.queries / plan.shards, gpu), gpu)
    if rule == "train":
        epochs, batch, every = RECIPES[name]
        # TVSum trains one network per domain, on its four videos.
        steps = epochs * (queries["train"] / batch if name == "qvhighlights" else 1)
        validated = epochs / every * (answered if name == "qvhighlights" else 1)
        return Work(LIBRARIES + steps * STEP[name][not gpu] + validated * PER_QUERY[not gpu], gpu)
    if rule in NETWORKS:
        return Work(LIBRARIES + answered * PER_QUERY[not gpu], gpu)
    if rule == "previews":
        return Work(LIGHT + PREVIEWS * minutes * answered / plan.queries, False)
    return Work(LIGHT + LIGHT_PER_QUERY * answered, False)


def encoding(stream: str, minutes: float, queries: float, gpu: bool) -> float:
    """Seconds to encode the videos or queries of a shard by one process, which decodes in one thread."""
    if stream == "clip_text":
        return queries * PER_QUERY[not gpu]  # assumed: a query is one short row, as in inference
    decode = DECODE_PICTURES if stream == "clip_visual" else DECODE_SOUND
    if not gpu:
        # Both in one core, although the decoder has a thread of its own.
        return minutes * (ENCODE_ON_CPU[stream] + decode)
    if stream == "clip_visual":
        return minutes * decode  # gpu.md: bound by decoding
    return minutes * (decode + CLIPS_PER_MINUTE / CLIPS_PER_SECOND_ON_GPU[stream])


def total_queries(study: Study) -> int:
    """Queries of all splits, at the study's own size."""
    return sum(count for count, _ in study.splits.values())
