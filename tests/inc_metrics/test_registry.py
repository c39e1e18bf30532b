"""Metrics by name."""

import sys
from pathlib import Path

import pytest
from inc_metrics import MAE, MSE, RMSE, SQNR, Accuracy, Agreement, MetricTypeError, MetricValueError, TopK, build, names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("accuracy", Accuracy),
        ("Accuracy", Accuracy),
        ("topk", TopK),
        ("TopK", TopK),
        ("top_k", TopK),
        ("MSE", MSE),
        ("MAE", MAE),
        ("RMSE", RMSE),
        ("SQNR", SQNR),
        ("agreement", Agreement),
    ],
)
def test_names_of_1x_and_ours_are_found_in_any_case(name: str, kind: type) -> None:
    metric = build(name)
    assert type(metric) is kind
    assert metric.name in names()


def test_options_reach_the_metric() -> None:
    metric = build("topk", k=2)
    metric.update([[0.1, 0.9, 0.5]], [2])
    assert metric.result() == 1.0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("acuracy", "did you mean accuracy"),
        ("acc", "did you mean accuracy"),
        ("f1-score", r"did you mean f1\?"),
        ("topk5", "did you mean topk with k=5"),
        ("Top1", "did you mean topk with k=1"),
        ("xyzzy", "one of "),
    ],
)
def test_an_unknown_name_says_what_was_meant(name: str, hint: str) -> None:
    with pytest.raises(MetricValueError, match=f"(?s)Unknown metric '{name}'.*{hint}"):
        build(name)


def test_an_unknown_option_shows_the_options() -> None:
    with pytest.raises(MetricTypeError, match=r"(?s)'n'.*options: k, class_axis, keep_samples"):
        build("topk", n=5)


def test_a_name_is_a_string() -> None:
    with pytest.raises(MetricTypeError, match="as_metric"):
        build(Accuracy)  # type: ignore[arg-type]  # the wrong type is the point


def install(folder: Path, distribution: str, entry: str) -> None:
    """Write what pip would write for a third-party plug-in."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[inc.metrics]\n{entry}\n")


def test_a_third_party_plug_in_is_found_like_a_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_metrics.py").write_text(
        "class Hits:\n"
        "    def __init__(self, start=0):\n        self.start = self.hits = start\n"
        "    def reset(self):\n        self.hits = self.start\n"
        "    def update(self, predictions, targets):\n        self.hits += sum(p == t for p, t in zip(predictions, targets))\n"
        "    def result(self):\n        return self.hits\n"
    )
    install(tmp_path, "their-metrics", "hits = their_metrics:Hits")
    monkeypatch.syspath_prepend(tmp_path)
    metric = build("Hits", start=10)
    metric.update([1, 2], [1, 3])
    assert metric.result() == 11.0
    monkeypatch.delitem(sys.modules, "their_metrics")


def test_a_broken_or_ambiguous_plug_in_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "broken-metrics", "broken = module_that_is_not_there:Metric")
    install(tmp_path, "rival-metrics", "topk = rival:TopK")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MetricValueError, match=r"(?s)cannot be loaded.*module_that_is_not_there:Metric"):
        build("broken")
    with pytest.raises(MetricValueError, match=r"stands for .*rival:TopK"):
        build("topk")
