"""Counts the matrix products and the memory traffic of a piece of work, operator by operator.

Imports nothing of this project, because it also runs in an older checkout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

Shape = tuple[int, int, int, int, str]
"""Matrices, rows, inner size and columns of a product, and how its factors lie in memory: `nt` is a layer's forward
pass (a second factor that is transposed), `nn` the gradient of its input, `tn` that of its weight."""

UNTOUCHED = {"_unsafe_view", "empty", "empty_like", "empty_strided", "lift_fresh", "new_empty", "new_empty_strided"}
"""Operators that neither read nor write their tensors, although these are no views by their signature."""


class Counting(TorchDispatchMode):
    """While active, counts what runs, in the forward and in the backward pass.

    Attributes:
        products: floating-point operations by shape of the product.
        operators: calls of operators, views left out.
        moved: bytes that operators other than products read and write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.products: Counter[Shape] = Counter()
        self.operators = 0
        self.moved = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        returns = func._schema.returns
        if returns and returns[0].alias_info is not None and not returns[0].alias_info.is_write:
            return result  # a view
        self.operators += 1
        name = func._overloadpacket.__name__
        if name in ("addmm", "baddbmm"):
            self._add_product(args[1], args[2])
        elif name in ("mm", "bmm"):
            self._add_product(args[0], args[1])
        elif name == "_linear_pointwise":
            self._add_product(args[0], args[1].transpose(-1, -2))
        elif "attention" in name:
            self._add_attention(name, args)
        elif func._overloadpacket in flop_registry:
            raise RuntimeError(f"{name} is a product that this benchmark does not know")
        elif name not in UNTOUCHED:
            self.moved += sum(_extent(leaf) for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
        return result

    def _add_product(self, a: Tensor, b: Tensor) -> None:
        matrices = a.shape[0] if a.dim() == 3 else 1
        rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
        layout = "".join("t" if x.stride(-1) != 1 == x.stride(-2) else "n" for x in (a, b))
        self.products[matrices, rows, inner, columns, layout] += 2 * matrices * rows * inner * columns

    def _add_attention(self, name: str, args: tuple[Any, ...]) -> None:
        """Products of a fused attention: two in the forward pass, five in the backward pass (one of them again)."""
        backward = "backward" in name
        query, key = (args[1], args[2]) if backward else (args[0], args[1])
        batch, heads, rows, width = query.shape
        shape = (batch * heads, rows, width, key.shape[-2], "nt")
        self.products[shape] += (5 if backward else 2) * 2 * batch * heads * rows * width * key.shape[-2]


def _extent(tensor: Tensor) -> int:
    """Bytes of a tensor; one that is repeated along a dimension lies in memory once."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def count(job: Callable[[], object]) -> Counting:
    """Count what a job does."""
    with Counting() as counting:
        job()
    return counting
