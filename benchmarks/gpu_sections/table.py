"""The results of `benchmarks/gpu.py` as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
PRECISIONS = ("float32", "tf32", "bfloat16")


def render(results: Json) -> str:
    """All tables, and a list of what is missing."""
    parts = [
        _machine(results.get("machine", {})),
        _checks(results.get("checks", {})),
        _training(results.get("training", {})),
        _acceleration(results.get("acceleration", {})),
        _inference(results.get("training", {})),
        _encoders(results.get("encoders", {})),
        _pipeline(results.get("pipeline", {})),
        _seeds(results.get("seeds", {})),
        _missing(results),
    ]
    note = "**A dry run on the CPU: the figures mean nothing.**" if results.get("dry") else ""
    return "\n\n".join(part for part in (note, *parts) if part)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    kept = [row for row in rows if any(row[1:])]
    if not kept:
        return ""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *kept]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: Any) -> str:
    """A figure, or the median of one with its spread; empty for what is missing."""
    if isinstance(value, dict):
        if "median" not in value:
            return ""
        return f"{_digits(value['median'])} ({_digits(value['low'])} to {_digits(value['high'])})"
    return _digits(value) if isinstance(value, int | float) else ""


def _digits(value: float) -> str:
    """Three significant digits, written out: 15470 is `15,500`."""
    return f"{float(f'{value:.3g}'):,g}"


def _of(found: Any, *path: str) -> Any:
    for key in path:
        found = found.get(key, {}) if isinstance(found, dict) else {}
    return found


def _machine(found: Json) -> str:
    if not found:
        return ""
    card = f"{found.get('card', 'no GPU')}, {found.get('memory_gb', '?')} GB, driver {found.get('driver', '?')}"
    lines = [
        f"{card}; torch {found.get('torch')}, CUDA {found.get('cuda')}, Python {found.get('python')}, "
        f"{found.get('cores')} CPU cores. Medians (lowest to highest) of interleaved turns."
    ]
    rows = [
        [name, *(_number(_of(found, key, precision)) for precision in PRECISIONS)]
        for name, key in (
            ("8192x8192x8192", "products_tflops"),
            ("2400x256x1024, as in a QVHighlights step", "small_products_tflops"),
        )
    ]
    copies = _of(found, "copies_gb_per_s")
    text = ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in copies.items())
    lines += [_table(["matrix products, TFLOP/s", *PRECISIONS], rows), f"Copies, GB/s: {text}." if text else ""]
    return "\n\n".join(line for line in lines if line)


def _checks(found: Json) -> str:
    if "counts" not in found:
        return ""
    counts = ", ".join(f"{count} {name}" for name, count in found["counts"].items())
    failures = "".join(f"\n- failed: `{name}`" for name in found.get("failures", []))
    return f"Tests marked `gpu`: {counts}.{failures}"


def _training(found: Json) -> str:
    rows = []
    for name in ("QVHighlights", "TVSum"):
        times = _of(found, name, "step_ms")
        for job in (*PRECISIONS, "reference", "reference tf32"):
            memory = _of(found, name, "memory_mb", job)
            ratio = ""
            if _number(times.get(job)) and _number(times.get("reference")):
                ratio = _number(times["reference"]["median"] / times[job]["median"])
            mb = f"{memory['held']:.0f} + {memory['step']:.0f}" if "held" in memory else ""
            steps = _number(1e3 / times[job]["median"]) if _number(times.get(job)) else ""
            rows.append([f"{name}, {job}", _number(times.get(job)), steps, ratio, mb])
    head = ["training step", "ms", "steps per s", "times as fast as the reference in float32", "MB held + in a step"]
    parts = [_table(head, rows)]
    for name in ("QVHighlights", "TVSum"):
        profile = _of(found, name, "profile")
        if "kernels" in profile:
            parts.append(
                f"A float32 step of {name}: {profile['operators']} operators, {profile['kernels']} kernels that "
                f"take {profile['gpu_ms']} ms together, {profile['copies']:g} copies, "
                f"{profile['waits']:g} waits for the GPU."
            )
    return "\n\n".join(part for part in parts if part)


def _acceleration(found: Json) -> str:
    rows = []
    for precision in PRECISIONS:
        times, ready = _of(found, precision, "step_ms"), _of(found, precision, "ready_s")
        forms = ("eager", "graphs", "compiled")
        rows.append([precision, *(_number(times.get(form)) for form in forms), _number(ready.get("compiled"))])
    head = ["QVHighlights step, ms", "eager", "network as CUDA graphs", "network compiled", "s until compiled"]
    return _table(head, rows)


def _inference(found: Json) -> str:
    times = _of(found, "inference_ms_per_query")
    rows = [
        [what, *(_number(times.get(f"{job} {kind}")) for kind in (*PRECISIONS, "reference"))]
        for what, job in (("with batch, copies and rows", "all"), ("network alone", "network"))
    ]
    return _table(["inference, ms per query (batch 100)", *PRECISIONS, "reference"], rows)


def _encoders(found: Json) -> str:
    rows = []
    for name in ("ViT-B-32-quickgelu", "ViT-L-14-quickgelu", "Cnn14", "CLAP"):
        entry = _of(found, name)
        for job, what in (("network", "network alone"), ("encode", "with copies")):
            cells = []
            for precision in PRECISIONS:
                rate = _of(entry, f"{job} {precision}")
                share = f" ({100 * rate['share_of_bfloat16_peak']:.1f} %)" if "share_of_bfloat16_peak" in rate else ""
                cells.append(f"{_number(rate.get('per_second'))}{share}" if "per_second" in rate else "")
            rows.append([f"{name}, {what}, batch {entry.get('batch')}", *cells])
    peak = _number(found.get("bfloat16_peak_tflops"))
    head = [f"inputs per s (share of {peak} TFLOP/s)", *PRECISIONS]
    return _table(head, rows)


def _pipeline(found: Json) -> str:
    rows = []
    for number in ("1", "2", "4", "8", "16"):
        cells = [_number(_of(found, "decode", number).get("videos_per_s"))]
        for precision in ("bfloat16", "float32"):
            entry = _of(found, "extract", precision, number)
            share = f"{100 * entry['gpu_share']:.0f} %" if "gpu_share" in entry else ""
            cells += [_number(entry.get("videos_per_s")), share]
        rows.append([number, *cells])
    made = _of(found, "videos")
    size = f"{made.get('seconds')} s, {'x'.join(map(str, made.get('size', [])))}" if made else ""
    return _table(
        [
            f"processes ({size})",
            "decoding alone, videos per s",
            "ViT-B/32 bfloat16, videos per s",
            "share of time with GPU work",
            "float32, videos per s",
            "share",
        ],
        rows,
    )


def _seeds(found: Json) -> str:
    rows = [
        [number, *(_number(_of(found, name, "steps_per_s", number)) for name in ("demo", "QVHighlights"))]
        for number in ("1", "2", "4", "8")
    ]
    return _table(["trainings at once, float32", "demo's size, steps per s of all", "QVHighlights"], rows)


def _missing(found: Any, where: str = "") -> str:
    """One line per result that was skipped, failed or ended."""
    lines = [f"- {where}: {kind}: {cause}" for where, kind, cause in _find_missing(found, where)]
    return "Missing:\n\n" + "\n".join(lines) if lines else ""


def _find_missing(found: Any, where: str) -> Iterable[tuple[str, str, str]]:
    if not isinstance(found, dict):
        return
    for key, value in found.items():
        if key in ("skipped", "failed", "ended"):
            yield where, key, value if isinstance(value, str) else " / ".join(map(str, value[-2:]))
        elif key != "failures":
            yield from _find_missing(value, f"{where}.{key}" if where else key)
