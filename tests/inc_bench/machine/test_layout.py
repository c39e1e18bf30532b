"""Layouts on machines of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import trees
from hypothesis import given
from hypothesis import strategies as st
from inc_bench.machine import CoreKind, Cpu, Topology, plan_layout, read_topology, sensible_layouts
from inc_bench.machine.layout import LayoutError


def places(layout: object) -> list[tuple[str, int | None]]:
    return [(str(placement), placement.node) for placement in layout.placements]  # type: ignore[attr-defined]


def test_one_instance_takes_all_cores(tmp_path: Path) -> None:
    assert places(plan_layout(read_topology(trees.one_socket(tmp_path)))) == [("0-3", 0)]


def test_two_instances_halve_the_machine(tmp_path: Path) -> None:
    assert places(plan_layout(read_topology(trees.one_socket(tmp_path)), instances=2)) == [("0-1", 0), ("2-3", 0)]


def test_instances_are_spread_over_sockets_and_leave_hyper_threads_alone(tmp_path: Path) -> None:
    machine = read_topology(trees.two_sockets(tmp_path))
    assert places(plan_layout(machine, instances=2, cores_per_instance=2)) == [("0-1", 0), ("4-5", 1)]
    assert places(plan_layout(machine, instances=4)) == [("0-1", 0), ("2-3", 0), ("4-5", 1), ("6-7", 1)]


def test_an_instance_crosses_nodes_only_where_nothing_else_fits_and_says_so(tmp_path: Path) -> None:
    machine = read_topology(trees.two_sockets(tmp_path))
    within, across = plan_layout(machine, instances=2, cores_per_instance=3), plan_layout(machine, instances=1, cores_per_instance=6)
    assert places(within) == [("0-2", 0), ("4-6", 1)]
    assert within.notes == ()
    assert places(across) == [("0-5", None)]
    assert any("several memory nodes" in note for note in across.notes)


def test_fast_cores_come_first_and_kinds_never_mix(tmp_path: Path) -> None:
    machine = read_topology(trees.hybrid(tmp_path))
    whole = plan_layout(machine)
    assert places(whole) == [("0,2", 0)]
    assert whole.notes == ("4 efficiency cores stay idle",)
    three = plan_layout(machine, instances=3, cores_per_instance=2)
    assert places(three) == [("0,2", 0), ("4-5", 0), ("6-7", 0)]
    assert three.notes == ("some instances run on efficiency cores and are slower than the others",)
    with pytest.raises(LayoutError):
        plan_layout(machine, instances=2, cores_per_instance=3)  # six cores, but three alike only among the slow ones


def test_half_a_processor_runs_one_instance_and_says_what_that_means(tmp_path: Path) -> None:
    layout = plan_layout(read_topology(trees.container_v2(tmp_path)))
    assert places(layout) == [("4", 1)]
    assert any("0.5 processors" in note for note in layout.notes)


def test_more_instances_than_cores_is_an_error_that_says_what_fits(tmp_path: Path) -> None:
    machine = read_topology(trees.one_socket(tmp_path))
    with pytest.raises(LayoutError) as caught:
        plan_layout(machine, instances=3, cores_per_instance=2)
    assert caught.value.what == "3 instances of 2 cores do not fit."
    assert "4 cores" in caught.value.where
    assert caught.value.fix == "instances x cores that fit: 2 x 2, 3 x 1, 4 x 1"
    with pytest.raises(LayoutError, match="5 instances of 1 core do not fit") as caught:
        plan_layout(machine, instances=5)
    assert caught.value.fix == "instances x cores that fit: 4 x 1"


def test_a_container_with_half_a_processor_has_room_for_one(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"time of 0\.5 processors granted") as caught:
        plan_layout(read_topology(trees.container_v1(tmp_path)), instances=2)
    assert caught.value.fix == "instances x cores that fit: 1 x 1"


def test_the_sensible_layouts_of_two_sockets(tmp_path: Path) -> None:
    assert [str(layout) for layout in sensible_layouts(read_topology(trees.two_sockets(tmp_path)))] == ["1 x 8", "2 x 4", "4 x 2", "8 x 1"]


def test_the_sensible_layouts_of_half_a_processor(tmp_path: Path) -> None:
    assert [str(layout) for layout in sensible_layouts(read_topology(trees.container_v2(tmp_path)))] == ["1 x 1"]


@st.composite
def machines(draw: st.DrawFn) -> Topology:
    count = draw(st.integers(1, 24))
    return Topology(
        cpus=tuple(Cpu(number=n, core=n, node=draw(st.integers(0, 2)), kind=draw(st.sampled_from(list(CoreKind)))) for n in range(count)),
        quota=draw(st.none() | st.floats(0.1, 30)),
    )


@given(machines(), st.integers(1, 12), st.none() | st.integers(1, 8))
def test_what_is_laid_out_is_disjoint_of_one_kind_and_what_an_error_offers_fits(
    machine: Topology, instances: int, cores: int | None
) -> None:
    try:
        layout = plan_layout(machine, instances=instances, cores_per_instance=cores)
    except LayoutError as error:
        for offer in error.fix.removeprefix("instances x cores that fit: ").split(", "):
            count, each = (int(part) for part in offer.split(" x "))
            assert str(plan_layout(machine, instances=count, cores_per_instance=each)) == offer
        return
    used = [cpu for placement in layout.placements for cpu in placement.cpus]
    assert len(set(used)) == len(used) == layout.instances * layout.cores
    assert layout.instances == instances
    kinds = {cpu.number: cpu.kind for cpu in machine.cpus}
    for placement in layout.placements:
        assert len({kinds[cpu] for cpu in placement.cpus}) == 1


@given(machines())
def test_every_sensible_layout_can_be_laid_out_and_none_stands_twice(machine: Topology) -> None:
    names = [str(layout) for layout in sensible_layouts(machine)]
    assert names
    assert len(set(names)) == len(names)
