"""The operators of a graph by name, and the keys of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs
from inc_config.plan import OpId, TensorKey

from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.shapes import TensorType


@attrs.frozen(kw_only=True, eq=False)
class Layout:
    """The operators of one graph, also by name; ``keys`` are all those under which a tensor may have statistics.

    ``ranks`` are the numbers of axes of tensors, where inference can tell.
    """

    operators: tuple[Operator, ...]
    by_op: Mapping[OpId, Operator]
    keys: Mapping[str, tuple[TensorKey, ...]]
    ranks: Mapping[str, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, operators: tuple[Operator, ...], types: Mapping[str, TensorType]) -> Self:
        """Index operators, given in execution order; only float32 tensors get keys."""
        keys: dict[str, list[TensorKey]] = {}
        for operator in operators:
            for index, name in enumerate(operator.outputs):
                if name in types and types[name].is_float32:
                    keys.setdefault(name, []).append(TensorKey(operator.op, f"output:{index}"))
            for index, name in operator.inputs.items():
                keys.setdefault(name, []).append(TensorKey(operator.op, f"input:{index}"))
        return cls(
            operators=operators,
            by_op={operator.op: operator for operator in operators},
            keys={name: tuple(found) for name, found in keys.items()},
            ranks={name: len(kind.shape) for name, kind in types.items() if kind.shape is not None},
        )

    def tensors(self) -> dict[TensorKey, str]:
        """Tensor name of every key."""
        return {key: name for name, keys in self.keys.items() for key in keys}
