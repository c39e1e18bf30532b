"""From ``mixed_precision``, ``graph_optimization`` and ``model_conversion`` to steps."""

from __future__ import annotations

from inc_config.compat.document.top import V1Document
from inc_config.compat.translate.operators import precisions_of
from inc_config.compat.translate.quantization import shared_of
from inc_config.compat.translate.remarks import Remarks
from inc_config.quantization import MixedPrecisionConfig, QuantizeAwareConfig
from inc_config.target import Target


def mixed_precision_of(document: V1Document, target: Target | None, today: str, remarks: Remarks) -> MixedPrecisionConfig:
    """One step for both sections; fp32 needs no naming today."""
    if document.mixed_precision is not None:
        section, path = document.mixed_precision, "$.mixed_precision"
        if document.graph_optimization is not None:
            remarks.dropped("$.graph_optimization", "mixed_precision says the same and counts.")
        precisions = section.precisions
        constraints = precisions_of(section.op_wise, f"{path}.op_wise", today, remarks)
    else:
        path = "$.graph_optimization"
        remarks.changed(path, "It is mixed precision today; graphs are optimized anyway.", today)
        graph = document.graph_optimization
        precisions = graph.precisions if graph else None
        constraints = precisions_of(graph.op_wise if graph else None, f"{path}.op_wise", today, remarks)
    remarks.comes_from(path, today)
    low = tuple(name for name in precisions or ("bf16",) if name != "fp32")
    if not low:
        remarks.changed(f"{path}.precisions", "With fp32 alone nothing is converted.", f"{today}.precisions")
    return MixedPrecisionConfig(**shared_of(document, target, today, remarks), precisions=low, constraints=constraints)


def conversion_of(target: Target | None, today: str, remarks: Remarks) -> QuantizeAwareConfig:
    """The conversion of a model that was trained with fake quantization."""
    text = "A model trained with fake quantization is finished by the step quantize-aware, without further training."
    remarks.changed("$.model_conversion", text, today)
    remarks.comes_from("$.model_conversion", today)
    remarks.comes_from("$.model.framework", f"{today}.target")
    return QuantizeAwareConfig(target=target)
