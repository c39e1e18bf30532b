"""How a model is judged and timed."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from inc_config.compat.catalogue.metrics import METRICS
from inc_config.compat.context import Context
from inc_config.compat.document.loader import LOADER, POSTPROCESSING, V1DataLoader, V1Postprocess
from inc_config.compat.nodes import Mapping, Node, plain
from inc_config.compat.shapes import Section, Shape, Value, key
from inc_config.compat.values import flags, floats_by_blanks, text, whole
from inc_config.named import Named


@attrs.frozen(kw_only=True)
class V1Configs:
    """Section ``configs``: how many processes and threads."""

    cores_per_instance: int | None = key(whole(minimum=1))
    num_of_instance: int | None = key(whole(minimum=1))
    inter_num_of_threads: int | None = key(whole(minimum=1))
    intra_num_of_threads: int | None = key(whole(minimum=1))
    kmp_blocktime: int | None = key(whole(minimum=0))
    kmp_affinity: str | None = key(text)


@attrs.frozen(kw_only=True)
class V1MultiMetrics:
    """Section ``multi_metrics``: several metrics, with weights and directions."""

    metrics: tuple[Named, ...]
    weight: tuple[float, ...] | None = None
    higher_is_better: tuple[bool, ...] | None = None


class _MultiMetrics:
    """Metrics by name, among them ``weight`` and ``higher_is_better``."""

    hungry = True
    _extra: ClassVar[dict[str, Value]] = {"weight": Value(floats_by_blanks), "higher_is_better": Value(flags)}

    def child(self, key: str) -> Shape | None:
        """A metric's arguments, or one of the other keys."""
        return self._extra.get(key) or METRICS.child(key)

    def read(self, node: Node, path: str, context: Context) -> V1MultiMetrics | None:
        """Metrics, weights and directions of equal number."""
        if not isinstance(node, Mapping):
            context.fault(node, path, f"The value cannot be {plain(node)!r:.100}.", "write metrics below, by name")
            return None
        names = [entry for entry in node.entries if entry.key not in self._extra]
        metrics = METRICS.read(Mapping(node.place, names, flow=True, elided=node.elided), path, context)
        extra: dict[str, Any] = {}
        for entry in context.unique(Mapping(node.place, [e for e in node.entries if e.key in self._extra], flow=True), path):
            inner = f"{path}.{entry.key}"
            context.places[inner] = entry.place
            found = self._extra[entry.key].read(entry.value, inner, context)
            if found is not None and len(found) != len(names):
                context.fault_at(entry.place, inner, f"{entry.key} has {len(found)} items for {len(names)} metrics.", "give one for each")
            extra[entry.key] = found
        return None if metrics is None else V1MultiMetrics(metrics=metrics, **extra)


@attrs.frozen(kw_only=True)
class V1Accuracy:
    """Section ``accuracy``; ``iteration`` -1 reads all batches. With ``metric`` and ``multi_metrics`` the first counts."""

    metric: tuple[Named, ...] | None = key(METRICS)
    multi_metrics: V1MultiMetrics | None = key(_MultiMetrics())
    configs: V1Configs | None = key(Section(V1Configs))
    iteration: int | None = key(whole(minimum=-1))
    dataloader: V1DataLoader | None = key(LOADER)
    postprocess: V1Postprocess | None = key(POSTPROCESSING)


@attrs.frozen(kw_only=True)
class V1Performance:
    """Section ``performance``."""

    warmup: int | None = key(whole(minimum=0))
    iteration: int | None = key(whole(minimum=-1))
    configs: V1Configs | None = key(Section(V1Configs))
    dataloader: V1DataLoader | None = key(LOADER)
    postprocess: V1Postprocess | None = key(POSTPROCESSING)


@attrs.frozen(kw_only=True)
class V1Evaluation:
    """Section ``evaluation``."""

    accuracy: V1Accuracy | None = key(Section(V1Accuracy))
    performance: V1Performance | None = key(Section(V1Performance))
