"""What is wrong with a quantized model, as data: every framework's diagnosis ends in these."""

from __future__ import annotations

import attrs

from inc_adaptors.parity import OutputParity

POOR_DB = 20.0
"""An operator below this makes more than a hundredth of its own output noise: worth excluding."""

SLOWER = 1.1
"""Times of single operators vary by a few parts in a hundred: from here on one counts as slower."""

WORTH = 0.01
"""Share of the model's time below which a slower operator is told, but not worth an exclusion."""


@attrs.frozen(kw_only=True)
class OperatorDiagnosis:
    """One quantized operator.

    ``alone_db`` is the SQNR of its output when its inputs are exact, ``cumulative_db`` with everything before it quantized too (None: not
    comparable). ``float_s`` and ``quantized_s`` are its times in both models (None: not found among what the runtime executed);
    ``slower_because`` is empty unless it got slower. ``clipped_db`` is the SQNR that int16 pair overflow alone would leave on a
    processor without VNNI (inf: nothing overflows).
    """

    name: str
    type: str
    alone_db: float | None = None
    cumulative_db: float | None = None
    float_s: float | None = None
    quantized_s: float | None = None
    slower_because: str = ""
    clipped_db: float = float("inf")

    @property
    def ratio(self) -> float | None:
        """Quantized over float time; None where one is not known."""
        return self.quantized_s / self.float_s if self.quantized_s is not None and self.float_s else None


@attrs.frozen(kw_only=True)
class Exclusion:
    """An operator that would better stay in float, and why."""

    name: str
    why: str


@attrs.frozen(kw_only=True)
class Diagnosis:
    """Everything found.

    ``operators`` in execution order; ``overhead_s`` is what operators that only convert between floats and codes or between layouts take,
    of ``quantized_s`` in all; ``saturation_db`` is what each output would lose without VNNI; ``findings`` are sentences about the whole
    model, ``exclusions`` the operators that the diagnosis would leave in float.
    """

    outputs: tuple[OutputParity, ...]
    samples: int
    operators: tuple[OperatorDiagnosis, ...]
    float_s: float
    quantized_s: float
    overhead_s: float
    saturation_db: tuple[float, ...] = ()
    findings: tuple[str, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()


def exclusions(operators: tuple[OperatorDiagnosis, ...], *, total_s: float) -> tuple[Exclusion, ...]:
    """Operators with poor results of their own, worst first, then those that got slower by more than ``WORTH`` of the model's time
    ``total_s``, by what they lose."""
    found = []
    for row in sorted(operators, key=_order):
        why = []
        if row.alone_db is not None and row.alone_db < POOR_DB:
            why.append(f"{row.alone_db:.1f} dB alone")
        lost = (row.quantized_s or 0.0) - (row.float_s or 0.0)
        if row.ratio is not None and row.ratio > SLOWER and lost > WORTH * total_s:
            why.append(f"{row.ratio:.1f} times as slow: {row.slower_because}")
        if why:
            found.append(Exclusion(name=row.name, why="; ".join(why)))
    return tuple(found)


def _order(row: OperatorDiagnosis) -> tuple[float, float]:
    own = POOR_DB if row.alone_db is None else min(row.alone_db, POOR_DB)
    return own, (row.float_s or 0.0) - (row.quantized_s or 0.0)
