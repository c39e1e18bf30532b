"""Quantization and its calibration."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

import attrs

from inc_config.compat.document.loader import LOADER, V1DataLoader
from inc_config.compat.document.operators import MODEL_WISE, OP_WISE, V1ListedOptions, V1OpOptions
from inc_config.compat.document.train import TRAIN, V1Train
from inc_config.compat.shapes import Section, key
from inc_config.compat.values import at_least_one, choice, const, each, flag
from inc_config.frozen import FrozenMap

APPROACHES = ("post_training_static_quant", "post_training_dynamic_quant", "post_training_auto_quant", "quant_aware_training")


@attrs.frozen(kw_only=True)
class V1Advance:
    """Section ``advance``."""

    bias_correction: str | None = key(choice("weight_empirical"))


@attrs.frozen(kw_only=True)
class V1Calibration:
    """Section ``calibration``; each sampling size is one option of the search."""

    sampling_size: tuple[int, ...] | None = key(each(at_least_one, least=1))
    dataloader: V1DataLoader | None = key(LOADER)


@attrs.frozen(kw_only=True)
class V1Recipes:
    """Section ``recipes``; the last three are of 2.x files."""

    scale_propagation_max_pooling: bool | None = key(flag)
    scale_propagation_concat: bool | None = key(flag)
    first_conv_or_matmul_quantization: bool | None = key(flag)
    fast_bias_correction: bool | None = key(flag)
    weight_correction: bool | None = key(flag)
    last_conv_or_matmul_quantization: bool | None = key(flag)
    pre_post_process_quantization: bool | None = key(flag)
    ffn_matmul_quantization: bool | None = key(flag)


@attrs.frozen(kw_only=True)
class V1Quantization:
    """Section ``quantization``; ``quant_level`` is of 2.x files."""

    approach: str | None = key(choice(*APPROACHES))
    train: V1Train | None = key(TRAIN)
    advance: V1Advance | None = key(Section(V1Advance))
    calibration: V1Calibration | None = key(Section(V1Calibration))
    recipes: V1Recipes | None = key(Section(V1Recipes))
    model_wise: V1OpOptions | None = key(MODEL_WISE)
    optype_wise: FrozenMap[str, V1ListedOptions] | None = key(OP_WISE)
    op_wise: FrozenMap[str, V1ListedOptions] | None = key(OP_WISE)
    quant_level: str | int | None = key(const("auto", 0, 1))
