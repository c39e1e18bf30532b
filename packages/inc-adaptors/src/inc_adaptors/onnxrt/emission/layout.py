"""Who makes and who reads each tensor, in terms of operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs
from inc_config.plan import OpId, TensorKey

from inc_adaptors.onnxrt.operators import Operator


@attrs.frozen(kw_only=True, eq=False)
class Layout:
    """The operators of one graph by name and around each tensor; ``keys`` are all names under which a tensor may have statistics."""

    operators: tuple[Operator, ...]
    by_op: Mapping[OpId, Operator]
    makers: Mapping[str, Operator]
    readers: Mapping[str, tuple[Operator, ...]]
    keys: Mapping[str, tuple[TensorKey, ...]]

    @classmethod
    def of(cls, operators: tuple[Operator, ...]) -> Self:
        """Index operators, given in execution order."""
        makers: dict[str, Operator] = {}
        readers: dict[str, list[Operator]] = {}
        keys: dict[str, list[TensorKey]] = {}
        for operator in operators:
            for index, name in enumerate(operator.outputs):
                makers[name] = operator
                keys.setdefault(name, []).append(TensorKey(operator.op, f"output:{index}"))
            for index, name in operator.inputs.items():
                readers.setdefault(name, []).append(operator)
                keys.setdefault(name, []).append(TensorKey(operator.op, f"input:{index}"))
        return cls(
            operators=operators,
            by_op={operator.op: operator for operator in operators},
            makers=makers,
            readers={name: tuple(found) for name, found in readers.items()},
            keys={name: tuple(found) for name, found in keys.items()},
        )

    def tensors(self) -> dict[TensorKey, str]:
        """Tensor name of every key."""
        return {key: name for name, keys in self.keys.items() for key in keys}
