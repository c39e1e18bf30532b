"""The import contract of the design: who may import whom, and which libraries."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OURS = {
    "inc_metrics": set(),
    "inc_data": set(),
    "inc_config": set(),
    "inc_strategy": {"inc_config"},
    "inc_adaptors": {"inc_config"},
    "inc_bench": {"inc_config", "inc_data", "inc_metrics", "inc_adaptors"},
    "inc_orchestrate": {"inc_config", "inc_data", "inc_metrics", "inc_adaptors", "inc_strategy", "inc_bench"},
}
THIRD_PARTY = {
    "inc_metrics": {"numpy", "numba"},
    "inc_data": {"numpy", "PIL", "pyarrow", "tokenizers"},
    "inc_config": {"attrs", "attr", "cattrs", "yaml"},
    "inc_strategy": {"attrs", "numpy", "optuna"},
    "inc_adaptors": {"attrs", "numpy", "numba", "safetensors"},
    "inc_bench": {"attrs", "numpy", "psutil", "rich", "matplotlib"},
    "inc_orchestrate": {"attrs", "numpy", "rich", "torch_pruning", "dask", "distributed", "mpi4py"},
}
# A framework is imported only below inc_adaptors/<framework>/, and not in that folder's __init__.
FRAMEWORKS = {
    "torch": {"torch", "torchao", "onnxscript", "onnx"},
    "onnxrt": {"onnxruntime", "onnx"},
    "openvino": {"openvino"},
    "tensorflow": {"tensorflow", "keras"},
    "mxnet": {"mxnet"},
}
# Shipped for third parties' test suites under the extra `testing`.
TESTING = {"pytest", "hypothesis"}


def sources(module: str) -> list[Path]:
    return sorted((ROOT / "packages" / module.replace("_", "-") / "src" / module).rglob("*.py"))


def imported_roots(path: Path) -> set[str]:
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            roots.add((node.module or "").split(".")[0])
    return roots


def allowed(module: str, path: Path) -> set[str]:
    base = ROOT / "packages" / module.replace("_", "-") / "src" / module
    parts = path.relative_to(base).parts
    extra: set[str] = set()
    if module == "inc_adaptors" and parts[0] in FRAMEWORKS and parts[1:] != ("__init__.py",):
        extra |= FRAMEWORKS[parts[0]]
    if parts[0] in {"testing", "testing.py"}:
        extra |= TESTING
    return {module} | OURS[module] | THIRD_PARTY[module] | extra


@pytest.mark.parametrize("module", OURS)
def test_a_package_imports_only_what_the_contract_allows(module: str) -> None:
    assert sources(module), f"no sources found for {module}"
    offences = {
        str(path.relative_to(ROOT)): sorted(bad)
        for path in sources(module)
        if (bad := {root for root in imported_roots(path) - allowed(module, path) if root not in sys.stdlib_module_names})
    }
    assert offences == {}


@pytest.mark.parametrize("module", OURS)
def test_no_unsafe_loading_anywhere(module: str) -> None:
    for path in sources(module):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not imported_roots(path) & {"pickle", "dill", "cloudpickle", "marshal", "shelve"}, path
        calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert not calls & {"eval", "exec"}, path
