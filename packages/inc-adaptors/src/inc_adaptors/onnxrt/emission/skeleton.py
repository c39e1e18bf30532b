"""The parts that emissions share: of the graph as it is, or of its smoothed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs
from inc_config.plan import OpId, QuantizationPlan
from inc_config.target import Runtime

from inc_adaptors.onnxrt.emission.added import AddedBiases
from inc_adaptors.onnxrt.emission.correction import Correction, Vector
from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.outliers import even_out, is_evened, noted
from inc_adaptors.onnxrt.emission.own import OwnOperators
from inc_adaptors.onnxrt.emission.pairs import Pairs
from inc_adaptors.onnxrt.emission.smoothing import Smoothed, described, settings_of, smooth
from inc_adaptors.onnxrt.emission.weights import Weights
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.operators import operators as find_operators
from inc_adaptors.onnxrt.shapes import infer
from inc_adaptors.statistics.store import Statistics

WEIGHT_CORRECTION = "weight_correction"


@attrs.frozen(kw_only=True, eq=False)
class Skeleton:
    """A graph with the pairs and integer weights made of it so far; ``notes`` say how it differs from the model."""

    graph: Graph
    layout: Layout
    names: Names
    pairs: Pairs
    weights: Weights
    correction: Correction
    added: AddedBiases
    own: OwnOperators
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        graph: Graph,
        layout: Layout,
        statistics: Statistics,
        *,
        gathered: Statistics,
        divisors: Mapping[OpId, Vector],
        keeps_spread: bool,
        notes: tuple[str, ...],
    ) -> Self:
        """An empty one; ``gathered`` are the statistics of the model itself."""
        names = Names(graph.names() | {node.name for node in graph.nodes})
        return cls(
            graph=graph,
            layout=layout,
            names=names,
            pairs=Pairs(graph, layout, statistics, names),
            weights=Weights(graph, names, keeps_spread=keeps_spread),
            correction=Correction(graph, gathered, names, divisors),
            added=AddedBiases(graph, layout.ranks, names),
            own=OwnOperators(graph, names),
            notes=notes,
        )


class Skeletons:
    """Makes the skeleton that a plan's recipes ask for, and keeps it for the next plan."""

    def __init__(self, graph: Graph, layout: Layout, statistics: Statistics, blocked: frozenset[OpId]) -> None:
        self._graph = graph
        self._layout = layout
        self._statistics = statistics
        self._blocked = blocked
        self._plain: dict[tuple[bool, bool, bool], Skeleton] = {}
        self._even: dict[bool, Smoothed | None] = {}
        self._smoothed: dict[object, Skeleton] = {}  # one at a time: each holds weights

    def of(self, plan: QuantizationPlan) -> Skeleton:
        """The parts to emit ``plan`` from; those of a smoothed graph depend on what is quantized.

        Raises:
            PlanError, CalibrationError: as ``smoothing.smooth``.
        """
        settings, keeps_spread = settings_of(plan), bool(plan.recipes.get(WEIGHT_CORRECTION))
        if settings is None:
            carried = plan.target.runtime is Runtime.OPENVINO
            evened = self._evened(carried=carried) if is_evened(plan) else None
            key = (evened is not None, carried, keeps_spread)
            if key not in self._plain:
                self._plain[key] = self._of(evened, keeps_spread, notes=() if evened is None else (noted(self._graph, evened),))
            return self._plain[key]
        wish = (settings, keeps_spread, frozenset(op for op in plan.quantized if op not in self._blocked))
        if wish not in self._smoothed:
            made = smooth(self._graph, self._open, self._statistics, plan, settings)
            self._smoothed = {wish: self._of(made, keeps_spread, notes=(described(made.alphas), *settings.without_effect))}
        return self._smoothed[wish]

    @property
    def _open(self) -> list[Operator]:
        return [operator for operator in self._layout.operators if operator.op not in self._blocked]

    def _evened(self, *, carried: bool) -> Smoothed | None:
        if carried not in self._even:
            self._even[carried] = even_out(self._graph, self._open, self._statistics, carried=carried)
        return self._even[carried]

    def _of(self, made: Smoothed | None, keeps_spread: bool, *, notes: tuple[str, ...]) -> Skeleton:
        if made is None:
            return Skeleton.of(
                self._graph, self._layout, self._statistics, gathered=self._statistics, divisors={}, keeps_spread=keeps_spread, notes=notes
            )
        types = infer(made.graph)
        layout = Layout.of(find_operators(made.graph, types), types)
        return Skeleton.of(
            made.graph, layout, made.statistics, gathered=self._statistics, divisors=made.divisors, keeps_spread=keeps_spread, notes=notes
        )
