"""Which model, for which framework."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

import attrs

from inc_config.compat.shapes import key
from inc_config.compat.values import Reworded, WrongError, each, text
from inc_config.fields import Choice, one_of


class Framework(Choice):
    """The frameworks of 1.x; ``AUTO`` finds out from the model."""

    TENSORFLOW = "tensorflow"
    TENSORFLOW_ITEX = "tensorflow_itex"
    PYTORCH = "pytorch"
    PYTORCH_IPEX = "pytorch_ipex"
    PYTORCH_FX = "pytorch_fx"
    MXNET = "mxnet"
    ONNXRT_QLINEAROPS = "onnxrt_qlinearops"
    ONNXRT_INTEGEROPS = "onnxrt_integerops"
    ONNXRT_QDQ = "onnxrt_qdq"
    ONNXRT_QOPERATOR = "onnxrt_qoperator"
    AUTO = "NA"


SHORT_NAMES = {"onnxrt_qlinear": Framework.ONNXRT_QLINEAROPS, "onnxrt_integer": Framework.ONNXRT_INTEGEROPS}
"""Names that documents and templates use, though the old reader refused them."""


def _framework(value: object) -> Framework | Reworded:
    names = [member.value for member in Framework]
    if isinstance(value, str) and value in SHORT_NAMES:
        return Reworded(SHORT_NAMES[value], SHORT_NAMES[value].value)
    if not isinstance(value, str) or value not in names:
        raise WrongError(f"Unknown framework {value!r:.100}.", one_of(value, names))
    return Framework(value)


@attrs.frozen(kw_only=True)
class V1Model:
    """Section ``model``; ``inputs`` and ``outputs`` are tensor names of TensorFlow graphs."""

    name: str = key(text, required=True)
    framework: Framework = key(_framework, required=True)
    inputs: tuple[str, ...] | None = key(each(text))
    outputs: tuple[str, ...] | None = key(each(text))
