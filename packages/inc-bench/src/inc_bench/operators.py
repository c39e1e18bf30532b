"""Which operators got slower after quantization, and why: two profiles side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
from inc_adaptors.roles import OperatorTime

SLOWER = 1.1
"""An operator counts as slower from this ratio on: profilers repeat within about a tenth."""

_SUFFIX = re.compile(r"(_nchwc|_token_\d+|_quantize|_dequantize|_output\w*|_out\d*|_quant)+$")
_KINDS = (
    ("conversion", re.compile(r"quantizelinear|quantize|dequant", re.I)),
    ("layout", re.compile(r"transpose|reorder|permute", re.I)),
    ("convolution", re.compile(r"conv", re.I)),
    ("matrix product", re.compile(r"gemm|matmul|linear", re.I)),
    ("pooling", re.compile(r"pool", re.I)),
    ("elementwise", re.compile(r"add|mul|sub|div|relu|sigmoid|clip|softmax|gelu|tanh", re.I)),
)
_ADDED = {
    "conversion": "converts between float and integers, at the border of an operator that stayed in float",
    "layout": "rearranges memory between kernels that want different layouts",
}


@attrs.frozen(kw_only=True)
class OperatorPair:
    """One operator in both models; ``baseline`` None: it was added, ``candidate`` None: it is gone; ``reason``: why it is slower."""

    baseline: OperatorTime | None
    candidate: OperatorTime | None
    reason: str = ""

    @property
    def extra_s(self) -> float:
        """Seconds per call that the candidate takes longer."""
        return (self.candidate.seconds if self.candidate else 0.0) - (self.baseline.seconds if self.baseline else 0.0)


def kind_of(operator: OperatorTime) -> str:
    """What an operator does, whatever its number format; its own type where that is not known."""
    return next((kind for kind, pattern in _KINDS if pattern.search(operator.type)), operator.type)


def is_integer(operator: OperatorTime) -> bool:
    """Whether it was executed on integers."""
    return operator.dtype in ("int8", "uint8", "int16", "uint16") or operator.type.startswith(("QLinear", "QGemm", "Int8"))


def pair_operators(baseline: Sequence[OperatorTime], candidate: Sequence[OperatorTime]) -> tuple[OperatorPair, ...]:
    """Match operators of one kind by name, then the rest in order of execution, which quantization keeps."""
    partners: dict[int, int] = {}
    for kind in dict.fromkeys(kind_of(operator) for operator in (*baseline, *candidate)):
        left = [index for index, operator in enumerate(baseline) if kind_of(operator) == kind]
        right = [index for index, operator in enumerate(candidate) if kind_of(operator) == kind]
        for found in list(right):
            match = next((index for index in left if _same(baseline[index].name, candidate[found].name)), None)
            if match is not None:
                partners[found] = match
                left.remove(match)
                right.remove(found)
        if len(left) == len(right):
            partners |= dict(zip(right, left, strict=True))
    pairs = [_explained(baseline[partners[i]] if i in partners else None, operator) for i, operator in enumerate(candidate)]
    gone = [OperatorPair(baseline=operator, candidate=None) for i, operator in enumerate(baseline) if i not in partners.values()]
    return (*pairs, *gone)


def slower(pairs: Sequence[OperatorPair]) -> tuple[OperatorPair, ...]:
    """Those with a reason, the costliest first."""
    return tuple(sorted((pair for pair in pairs if pair.reason), key=lambda pair: -pair.extra_s))


def _same(one: str, other: str) -> bool:
    first, second = _SUFFIX.sub("", one), _SUFFIX.sub("", other)
    return first == second or first.startswith(f"{second}_") or second.startswith(f"{first}_")


def _explained(before: OperatorTime | None, after: OperatorTime) -> OperatorPair:
    reason = ""
    if before is None:
        reason = _ADDED.get(kind_of(after), "runs on its own; the baseline had it fused into another operator, or did not have it")
    elif after.seconds > SLOWER * before.seconds:
        reason = _why_slower(before, after)
    return OperatorPair(baseline=before, candidate=after, reason=reason)


def _why_slower(before: OperatorTime, after: OperatorTime) -> str:
    if not is_integer(after):
        return (
            f"runs in float as before, as {after.type}; what surrounds it changed"
            if before.type == after.type
            else (f"became {after.type}, still in float")
        )
    if before.name.endswith("_nchwc"):
        return f"the float {before.type} ran in blocked layout with its activation fused; {after.type} cannot, and the operator is small"
    return f"{after.type} costs more than {before.type} at this size: too little work per call to pay for integer set-up"
