"""What every package must have, and that what it declares is what the contract allows."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir() if path.is_dir())
RUN_TIME = {
    "inc-metrics": {"numpy"},
    "inc-data": {"numpy", "pillow"},
    "inc-config": {"attrs", "cattrs", "pyyaml"},
    "inc-strategy": {"inc-config", "numpy"},
    "inc-adaptors": {"inc-config", "numpy", "numba", "safetensors"},
    "inc-bench": {"inc-config", "inc-data", "inc-metrics", "inc-adaptors", "psutil", "rich"},
    "inc-orchestrate": {"inc-config", "inc-data", "inc-metrics", "inc-adaptors", "inc-strategy", "inc-bench", "rich"},
}
OUR_GROUPS = (
    "inc.adaptors",
    "inc.metrics",
    "inc.datasets",
    "inc.transforms",
    "inc.strategies",
    "inc.steps",
    "inc.observers",
    "inc.criteria",
)


def project(package: str) -> dict[str, object]:
    with (ROOT / "packages" / package / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def bare(requirement: str) -> str:
    return re.split(r"[\[<>=~!; ]", requirement)[0]


def test_the_seven_packages_are_there() -> None:
    assert set(PACKAGES) == set(RUN_TIME)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_declares_what_the_contract_allows_and_no_more(package: str) -> None:
    declared = {bare(requirement) for requirement in project(package)["project"]["dependencies"]}
    assert declared == RUN_TIME[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_complete(package: str) -> None:
    folder = ROOT / "packages" / package
    module = package.replace("-", "_")
    document = project(package)
    assert document["project"]["version"] == "0.1.0"
    assert document["build-system"]["build-backend"] == "hatchling.build"
    assert (folder / "src" / module / "py.typed").is_file()
    assert "0.1.0" in (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert len((folder / "README.md").read_text(encoding="utf-8")) > 300
    assert list((ROOT / "tests" / module).rglob("test_*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_test_groups_bring_no_undeclared_sibling(package: str) -> None:
    test_group = {bare(requirement) for requirement in project(package)["dependency-groups"]["test"]}
    assert {name for name in test_group if name.startswith("inc-")} <= RUN_TIME[package]


@pytest.mark.parametrize("group", OUR_GROUPS)
def test_built_ins_are_registered_through_the_entry_points_third_parties_use(group: str) -> None:
    points = entry_points(group=group)
    assert points, f"no built-in in {group}"
    for point in points:
        assert point.load() is not None


def test_continuous_integration_calls_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s tests"
    assert command in readme
    assert command in script


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("inc_metrics", {"attrs", "cattrs", "numba", "torch", "onnx", "onnxruntime", "scipy", "sklearn"}),
        ("inc_data", {"attrs", "cattrs", "numba", "torch", "onnx", "onnxruntime"}),
        ("inc_config", {"numpy", "numba", "torch", "onnx", "onnxruntime"}),
        ("inc_strategy", {"numba", "torch", "onnx", "onnxruntime"}),
        ("inc_adaptors", {"numba", "torch", "onnx", "onnxruntime"}),
        ("inc_bench", {"torch", "onnx", "onnxruntime", "matplotlib"}),
        ("inc_orchestrate", {"torch", "onnx", "onnxruntime"}),
    ],
)
def test_import_loads_no_framework(module: str, forbidden: set[str]) -> None:
    code = f"import {module}, sys; print('\\n'.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert loaded & forbidden == set()


def test_importing_inc_metrics_costs_less_than_twenty_milliseconds_beyond_numpy() -> None:
    """CPU time of fresh processes, interleaved; the smallest difference of seven pairs, since noise only ever adds."""
    code = "import time; import {first}; start = time.process_time(); import {second}; print(time.process_time() - start)"

    def cost(second: str) -> float:
        done = subprocess.run([sys.executable, "-c", code.format(first="numpy", second=second)], capture_output=True, text=True, check=True)
        return float(done.stdout)

    costs = [cost("inc_metrics") - cost("numpy") for _ in range(7)]
    assert min(costs) < 0.020
