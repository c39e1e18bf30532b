"""What is read of machines of each kind, from trees of the files Linux describes them in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trees
from hypothesis import given
from hypothesis import strategies as st
from inc_bench.machine import CoreKind, read_topology
from inc_bench.machine.cgroup import throttled_periods
from inc_bench.machine.files import cpu_list, parse_cpu_list


def test_one_socket(tmp_path: Path) -> None:
    found = read_topology(trees.one_socket(tmp_path))
    assert [core.number for core in found.cores] == [0, 1, 2, 3]
    assert found.nodes == (0,)
    assert found.quota is None
    assert str(found) == "4 cores"


def test_two_sockets_with_hyper_threads(tmp_path: Path) -> None:
    found = read_topology(trees.two_sockets(tmp_path))
    assert len(found.cpus) == 16
    assert [core.number for core in found.cores] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [core.socket for core in found.cores] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [core.node for core in found.cores] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert {cpu.number for cpu in found.cpus if cpu.core == 5} == {5, 13}
    assert str(found) == "8 cores, 16 hyper-threads, 2 memory nodes"


def test_performance_and_efficiency_cores(tmp_path: Path) -> None:
    found = read_topology(trees.hybrid(tmp_path))
    assert [(core.number, core.kind) for core in found.cores] == [
        (0, CoreKind.PERFORMANCE),
        (2, CoreKind.PERFORMANCE),
        *((n, CoreKind.EFFICIENCY) for n in range(4, 8)),
    ]
    assert str(found) == "2 performance + 4 efficiency cores, 8 hyper-threads"


def test_big_and_little_cores_are_told_apart_by_capacity(tmp_path: Path) -> None:
    found = read_topology(trees.big_little(tmp_path))
    assert [core.number for core in found.cores] == [4, 5, 0, 1, 2, 3]
    assert {core.socket for core in found.cores} == {0}


@pytest.mark.parametrize("container", [trees.container_v1, trees.container_v2])
def test_a_container_with_a_cpuset_and_half_a_processor(container: object, tmp_path: Path) -> None:
    root = container(tmp_path)  # type: ignore[operator]
    found = read_topology(root)
    assert [core.number for core in found.cores] == [4, 5]
    assert found.quota == 0.5
    assert found.usable_cores == 1
    assert throttled_periods(root) == 17


def test_the_tightest_quota_of_the_ancestors_counts(tmp_path: Path) -> None:
    root = trees.one_socket(tmp_path)
    trees.write(root, {"sys/fs/cgroup/user.slice/cpu.max": "150000 100000"})
    assert read_topology(root).quota == 1.5


def test_the_affinity_mask_limits_what_is_used(tmp_path: Path) -> None:
    root = trees.two_sockets(tmp_path)
    trees.write(root, {"proc/self/status": "Cpus_allowed_list:\t2,9-10"})
    found = read_topology(root)
    assert [cpu.number for cpu in found.cpus] == [2, 9, 10]
    assert [core.number for core in found.cores] == [9, 2] or [core.number for core in found.cores] == [2, 9]
    assert len(found.cores) == 2  # 2 and 10 are hyper-threads of one core


def test_a_system_that_says_nothing_still_has_processors(tmp_path: Path) -> None:
    assert len(read_topology(tmp_path).cores) == (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="affinity masks are Linux'")
def test_this_machine_offers_what_its_affinity_mask_allows() -> None:
    assert {cpu.number for cpu in read_topology().cpus} <= os.sched_getaffinity(0)


@given(st.frozensets(st.integers(0, 300), min_size=1))
def test_a_written_list_of_processors_reads_back(cpus: frozenset[int]) -> None:
    assert parse_cpu_list(cpu_list(cpus)) == cpus


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0-3,8", {0, 1, 2, 3, 8}),
        ("0-6:2/4", {0, 1, 4, 5}),  # the kernel's own example form: two of every four
        ("", None),
        ("nonsense", None),
        ("0-3:1/0", None),
    ],
)
def test_the_kernels_list_format(text: str, cpus: set[int] | None) -> None:
    assert parse_cpu_list(text) == cpus
