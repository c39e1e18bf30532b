"""The tasks of GLUE by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

from inc_metrics.classification.accuracy import Accuracy
from inc_metrics.classification.confusion import Matthews
from inc_metrics.classification.fbeta import FBeta
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import flag
from inc_metrics.regression.correlation import Pearson, Spearman
from inc_metrics.state import check_mergeable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ACCURACY: dict[str, tuple[str, ...]] = {"acc": ("acc",)}
_ACCURACY_AND_F1: dict[str, tuple[str, ...]] = {"acc": ("acc",), "f1": ("f1",), "acc_and_f1": ("acc", "f1")}
# The first key of each task is the number that 1.x reported.
_TASKS: dict[str, dict[str, tuple[str, ...]]] = {
    "cola": {"mcc": ("mcc",)},
    "mnli": {"mnli/acc": ("acc",), "acc": ("acc",)},
    "mnli-mm": {"mnli-mm/acc": ("acc",), "acc": ("acc",)},
    "mrpc": _ACCURACY_AND_F1,
    "qnli": _ACCURACY,
    "qqp": _ACCURACY_AND_F1,
    "rte": _ACCURACY,
    "sst-2": _ACCURACY,
    "sts-b": {"corr": ("pearson", "spearmanr"), "pearson": ("pearson",), "spearmanr": ("spearmanr",)},
    "wnli": _ACCURACY,
}


class GLUE:
    """What the GLUE benchmark reports for a task: accuracy, F1 of the positive class, Matthews or correlation.

    Takes logits ``(N, C)`` or labels ``(N,)``; for ``sts-b`` predicted similarities ``(N,)`` or ``(N, 1)``.

    Args:
        task: ``cola mnli mnli-mm mrpc qnli qqp rte sst-2 sts-b wnli``.
        key: which of the task's numbers is the result; None is what 1.x reported: ``acc``, ``mcc`` for cola, ``corr`` for sts-b,
            ``mnli/acc`` for mnli. ``mrpc`` and ``qqp`` also have ``f1`` and ``acc_and_f1``, ``sts-b`` ``pearson`` and ``spearmanr``.
        keep_samples: keep every sample for ``samples()`` and ``resampled``.

    Source:
        Wang et al., ICLR 2019, arXiv:1804.07461, table 1.
    """

    name: ClassVar[str] = "glue"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, task: str = "mrpc", key: str | None = None, keep_samples: bool = False) -> None:
        if not isinstance(task, str):
            raise MetricTypeError(f"The task is a {type(task).__name__}", "GLUE(task)", "give a string")
        plain = {_plain(name): name for name in _TASKS}
        if _plain(task) not in plain:
            raise MetricValueError(f"Unknown task {task!r}", "GLUE(task)", f"one of {', '.join(_TASKS)}")
        self._task = plain[_plain(task)]
        keys = _TASKS[self._task]
        self._key = next(iter(keys)) if key is None else key
        if not isinstance(self._key, str):
            raise MetricTypeError(f"The key is a {type(key).__name__}", "GLUE(key)", f"one of {', '.join(keys)}")
        if self._key not in keys:
            raise MetricValueError(f"The task {self._task} has no {key!r}", "GLUE(key)", f"one of {', '.join(keys)}")
        self._keep_samples = flag(keep_samples, where="GLUE(keep_samples)")
        self._parts = {part: _make(part, keep_samples) for parts in keys.values() for part in parts}

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        for part in self._parts.values():
            part.reset()

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense.
            MetricTypeError: no numbers.
        """
        for part in self._parts.values():  # all check the same, so the first refuses for all
            part.update(predictions, targets)

    def result(self) -> float:
        """Return the number called ``key``.

        Raises:
            MetricValueError: nothing was taken in, or the number is not defined for it.
        """
        return self._number(self._key)

    def results(self) -> dict[str, float]:
        """Return all numbers of the task.

        Raises:
            MetricValueError: nothing was taken in, or a number is not defined for it.
        """
        return {key: self._number(key) for key in _TASKS[self._task]}

    def samples(self) -> NDArray[np.float64]:
        """Return whether each sample was right, shape ``(N,)``.

        Raises:
            MetricValueError: nothing was kept, or the number is no accuracy.
        """
        accuracy = self._parts.get("acc")
        if _TASKS[self._task][self._key] != ("acc",) or not isinstance(accuracy, Accuracy):
            fix = "compare it over resamples, as inc_metrics.compare does"
            raise MetricValueError(f"The number {self._key} is no mean over samples", "GLUE.samples", fix)
        return accuracy.samples()

    def units(self) -> int:
        """Return how many samples were kept; raises MetricValueError without ``keep_samples=True``."""
        return int(next(iter(self._parts.values())).units())

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the samples ``indices``, repetitions counted.

        Raises:
            MetricValueError: nothing was kept, or the number is not defined for these samples.
        """
        parts = _TASKS[self._task][self._key]
        return math.fsum(self._parts[part].resampled(indices) for part in parts) / len(parts)

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: another task or other options.
        """
        check_mergeable(self, other)
        for name, part in self._parts.items():
            part.merge(other._parts[name])

    def _number(self, key: str) -> float:
        parts = _TASKS[self._task][key]
        return math.fsum(self._parts[part].result() for part in parts) / len(parts)

    def _options(self) -> dict[str, object]:
        return {"task": self._task, "key": self._key, "keep_samples": self._keep_samples}


def glue(predictions: Any, targets: Any, *, task: str, key: str | None = None) -> float:
    """Return a task's number for one batch; see :class:`GLUE`."""
    metric = GLUE(task=task, key=key)
    metric.update(predictions, targets)
    return metric.result()


def _plain(task: str) -> str:
    return task.lower().replace("-", "").replace("_", "")


def _make(part: str, keep_samples: bool) -> Any:
    if part == "spearmanr":
        return Spearman()
    if part == "f1":
        return FBeta(average="binary", keep_samples=keep_samples)
    return {"acc": Accuracy, "mcc": Matthews, "pearson": Pearson}[part](keep_samples=keep_samples)
