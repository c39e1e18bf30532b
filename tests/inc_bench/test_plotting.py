"""Throughput against latency, drawn."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import attrs
import pytest
from inc_bench.plotting import check_plot, save_plot, terminal_plot
from inc_bench.sweep import Sweep
from inc_config.errors import MissingFrameworkError, StoreError
from results import LATENCY, result

QUICK = result(100.0, latency=attrs.evolve(LATENCY, median_s=0.001))
FAST = result(400.0, layout="4 x 1", latency=attrs.evolve(LATENCY, median_s=0.1))


def test_a_sweep_names_the_best_for_throughput_and_for_latency() -> None:
    found = Sweep(results=(QUICK, FAST))
    assert found.best_throughput is FAST
    assert found.best_latency is QUICK
    assert found.clear
    assert not Sweep(results=(result(100.0), result(101.0))).clear


def test_the_terminal_plot_places_results_by_latency_and_throughput() -> None:
    lines = terminal_plot([QUICK, FAST], width=40, height=9).splitlines()
    assert lines[0].startswith("       400 |")
    assert lines[0].endswith("b")  # the fastest and slowest to answer: top right
    assert [line[12] for line in lines[1:9]].count("a") == 1  # a quarter of the throughput, the least latency: left
    assert lines[6][12] == "a"
    assert lines[-2:] == ["           a 2 x 2, batch 1", "           b 4 x 1, batch 1"]
    assert "1 ms" in lines[10]
    assert "100 ms" in lines[10]


def test_results_in_one_place_are_marked_as_several() -> None:
    assert terminal_plot([QUICK, QUICK]).splitlines()[-1].split() == ["*", "several"]


def test_a_picture_needs_a_name_that_says_its_format(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not end in"):
        check_plot(tmp_path / "plot.txt")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is not None, reason="matplotlib is installed here")
def test_without_matplotlib_the_error_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(MissingFrameworkError) as caught:
        check_plot(tmp_path / "plot.svg")
    assert 'pip install "inc-bench[plot]"' in caught.value.fix


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_a_picture_is_drawn(suffix: str, start: bytes, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    path = tmp_path / f"plot{suffix}"
    save_plot([QUICK, FAST], path)
    assert path.read_bytes().startswith(start)
