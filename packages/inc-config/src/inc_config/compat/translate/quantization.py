"""From ``quantization`` to a step that quantizes after or during training."""

from __future__ import annotations

from typing import Any

from inc_config.compat.document.model import Framework
from inc_config.compat.document.quantization import V1Quantization
from inc_config.compat.document.top import V1Document
from inc_config.compat.translate.data import loader_of
from inc_config.compat.translate.operators import constraints_of
from inc_config.compat.translate.remarks import Remarks
from inc_config.compat.translate.target import FORMATS
from inc_config.compat.translate.training import training_of
from inc_config.compat.translate.tuning import criterion_of, tuning_of
from inc_config.data import LoaderConfig
from inc_config.quantization import Approach, GraphFormat, QuantizeAwareConfig, QuantizeConfig
from inc_config.recipes import Recipes
from inc_config.target import Target

PATH = "$.quantization"
_APPROACHES = {
    "post_training_static_quant": Approach.STATIC,
    "post_training_dynamic_quant": Approach.DYNAMIC,
    "post_training_auto_quant": Approach.AUTO,
}
_RECIPES = {
    "scale_propagation_max_pooling": "scale_propagation_max_pooling",
    "scale_propagation_concat": "scale_propagation_concat",
    "first_conv_or_matmul_quantization": "first_conv_or_matmul",
    "last_conv_or_matmul_quantization": "last_conv_or_matmul",
    "pre_post_process_quantization": "pre_post_process",
    "fast_bias_correction": "fast_bias_correction",
    "weight_correction": "weight_correction",
}


def quantize_of(document: V1Document, target: Target | None, today: str, remarks: Remarks) -> QuantizeConfig | QuantizeAwareConfig:
    """The step; a file without the section means static quantization with all defaults, as before."""
    section = document.quantization or V1Quantization()
    remarks.comes_from(PATH if section.approach is None else f"{PATH}.approach", today)
    remarks.comes_from(f"{PATH}.recipes", f"{today}.recipes")
    remarks.comes_from("$.model.framework", f"{today}.graph_format")
    shared = {
        **shared_of(document, target, today, remarks, section=section),
        "constraints": constraints_of(section, PATH, today, remarks),
        "recipes": _recipes(section, today, remarks),
        "graph_format": FORMATS.get(document.model.framework, GraphFormat.DEFAULT) if document.model else GraphFormat.DEFAULT,
        "reduce_range": document.reduce_range,
    }
    if section.approach == "quant_aware_training":
        training = training_of(section.train, f"{PATH}.train", f"{today}.training", remarks)
        if section.train is None:
            remarks.manual(f"{PATH}.approach", "The training is given in code (q_func in 1.x).", f"{today}.training")
        if section.calibration is not None:
            remarks.dropped(f"{PATH}.calibration", "Quantization-aware training finds ranges while it trains.")
        return QuantizeAwareConfig(**shared, training=training)
    remarks.drop_given(section, PATH, ("train",), "It counts for quantization-aware training only.")
    sizes = _sizes(section)
    samples: dict[str, Any] = {"calibration_samples": sizes[0]} if sizes else {}
    return QuantizeConfig(**shared, approach=_approach(document, section, today, remarks), **samples)


def shared_of(
    document: V1Document, target: Target | None, today: str, remarks: Remarks, *, section: V1Quantization | None = None
) -> dict[str, Any]:
    """What every step that lowers precision is told."""
    sizes = () if section is None or section.approach == "quant_aware_training" else _sizes(section)[1:]
    level = None if section is None else section.quant_level
    criterion = document.tuning.accuracy_criterion if document.tuning else None
    remarks.comes_from("$.tuning", f"{today}.tuning")
    remarks.comes_from("$.tuning.strategy.name", f"{today}.tuning.strategy")
    remarks.comes_from("$.model.framework", f"{today}.target")
    remarks.comes_from("$.device", f"{today}.target.device")
    if sizes:
        remarks.comes_from(f"{PATH}.calibration.sampling_size", f"{today}.tuning.calibration_samples")
    return {
        **criterion_of(criterion, "$.tuning.accuracy_criterion", today, remarks),
        "tuning": tuning_of(document.tuning, "$.tuning", f"{today}.tuning", remarks, sizes=sizes, level=level),
        "target": target,
        "excluded_precisions": ("bf16",) if document.use_bf16 is False else (),
    }


def calibration_of(document: V1Document, remarks: Remarks) -> LoaderConfig | None:
    """The batches that ranges are found on."""
    section = document.quantization
    if section is None or section.approach == "quant_aware_training":
        return None
    loader = section.calibration.dataloader if section.calibration else None
    if loader is None and section.approach != "post_training_dynamic_quant" and not _is_dynamic(document):
        remarks.manual(PATH, "It has no calibration dataloader: give calibrate in code.", "$.calibration")
    return loader_of(loader, f"{PATH}.calibration.dataloader", "$.calibration", remarks, static=True)


def _sizes(section: V1Quantization) -> tuple[int, ...]:
    return (section.calibration.sampling_size if section.calibration else None) or ()


def _is_dynamic(document: V1Document) -> bool:
    return document.model is not None and document.model.framework is Framework.ONNXRT_INTEGEROPS


def _approach(document: V1Document, section: V1Quantization, today: str, remarks: Remarks) -> Approach:
    asked = _APPROACHES[section.approach or "post_training_static_quant"]
    if _is_dynamic(document) and asked is not Approach.DYNAMIC:
        text = "onnxrt_integerops quantizes dynamically, whatever the approach."
        remarks.changed(f"{PATH}.approach" if section.approach else "$.model.framework", text, f"{today}.approach")
        return Approach.DYNAMIC
    return asked


def _recipes(section: V1Quantization, today: str, remarks: Remarks) -> Recipes:
    given = section.recipes
    made = {} if given is None else {new: value for old, new in _RECIPES.items() if (value := getattr(given, old)) is not None}
    if given is not None:
        remarks.drop_given(given, f"{PATH}.recipes", ("ffn_matmul_quantization",), "There is no such recipe any more.")
    if section.advance is not None and section.advance.bias_correction is not None:
        remarks.changed(f"{PATH}.advance.bias_correction", "It is the recipe weight_correction.", f"{today}.recipes.weight_correction")
        made["weight_correction"] = True
    return Recipes(**made)
