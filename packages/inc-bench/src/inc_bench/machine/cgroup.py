"""Limits that control groups (version 1 and 2) put on this process: processors, share of their time, and whether it was throttled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inc_bench.machine.files import cpus_of, number_of, text_of

_MOUNT = Path("sys/fs/cgroup")


def cpu_quota(root: Path) -> float | None:
    """Processors' worth of time granted, the least along the group's ancestors (0.5: half a processor); None without a limit."""
    granted = [quota for folder in _folders(root, "cpu") if (quota := _quota(folder)) is not None]
    return min(granted, default=None)


def cpuset(root: Path) -> frozenset[int] | None:
    """Processors the group may use; None where the system does not say."""
    for folder in _folders(root, "cpuset"):
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
            if (found := cpus_of(folder / name)) is not None:
                return found
    return None


def throttled_periods(root: Path) -> int | None:
    """How many scheduling periods ended with the quota used up, since the group was made; None where nothing limits the group."""
    for folder in _folders(root, "cpu"):
        for line in (text_of(folder / "cpu.stat") or "").splitlines():
            key, _, value = line.partition(" ")
            if key == "nr_throttled" and value.isdigit():
                return int(value)
    return None


def _quota(folder: Path) -> float | None:
    if (text := text_of(folder / "cpu.max")) is not None:
        limit, _, period = text.partition(" ")
        return int(limit) / int(period) if limit.isdigit() and period.isdigit() and int(period) else None
    limit_us, period_us = number_of(folder / "cpu.cfs_quota_us"), number_of(folder / "cpu.cfs_period_us")
    return limit_us / period_us if limit_us is not None and limit_us > 0 and period_us else None


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The folder of this process' group and of its ancestors, innermost first, in every hierarchy that may hold the controller.

    Inside a container the group's path may be the host's, which is not mounted there: such folders do not exist and are passed over, and
    the mount's own root, which then is the container's group, comes last.
    """
    for line in (text_of(root / "proc/self/cgroup") or "0::/").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        group = Path(path.lstrip("/"))
        for mount in _mounts(root, controller if controllers else ""):
            for ancestor in (group, *group.parents):
                if (mount / ancestor).is_dir():
                    yield mount / ancestor


def _mounts(root: Path, controller: str) -> Iterator[Path]:
    base = root / _MOUNT
    if not controller:
        yield from (path for path in (base, base / "unified") if (path / "cgroup.controllers").exists())
    elif base.is_dir():
        yield from sorted(path for path in base.iterdir() if controller in path.name.split(","))
