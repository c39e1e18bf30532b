"""What a trace says: fusion, hand-over and layout are decided by who reads what."""

from __future__ import annotations

import torch
from inc_adaptors.torch.flow import Flow, flow_of
from inc_adaptors.torch.trace import trace
from torch import nn
from torch.nn import functional

IMAGE = torch.rand(2, 3, 8, 8)


def flow(model: nn.Module, batch: object = IMAGE) -> Flow:
    return flow_of(model, trace(model, batch))


def members(found: Flow) -> list[tuple[str, ...]]:
    return [operator.members for operator in found.operators]


def consumers(found: Flow) -> dict[str, list[str] | None]:
    read = {str(operator.op): found.consumers(operator) for operator in found.operators}
    return {name: None if ops is None else [str(op) for op in ops] for name, ops in read.items()}


class Custom(nn.Module):
    """Two convolutions with a batch norm and a ReLU; how they are called is given."""

    def __init__(self, body) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU()
        self.b = nn.Conv2d(4, 4, 3, padding=1)
        self.body = body

    def forward(self, x):
        return self.body(self, x)


def test_convolution_norm_and_relu_modules_are_one_operator() -> None:
    assert members(flow(Custom(lambda m, x: m.b(m.act(m.norm(m.a(x))))))) == [("a", "norm", "act"), ("b",)]


def test_an_output_that_is_read_twice_is_not_fused_over() -> None:
    def body(m, x):
        y = m.a(x)
        return m.norm(y) + y

    assert members(flow(Custom(body))) == [("a",)]


def test_an_output_that_the_model_returns_is_not_fused_over() -> None:
    def body(m, x):
        y = m.a(x)
        return y, m.norm(y)

    assert members(flow(Custom(body))) == [("a",)]


def test_a_relu_module_used_twice_stays_a_module() -> None:
    found = flow(Custom(lambda m, x: m.act(m.b(m.act(m.a(x))))))
    assert members(found) == [("a",), ("b",)]
    assert consumers(found) == {"a": ["b"], "b": None}


def test_codes_pass_through_functions_that_commute_with_quantization() -> None:
    found = flow(Custom(lambda m, x: m.b(functional.max_pool2d(functional.relu(m.norm(m.a(x)), inplace=True), 2).contiguous())))
    assert consumers(found) == {"a": ["b"], "b": None}


def test_a_second_reader_in_float_keeps_the_output_in_float() -> None:
    def body(m, x):
        y = m.act(m.a(x))
        return m.b(y) + y

    assert consumers(flow(Custom(body)))["a"] is None


def test_a_change_in_place_keeps_the_output_in_float() -> None:
    def body(m, x):
        y = m.a(x)
        y.mul_(2.0)
        return m.b(y)

    assert consumers(flow(Custom(body)))["a"] is None


def test_reading_a_shape_is_not_reading_a_tensor() -> None:
    def body(m, x):
        y = m.a(x)
        assert y.shape[1] == 4
        assert y.dim() == 4
        return m.b(y).sum((2, 3))

    assert consumers(flow(Custom(body)))["a"] == ["b"]


def test_dropout_passes_codes_only_in_evaluation() -> None:
    def dropping(training):
        return Custom(lambda m, x: m.b(functional.dropout(m.a(x), 0.5, training)))

    assert consumers(flow(dropping(False)))["a"] == ["b"]
    assert consumers(flow(dropping(True)))["a"] is None


def test_the_layout_is_free_until_a_view_can_tell() -> None:
    pooled = flow(Custom(lambda m, x: m.b(m.a(x)).mean((2, 3))[:, :1]))
    viewed = flow(Custom(lambda m, x: (m.b(m.a(x)) + 1.0).view(2, -1)))
    for found, last in ((pooled, False), (viewed, False)):
        a, b = found.operators
        assert found.layout_is_free(a, {a.op, b.op})
        assert not found.layout_is_free(a, {a.op}), "a float convolution keeps the layout it is given, and what follows reads it"
        assert found.layout_is_free(b, {b.op}) is last


def test_the_layout_is_free_where_a_linear_layer_ends_the_path() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    found = flow(model)
    assert found.layout_is_free(found.operators[0], {found.operators[0].op})
    assert consumers(found) == {"0": None, "4": None}


def test_calls_of_one_module_are_told_apart(models) -> None:
    found = flow(models.Twice(), torch.rand(3, 16))
    assert [(o.op.scope, o.op.call_index) for o in found.operators] == [("shared", 0), ("shared", 1), ("twin", 0)]


def test_a_module_called_twice_is_not_fused() -> None:
    assert members(flow(Custom(lambda m, x: m.b(m.norm(m.b(m.a(x)))).relu()))) == [("a",), ("b",), ("b",)]


def test_a_module_with_hooks_is_not_swallowed() -> None:
    model = Custom(lambda m, x: m.b(m.act(m.norm(m.a(x)))))
    model.norm.register_forward_hook(lambda *args: None)
    assert members(flow(model)) == [("a",), ("b",)]


def test_weights_that_other_code_reads_are_noticed(models) -> None:
    model = Custom(lambda m, x: m.b(m.a(x)) + functional.conv2d(x, m.a.weight, padding=1))
    assert trace(model, IMAGE).read_elsewhere == {"a"}
    assert trace(models.Twice(), torch.rand(3, 16)).read_elsewhere == frozenset()


def test_tracing_leaves_no_hook_and_no_mode_behind() -> None:
    model = Custom(lambda m, x: m.b(m.act(m.norm(m.a(x)))))
    model.train()
    trace(model, IMAGE)
    assert all(not m._forward_hooks and not m._forward_pre_hooks and m.training for m in model.modules())
