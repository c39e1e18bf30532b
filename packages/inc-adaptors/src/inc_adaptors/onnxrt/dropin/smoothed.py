"""SmoothQuant before everything else, as the tool does it: on the float graph, which is calibrated afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from inc_config.dtypes import INT8
from inc_config.plan import OpPlan, QuantizationPlan, TensorPlan
from inc_config.recipes import Recipes, SmoothQuant

from inc_adaptors.onnxrt.dropin.arguments import Options
from inc_adaptors.onnxrt.dropin.source import TARGET, Source, gather
from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.smoothing import TYPES, settings_of, smooth
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.wanted import wanted_statistics


def smoothed(source: Source, batches: Iterable[Any], is_selected: Callable[[Operator], bool], options: Options) -> Source:
    """The model with outliers moved from the inputs of its selected matrix products into their weights.

    Raises:
        DataError, ModelError: the data do not fit, or the model does not run on them.
    """
    recipe = SmoothQuant(alphas=options.smooth_alpha, folding=options.smooth_folding)
    quantized = OpPlan(inputs=(TensorPlan(),), weight=TensorPlan(), compute_dtype=INT8)
    products = [o for o in source.operators if o.kind is Kind.WEIGHTED and o.op.type in TYPES and is_selected(o)]
    plan = QuantizationPlan(
        target=TARGET, ops={operator.op: quantized for operator in products}, recipes=Recipes(smooth_quant=recipe).changed
    )
    settings = settings_of(plan)
    if settings is None or not products:
        return source
    layout = Layout.of(source.operators, source.types)
    statistics = gather(source.graph, source.handle.signature, layout.tensors(), batches, wanted_statistics((plan,)))
    return source.with_graph(smooth(source.graph, products, statistics, plan, settings).graph)
