"""Write a comparison of two stores as lines of text."""

from __future__ import annotations

from feature_extractors.verify.comparison import Comparison


def write_comparison(found: Comparison, equal: bool) -> str:
    """Format the comparison as lines of text."""
    lines = [f"width            A {found.dims[0]}, B {found.dims[1]}"]
    for label, names in (("only in A", found.only[0]), ("only in B", found.only[1])):
        lines.append(f"{label:16} {_some(names)}")
    lines.append(f"other clips      {_some([f'{name} ({one}, {two} rows)' for name, one, two in found.lengths])}")
    if found.agreement is None:
        lines.append("rows compared    none")
    else:
        rows = found.agreement
        lines += [
            f"rows compared    {rows.rows}",
            f"cosine           min {rows.cosine_min:.6f} ({rows.worst}), mean {rows.cosine_mean:.6f}",
            f"norms, B to A    mean {rows.norm_ratio:.6f}, a row's at most {rows.norm_off:.6f} off ({rows.norm_worst})",
            f"largest change   {rows.largest:.3g}",
        ]
    if found.pooled is not None:
        rows = found.pooled
        lines += [
            f"pooled           cosine min {rows.cosine_min:.6f} ({rows.worst}), norms at most {rows.norm_off:.6f} off"
        ]
    elif any(found.pooled_dims):
        lines.append("pooled           not compared: widths A {}, B {} (0: none there)".format(*found.pooled_dims))
    lines += [f"looks like       {hint}" for hint in found.hints]
    lines += [f"differs          {key}: A {left}, B {right}" for key, left, right in found.provenance]
    for key, count, name, left, right in found.columns:
        lines.append(f"differs          columns/{key} of {count}, such as {name}: A {left}, B {right}")
    return "\n".join([*lines, f"result           {'equal within tolerance' if equal else 'DIFFERENT'}"]) + "\n"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{len(names)}: {shown}{', ...' if len(names) > 5 else ''}" if names else "0"
