"""The README's example runs, and its table lists every name."""

import re
from pathlib import Path

import numpy as np
import pytest
from inc_metrics import build, names

README = Path(__file__).resolve().parents[2] / "packages" / "inc-metrics" / "README.md"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, (5, 50))
    scores = {side: rng.normal(size=(5, 50, 10)) + 3.0 * np.eye(10)[labels] for side in ("model", "int8_model")}
    lookup = {f"{side}": (lambda batch, side=side: scores[side][batch]) for side in scores}
    exec(compile(snippet, str(README), "exec"), {"loader": list(enumerate(labels)), **lookup})
    comparison, verdict = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"accuracy 0\.\d+ -> 0\.\d+: [+-]0\.\d+, 95% CI \[.*\], p = \S+ \(McNemar, 250 units\)", comparison)
    assert verdict in ("within", "outside", "not yet")


def test_every_name_is_in_a_table() -> None:
    table = "\n".join(line for line in README.read_text(encoding="utf-8").splitlines() if "|" in line)
    listed = set(re.findall(r"`([\w-]+)`", table.lower()))
    ours = {name.lower() for name in names() if type(build_or_none(name)).__module__.startswith("inc_metrics")}
    assert ours <= listed


def build_or_none(name: str) -> object:
    return build(name, num_classes=2) if name in ("mean-iou", "mIOU") else build(name)
