"""Which operators got slower after quantization, and why."""

from __future__ import annotations

import pytest
from inc_adaptors.roles import OperatorTime
from inc_bench.operators import kind_of, pair_operators, slower


def operator(name: str, kind: str, us: float, dtype: str = "float32") -> OperatorTime:
    return OperatorTime(name=name, type=kind, seconds=us * 1e-6, share=0.1, dtype=dtype)


BEFORE = (
    operator("stem_relu_out_nchwc", "Conv", 50),
    operator("widen_relu_out_nchwc", "Conv", 400),
    operator("pool_out_nchwc", "MaxPool", 10),
    operator("head", "Gemm", 6),
)
AFTER = (
    operator("image_quantize", "QuantizeLinear", 6),
    operator("Transpose", "Transpose", 3, "uint8"),
    operator("stem_token_4", "QLinearConv", 290, "uint8"),
    operator("widen_token_8", "QLinearConv", 140, "uint8"),
    operator("pool_token_13", "NhwcMaxPool", 9, "uint8"),
    operator("head", "QGemm", 6.1, "uint8"),
)


def test_operators_are_matched_across_the_names_that_runtimes_give_them() -> None:
    pairs = {pair.candidate.name: pair.baseline for pair in pair_operators(BEFORE, AFTER) if pair.candidate is not None}
    assert {name: None if found is None else found.name for name, found in pairs.items()} == {
        "image_quantize": None,
        "Transpose": None,
        "stem_token_4": "stem_relu_out_nchwc",
        "widen_token_8": "widen_relu_out_nchwc",
        "pool_token_13": "pool_out_nchwc",
        "head": "head",
    }


def test_only_what_got_slower_is_listed_the_costliest_first_with_why() -> None:
    found = slower(pair_operators(BEFORE, AFTER))
    assert [pair.candidate.name for pair in found if pair.candidate is not None] == ["stem_token_4", "image_quantize", "Transpose"]
    assert "blocked layout" in found[0].reason
    assert "converts between float and integers" in found[1].reason
    assert "rearranges memory" in found[2].reason
    assert found[0].extra_s == pytest.approx(240e-6)


def test_unnamed_operators_are_matched_in_the_order_of_execution() -> None:
    before = (operator("a", "Linear", 5), operator("b", "Linear", 7))
    after = (operator("x", "Int8Linear", 9), operator("y", "Int8Linear", 3))
    assert [(pair.baseline.name, pair.candidate.name) for pair in pair_operators(before, after) if pair.baseline and pair.candidate] == [
        ("a", "x"),
        ("b", "y"),
    ]
    assert "integer set-up" in slower(pair_operators(before, after))[0].reason


def test_an_operator_that_is_gone_is_no_slower_one() -> None:
    pairs = pair_operators((operator("r", "ReLU", 5),), ())
    assert [pair.candidate for pair in pairs] == [None]
    assert slower(pairs) == ()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("QLinearConv", "convolution"),
        ("Conv2d", "convolution"),
        ("QuantizeLinear", "conversion"),
        ("DequantizeLinear", "conversion"),
        ("DynamicQuantizeMatMul", "conversion"),
        ("MatMulInteger", "matrix product"),
        ("Int8Linear", "matrix product"),
        ("ReorderInput", "layout"),
        ("Softmax", "elementwise"),
        ("Gather", "Gather"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert kind_of(operator("x", name, 1)) == kind
