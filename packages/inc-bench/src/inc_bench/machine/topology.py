"""The processors this process may use: cores, hyper-threads, sockets, memory nodes, kinds of cores, and the granted share of time."""

from __future__ import annotations

import os
import re
from pathlib import Path

import attrs
from inc_config.fields import Choice

from inc_bench.machine.cgroup import cpu_quota, cpuset
from inc_bench.machine.files import cpus_of, number_of, parse_cpu_list, text_of

ROOT = Path("/")


class CoreKind(Choice):
    """Fast cores, and the slower ones that hybrid processors have beside them."""

    PERFORMANCE = "performance"
    EFFICIENCY = "efficiency"


@attrs.frozen(kw_only=True)
class Cpu:
    """A logical processor: its number, its socket, memory node, kind, and the lowest-numbered hyper-thread of its ``core``."""

    number: int
    core: int
    socket: int = 0
    node: int = 0
    kind: CoreKind = CoreKind.PERFORMANCE


@attrs.frozen(kw_only=True)
class Topology:
    """Usable processors in order of number; ``quota`` is the granted processors' worth of time (None: not limited)."""

    cpus: tuple[Cpu, ...]
    quota: float | None = None

    @property
    def cores(self) -> tuple[Cpu, ...]:
        """One hyper-thread per core, fast cores first, then by node, socket and number."""
        first = {cpu.core: cpu for cpu in sorted(self.cpus, key=lambda cpu: -cpu.number)}
        return tuple(sorted(first.values(), key=lambda c: (c.kind is CoreKind.EFFICIENCY, c.node, c.socket, c.number)))

    @property
    def nodes(self) -> tuple[int, ...]:
        """Memory nodes with usable processors."""
        return tuple(sorted({cpu.node for cpu in self.cpus}))

    @property
    def usable_cores(self) -> int:
        """Cores that can be kept busy: the quota cut to whole cores, at least one."""
        return len(self.cores) if self.quota is None else max(1, min(len(self.cores), int(self.quota)))

    def __str__(self) -> str:
        kinds = [(sum(core.kind is kind for core in self.cores), kind.value) for kind in CoreKind]
        cores = " + ".join(f"{count} {kind}" for count, kind in kinds if count) if all(count for count, _ in kinds) else len(self.cores)
        parts = [f"{cores} core{'s' if len(self.cores) > 1 else ''}"]
        if len(self.cpus) > len(self.cores):
            parts.append(f"{len(self.cpus)} hyper-threads")
        if len(self.nodes) > 1:
            parts.append(f"{len(self.nodes)} memory nodes")
        if self.quota is not None:
            parts.append(f"time of {self.quota:g} processors granted")
        return ", ".join(parts)


def read_topology(root: Path = ROOT) -> Topology:
    """Read what Linux says below ``root``; elsewhere every processor counts as a core of one socket.

    Only processors that are online, in this process' affinity mask and in its control group's set are usable.
    """
    system = root / "sys/devices/system/cpu"
    usable = cpus_of(system / "online") or frozenset(range(os.cpu_count() or 1))
    for limit in (_affinity(root), cpuset(root)):
        if limit is not None:
            usable = usable & limit or usable
    nodes = _nodes(root)
    slow = _efficiency(root, usable)
    return Topology(cpus=tuple(_cpu(system, number, nodes, slow) for number in sorted(usable)), quota=cpu_quota(root))


def _cpu(system: Path, number: int, nodes: dict[int, int], slow: frozenset[int]) -> Cpu:
    folder = system / f"cpu{number}" / "topology"
    siblings = cpus_of(folder / "core_cpus_list") or cpus_of(folder / "thread_siblings_list") or frozenset({number})
    return Cpu(
        number=number,
        core=min(siblings),
        socket=max(number_of(folder / "physical_package_id") or 0, 0),  # -1 where the firmware does not say
        node=nodes.get(number, 0),
        kind=CoreKind.EFFICIENCY if number in slow else CoreKind.PERFORMANCE,
    )


def _affinity(root: Path) -> frozenset[int] | None:
    for line in (text_of(root / "proc/self/status") or "").splitlines():
        key, _, value = line.partition(":")
        if key == "Cpus_allowed_list":
            return parse_cpu_list(value.strip())
    return None


def _nodes(root: Path) -> dict[int, int]:
    folders = sorted((root / "sys/devices/system/node").glob("node[0-9]*"))
    return {cpu: int(folder.name.removeprefix("node")) for folder in folders for cpu in cpus_of(folder / "cpulist") or ()}


def _efficiency(root: Path, usable: frozenset[int]) -> frozenset[int]:
    """Slow cores: those Intel's hybrid processors list as ``cpu_atom``, or on ARM those of less than the largest ``cpu_capacity``."""
    if (listed := cpus_of(root / "sys/devices/cpu_atom/cpus")) is not None:
        return listed & usable
    pattern = re.compile(r"cpu\d+$")
    folders = [path for path in (root / "sys/devices/system/cpu").glob("cpu*") if pattern.match(path.name)]
    capacity = {int(path.name[3:]): found for path in folders if (found := number_of(path / "cpu_capacity")) is not None}
    largest = max(capacity.values(), default=0)
    return frozenset(cpu for cpu, found in capacity.items() if found < largest) & usable
