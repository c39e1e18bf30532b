"""Let other people's metrics be used where one of ours is expected."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from inc_metrics.arrays import as_score
from inc_metrics.collected import CollectedScore
from inc_metrics.errors import MetricTypeError
from inc_metrics.protocols import Metric

_ACCEPTED = (
    "a metric object (update, result or compute, reset), its class or a factory of it, or a callable (predictions, targets) -> float"
)
# scikit-learn's order; a function written for it would silently get its arguments swapped.
_TARGETS_FIRST = ("y_true", "target", "targets", "label", "labels", "references")


def as_metric(source: Any, *, name: str | None = None, higher_is_better: bool | None = None) -> Metric:
    """Return ``source`` as a :class:`Metric`; one of ours comes back as it is.

    * An object with ``update``, ``reset`` and ``result`` (1.x) or ``compute`` (torchmetrics) gets its batches as they come,
      not converted; but an object of torchmetrics gets tensors in place of numpy arrays, which it cannot take.
    * A class or a factory (callable without arguments) is called; where its product has no ``reset``, each reset makes a new one.
    * A callable of predictions and targets is called once over all samples, which are collected as numpy arrays: correct for
      scores that are no mean of batches, at the price of memory. Where its first parameter is named as in scikit-learn
      (``y_true``), it gets the targets first.

    Args:
        source: what to use as a metric.
        name: shown in tables; by default the object's own ``name``, or that of its class or function.
        higher_is_better: direction; by default the object's own ``higher_is_better``, or True, as in 1.x.

    Raises:
        MetricTypeError: none of these.
    """
    if _is_metric(source) and name is None and higher_is_better is None:
        return source  # type: ignore[no-any-return]  # _is_metric has looked
    if isinstance(source, type) or (not _has_update(source) and callable(source) and not _takes(source, 2)):
        return _from_factory(source, name, higher_is_better)
    if _has_update(source):
        if not callable(getattr(source, "reset", None)):
            fix = "pass the class or a factory, so that each evaluation gets a new one"
            raise MetricTypeError(f"A {type(source).__name__} has no reset", "as_metric", fix)
        return ForeignMetric(source, name=name, higher_is_better=higher_is_better)
    if callable(source):
        return CollectedScore(
            source,
            name=name or str(getattr(source, "__name__", type(source).__name__)),
            higher_is_better=_direction(source, higher_is_better),
            targets_first=_first_parameter(source) in _TARGETS_FIRST,
        )
    raise MetricTypeError(f"A {type(source).__name__} is no metric", "as_metric", f"pass {_ACCEPTED}; a name goes to build")


class ForeignMetric:
    """An object with ``update`` and ``result`` or ``compute`` behind the interface of :class:`Metric`.

    Args:
        inner: the object.
        name: see :func:`as_metric`.
        higher_is_better: see :func:`as_metric`.
        factory: makes a new ``inner`` on reset, for objects without a ``reset``.
    """

    def __init__(
        self,
        inner: Any,
        *,
        name: str | None = None,
        higher_is_better: bool | None = None,
        factory: Callable[[], Any] | None = None,
    ) -> None:
        self._inner = inner
        self._factory = factory
        own_name = getattr(inner, "name", None)
        self.name = name or (own_name if isinstance(own_name, str) else type(inner).__name__)
        self.higher_is_better = _direction(inner, higher_is_better)

    def update(self, predictions: Any, targets: Any, /) -> None:
        """Hand the batch on as it is; numpy arrays become torch's tensors where the object is one of torchmetrics."""
        sides = (_for_torchmetrics(side, self._inner) for side in (predictions, targets))
        self._inner.update(*sides)

    def result(self) -> float:
        """Return the object's result as a float.

        Raises:
            MetricTypeError: it is not one real number.
            MetricValueError: it is NaN.
        """
        method = "result" if callable(getattr(self._inner, "result", None)) else "compute"
        return as_score(getattr(self._inner, method)(), where=f"{type(self._inner).__name__}.{method}")

    def reset(self) -> None:
        """Reset the object, or make it anew."""
        if self._factory is not None:
            self._inner = self._factory()
        else:
            self._inner.reset()


def _for_torchmetrics(side: Any, metric: Any) -> Any:
    """Return a numpy array as a tensor on the metric's device, if the metric comes from torchmetrics: torch is loaded then."""
    torch = sys.modules.get("torch")
    if (
        torch is None
        or not isinstance(side, np.ndarray)
        or all(kind.__module__.split(".")[0] != "torchmetrics" for kind in type(metric).__mro__)
    ):
        return side
    return torch.from_numpy(np.array(side, order="C")).to(getattr(metric, "device", "cpu"))  # a copy: views may be read-only


def _from_factory(factory: Any, name: str | None, higher_is_better: bool | None) -> Metric:
    shown = getattr(factory, "__name__", type(factory).__name__)
    if not _takes(factory, 0):
        raise MetricTypeError(
            f"{shown} cannot be called without arguments", "as_metric", f"pass {_ACCEPTED}; functools.partial fixes arguments"
        )
    made = factory()
    if _has_update(made) and not callable(getattr(made, "reset", None)):
        return ForeignMetric(made, name=name, higher_is_better=higher_is_better, factory=factory)
    if not _has_update(made):
        raise MetricTypeError(f"{shown} makes a {type(made).__name__}, which is no metric", "as_metric", f"pass {_ACCEPTED}")
    return as_metric(made, name=name, higher_is_better=higher_is_better)


def _is_metric(source: Any) -> bool:
    return not isinstance(source, type) and isinstance(source, Metric) and isinstance(source.higher_is_better, bool)


def _has_update(source: Any) -> bool:
    methods = ("result", "compute")
    return callable(getattr(source, "update", None)) and any(callable(getattr(source, method, None)) for method in methods)


def _direction(source: Any, asked: bool | None) -> bool:
    if asked is not None:
        return asked
    own = getattr(source, "higher_is_better", None)
    return own if isinstance(own, bool) else True


def _takes(source: Any, positional: int) -> bool:
    from inspect import signature  # noqa: PLC0415 - costs as much as the rest of this package's import

    try:
        signature(source).bind(*[None] * positional)
    except TypeError:
        return False
    except ValueError:  # a compiled function does not tell: take it as it was meant to be passed
        return True
    return True


def _first_parameter(source: Any) -> str | None:
    from inspect import signature  # noqa: PLC0415 - see above

    try:
        return next(iter(signature(source).parameters), None)
    except ValueError:
        return None
