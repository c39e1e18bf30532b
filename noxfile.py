"""Sessions for development and continuous integration; each does all of its own set-up.

``nox -s demo`` runs the main job, ``nox -s tests`` every test. Both need Python 3.11 with venv and a package index, nothing else.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
# pip, not uv: only pip finds the CPU build of torch where an index or a folder configured for pip offers it.
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types", "isolated"]

ROOT = Path(__file__).parent
PACKAGES = ("inc-config", "inc-data", "inc-metrics", "inc-strategy", "inc-adaptors", "inc-bench", "inc-orchestrate")
EXTRAS = {"inc-adaptors": "[torch,onnxrt,openvino,testing]", "inc-orchestrate": "[torch,onnxrt]"}
FRAMEWORK_FREE = ("inc-config", "inc-data", "inc-metrics", "inc-strategy", "inc-adaptors")
FRAMEWORK_TESTS = ("tests/inc_adaptors/torch", "tests/inc_adaptors/onnxrt", "tests/inc_adaptors/openvino")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def project(package: str) -> dict[str, object]:
    """A package's pyproject.toml."""
    with (ROOT / "packages" / package / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def declared(package: str) -> list[str]:
    """Our packages that ``package`` declares, itself first, transitively."""
    found = [package]
    for name in found:
        requirements = project(name)["project"]["dependencies"]
        found += [n for n in (re.split(r"[\[<>=~! ]", r)[0] for r in requirements) if n.startswith("inc-") and n not in found]
    return found


def test_group(*packages: str) -> list[str]:
    """The test dependency groups of packages."""
    return sorted({requirement for package in packages for requirement in project(package)["dependency-groups"]["test"]})


def install(session: nox.Session, *requirements: str, constraints: bool = True) -> None:
    """Install in one pip command, showing pip's own progress."""
    session.log("installing %d requirements (the first time takes minutes: frameworks are large)", len(requirements))
    pins = ["-c", "constraints.txt"] if constraints else []
    session.run("python", "-m", "pip", "install", "--disable-pip-version-check", *pins, *requirements)


def folders(packages: tuple[str, ...] | list[str], extras: dict[str, str]) -> list[str]:
    """Local folders of packages with the extras given for each."""
    return [f"./packages/{name}{extras.get(name, '')}" for name in packages]


def warn_about_cuda(session: nox.Session) -> None:
    """Say before it happens that pip is about to fetch a CUDA build of torch, and how to avoid it."""
    if session.run("python", "-c", "import importlib.util as u; print(bool(u.find_spec('torch')))", silent=True).strip() == "True":
        return
    session.log("asking the package index which build of torch it offers")
    query = ("install", "--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--report", "-", "-c", "constraints.txt", "torch")
    report = session.run("python", "-m", "pip", *query, silent=True, success_codes=[0, 1, 2], stderr=None)
    found = re.search(r"\{.*\}", report or "", re.DOTALL)
    requirements = [] if found is None else json.loads(found[0])["install"][0]["metadata"].get("requires_dist", [])
    if any("nvidia" in requirement or "cuda" in requirement for requirement in requirements):
        session.warn(
            "this index offers torch as a CUDA build: a download of several gigabytes follows. To avoid it, press Ctrl-C and run "
            "'PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu nox -s %s' (the CPU build, 0.2 GB).",
            session.name,
        )


def install_everything(session: nox.Session, *more: str) -> None:
    """All seven packages from their folders, with frameworks."""
    warn_about_cuda(session)
    install(session, *folders(PACKAGES, EXTRAS), *more)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job: prune, distil and quantize a trained model, on PyTorch and ONNX Runtime."""
    install_everything(session, "scikit-learn")
    session.run("python", "examples/demo.py", *session.posargs, env=ONE_THREAD)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, then the framework-free packages again at numpy 1.26."""
    session.notify("tests_numpy1")
    install_everything(session, *test_group(*PACKAGES))
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "worksteal", "tests", *session.posargs, env=ONE_THREAD)


@nox.session
def tests_numpy1(session: nox.Session) -> None:
    """Test the framework-free packages at numpy 1.26.4, the numpy that MXNet needs."""
    install(session, "numpy==1.26.4", *folders(FRAMEWORK_FREE, {}), *test_group(*FRAMEWORK_FREE))
    paths = [f"tests/{name.replace('-', '_')}" for name in FRAMEWORK_FREE]
    ignored = [f"--ignore={path}" for path in FRAMEWORK_TESTS]
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "worksteal", *paths, *ignored, env=ONE_THREAD)


@nox.session
@nox.parametrize("package", [nox.param(name, id=name) for name in PACKAGES])
def isolated(session: nox.Session, package: str) -> None:
    """Run one package's tests with nothing installed but that package, what it declares and its test group."""
    install(session, *folders(declared(package), {}), *test_group(package))
    session.run("python", "-c", f"import {package.replace('-', '_')}")
    paths = [f"tests/{package.replace('-', '_')}"]
    ignored = [f"--ignore={path}" for path in FRAMEWORK_TESTS]
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "worksteal", *paths, *ignored, env=ONE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    install(session, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install_everything(session, "mypy", "types-PyYAML", "nox")
    session.run("mypy", *(f"packages/{name}/src" for name in PACKAGES))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure every performance claim and print the ratios."""
    install_everything(session, "scikit-learn", "scipy", "pycocotools", "faster-coco-eval")
    session.run("python", "benchmarks/run.py", *session.posargs, env=ONE_THREAD)


@nox.session
def build(session: nox.Session) -> None:
    """Build a wheel of each package and check that each installs and imports alone."""
    install(session, "build", "hatchling", "virtualenv")
    for package in PACKAGES:
        session.run("python", "-m", "build", "--wheel", "--outdir", "dist", f"packages/{package}")
    session.run("python", ".ci/wheels.py", "dist", *PACKAGES)
