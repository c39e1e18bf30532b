"""``pip install "inc-orchestrate[onnxrt]"`` is a small installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MOST = 16


def closure(*roots: str) -> set[str]:
    """Names of every distribution that installing ``roots`` brings, themselves included, from the metadata of what is installed."""
    found: set[tuple[str, str]] = set()
    todo = [Requirement(root) for root in roots]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            needed = map(Requirement, requires(name) or [])
            todo += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def test_the_command_brings_at_most_16_packages_beyond_onnxruntimes_own() -> None:
    try:
        ours = closure("inc-orchestrate[onnxrt]")
        runtimes = closure("onnxruntime")
    except PackageNotFoundError as error:
        pytest.skip(f"the extra onnxrt is not installed: {error}")
    assert "onnxruntime" in ours
    third_party = {name for name in ours - runtimes if not name.startswith("inc-")}
    assert len(third_party) <= MOST, sorted(third_party)
    assert not third_party & {"click", "torch", "pandas", "scipy", "scikit-learn"}
