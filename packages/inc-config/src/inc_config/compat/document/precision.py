"""Mixed precision, graph optimization and model conversion."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

import attrs

from inc_config.compat.document.operators import OP_PRECISIONS, V1OpPrecision
from inc_config.compat.shapes import key
from inc_config.compat.values import choice, each
from inc_config.frozen import FrozenMap


@attrs.frozen(kw_only=True)
class V1MixedPrecision:
    """Section ``mixed_precision``."""

    precisions: tuple[str, ...] | None = key(each(choice("fp32", "bf16", "fp16"), least=1))
    op_wise: V1OpPrecision | FrozenMap[str, V1OpPrecision] | None = key(OP_PRECISIONS)


@attrs.frozen(kw_only=True)
class V1GraphOptimization:
    """Section ``graph_optimization``."""

    precisions: tuple[str, ...] | None = key(each(choice("fp32", "bf16"), least=1))
    op_wise: V1OpPrecision | FrozenMap[str, V1OpPrecision] | None = key(OP_PRECISIONS)


@attrs.frozen(kw_only=True)
class V1ModelConversion:
    """Section ``model_conversion``."""

    source: str = key(choice("qat", any_case=True), required=True)
    destination: str = key(choice("default", any_case=True), required=True)
