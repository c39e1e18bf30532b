"""Where instances run: how many, on which cores, and what fits."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from inc_config.errors import IncError

from inc_bench.machine.files import cpu_list
from inc_bench.machine.topology import CoreKind, Cpu, Topology


class LayoutError(IncError, ValueError):
    """More instances or cores than there are."""


@attrs.frozen(kw_only=True)
class Placement:
    """One instance: its processors, and the memory node they belong to (None: several)."""

    cpus: tuple[int, ...]
    node: int | None = None

    def __str__(self) -> str:
        return cpu_list(self.cpus)


@attrs.frozen(kw_only=True)
class Layout:
    """Instances side by side; ``notes`` say what a user should know of how they lie."""

    placements: tuple[Placement, ...]
    notes: tuple[str, ...] = ()

    @property
    def instances(self) -> int:
        """Number of instances."""
        return len(self.placements)

    @property
    def cores(self) -> int:
        """Cores of each instance."""
        return len(self.placements[0].cpus)

    def __str__(self) -> str:
        return f"{self.instances} x {self.cores}"


def plan_layout(topology: Topology, *, instances: int = 1, cores_per_instance: int | None = None) -> Layout:
    """Give every instance cores of its own.

    One hyper-thread per core is used. An instance never mixes fast and slow cores, and crosses memory nodes only where nothing else fits.

    Args:
        topology: what the machine grants.
        instances: how many.
        cores_per_instance: None divides the fast cores evenly.

    Raises:
        LayoutError: the instances do not fit; says what does.
    """
    fast = [core for core in topology.cores if core.kind is CoreKind.PERFORMANCE]
    even = max(1, min(len(fast or topology.cores), topology.usable_cores) // instances)
    each = cores_per_instance or even
    if instances * each > topology.usable_cores:
        raise _too_many(topology, instances, each, given=cores_per_instance is not None)
    chosen = _within_groups(topology, instances, each) or _across_nodes(topology, instances, each)
    if chosen is None:
        raise _too_many(topology, instances, each, given=cores_per_instance is not None)
    placements = tuple(_placement(cores) for cores in chosen)
    return Layout(placements=placements, notes=tuple(_notes(topology, chosen)))


def sensible_layouts(topology: Topology) -> tuple[Layout, ...]:
    """The layouts worth trying: all cores for one instance, one core each, one instance per memory node, and halvings in between."""
    total = min(len([c for c in topology.cores if c.kind is CoreKind.PERFORMANCE]) or len(topology.cores), topology.usable_cores)
    sizes = {1, total, max(1, total // len(topology.nodes))}
    size = total // 2
    while size > 1:
        sizes.add(size)
        size //= 2
    made = []
    for each in sorted(sizes, reverse=True):
        count = total // each
        while count and _fits(topology, count, each) is None:
            count -= 1
        if count:
            made.append(plan_layout(topology, instances=count, cores_per_instance=each))
    return tuple(made)


def _fits(topology: Topology, instances: int, each: int) -> list[list[Cpu]] | None:
    return _within_groups(topology, instances, each) or _across_nodes(topology, instances, each)


def _groups(cores: Iterable[Cpu]) -> list[list[Cpu]]:
    groups: dict[tuple[bool, int], list[Cpu]] = {}
    for core in cores:
        groups.setdefault((core.kind is CoreKind.EFFICIENCY, core.node), []).append(core)
    return [groups[key] for key in sorted(groups)]


def _within_groups(topology: Topology, instances: int, each: int) -> list[list[Cpu]] | None:
    """Instances that lie in one node and on one kind of core; spread over the nodes in turn, so that memory channels are shared evenly."""
    by_group = [[group[at : at + each] for at in range(0, len(group) - each + 1, each)] for group in _groups(topology.cores)]
    chosen: list[list[Cpu]] = []
    for kind in CoreKind:
        slots = [list(group) for group in by_group if group and group[0][0].kind is kind]
        while any(slots) and len(chosen) < instances:
            for group in slots:
                if group and len(chosen) < instances:
                    chosen.append(group.pop(0))
    return sorted(chosen, key=lambda cores: cores[0].number) if len(chosen) == instances else None


def _across_nodes(topology: Topology, instances: int, each: int) -> list[list[Cpu]] | None:
    chosen: list[list[Cpu]] = []
    for kind in CoreKind:
        cores = [core for core in topology.cores if core.kind is kind]
        chosen += [cores[at : at + each] for at in range(0, len(cores) - each + 1, each)]
    return chosen[:instances] if len(chosen) >= instances else None


def _placement(cores: list[Cpu]) -> Placement:
    nodes = {core.node for core in cores}
    return Placement(cpus=tuple(sorted(core.number for core in cores)), node=nodes.pop() if len(nodes) == 1 else None)


def _notes(topology: Topology, chosen: list[list[Cpu]]) -> Iterable[str]:
    used = [core for cores in chosen for core in cores]
    if topology.quota is not None and topology.quota < len(used):
        yield (
            f"the control group grants the time of {topology.quota:g} processors to {len(used)} core{'s' if len(used) > 1 else ''}: "
            "the system will pause the instances, and latencies show it"
        )
    if any(len({core.node for core in cores}) > 1 for cores in chosen):
        yield "an instance spans several memory nodes: its memory is bound to none"
    idle = sum(core.kind is CoreKind.EFFICIENCY for core in topology.cores) - sum(core.kind is CoreKind.EFFICIENCY for core in used)
    if idle:
        yield f"{idle} efficiency cores stay idle"
    elif any(core.kind is CoreKind.EFFICIENCY for core in used) and any(core.kind is CoreKind.PERFORMANCE for core in used):
        yield "some instances run on efficiency cores and are slower than the others"


def _too_many(topology: Topology, instances: int, each: int, *, given: bool) -> LayoutError:
    fitting = next((count for count in range(instances - 1, 0, -1) if count * each <= topology.usable_cores), 0)
    wide = topology.usable_cores // instances
    while wide and _fits(topology, instances, wide) is None:
        wide -= 1
    while fitting and _fits(topology, fitting, each) is None:
        fitting -= 1
    options = [f"{fitting} x {each}"] if fitting and given else []
    options += [f"{instances} x {wide}"] if wide else []
    options += [f"{count} x 1" for count in (topology.usable_cores,) if not options or count != instances]
    return LayoutError(
        f"{instances} instance{'s' if instances > 1 else ''} of {each} core{'s' if each > 1 else ''} do not fit.",
        where=f"this machine: {topology}",
        fix=f"instances x cores that fit: {', '.join(dict.fromkeys(options))}",
    )
