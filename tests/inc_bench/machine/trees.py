"""Writes the files in which Linux describes machines, as recorded on machines of each kind (only the files that are read)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CPU = "sys/devices/system/cpu"


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def cpus(siblings: Mapping[int, str], sockets: Mapping[int, int], *, affinity: str) -> dict[str, str]:
    files = {f"{CPU}/online": affinity, "proc/self/status": f"Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{affinity}"}
    for number, threads in siblings.items():
        files[f"{CPU}/cpu{number}/topology/core_cpus_list"] = threads
        files[f"{CPU}/cpu{number}/topology/physical_package_id"] = str(sockets[number])
    return files


def one_socket(root: Path) -> Path:
    """Four cores without hyper-threads; an older kernel, which writes thread_siblings_list only."""
    files = {
        name.replace("core_cpus_list", "thread_siblings_list"): text
        for name, text in cpus({n: str(n) for n in range(4)}, dict.fromkeys(range(4), 0), affinity="0-3").items()
    }
    files["sys/devices/system/node/node0/cpulist"] = "0-3"
    files["proc/self/cgroup"] = "0::/user.slice/session-1.scope"
    files["sys/fs/cgroup/cgroup.controllers"] = "cpuset cpu io memory"
    files["sys/fs/cgroup/user.slice/session-1.scope/cpu.max"] = "max 100000"
    return write(root, files)


def two_sockets(root: Path) -> Path:
    """Two sockets of four cores with two hyper-threads each: 0-7 are first threads, 8-15 their siblings (an Intel Xeon's numbering)."""
    siblings = {n: f"{n % 8},{n % 8 + 8}" for n in range(16)}
    sockets = {n: n % 8 // 4 for n in range(16)}
    files = cpus(siblings, sockets, affinity="0-15")
    files["sys/devices/system/node/node0/cpulist"] = "0-3,8-11"
    files["sys/devices/system/node/node1/cpulist"] = "4-7,12-15"
    return write(root, files)


def hybrid(root: Path) -> Path:
    """Two performance cores with hyper-threads (0-3) and four efficiency cores (4-7), as an Intel Core of the 12th generation."""
    siblings = {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3", **{n: str(n) for n in range(4, 8)}}
    files = cpus(siblings, dict.fromkeys(range(8), 0), affinity="0-7")
    files["sys/devices/cpu_core/cpus"] = "0-3"
    files["sys/devices/cpu_atom/cpus"] = "4-7"
    files["sys/devices/system/node/node0/cpulist"] = "0-7"
    return write(root, files)


def big_little(root: Path) -> Path:
    """An ARM board: four little cores (0-3) and two big ones (4-5), told apart by their capacity."""
    files = cpus({n: str(n) for n in range(6)}, dict.fromkeys(range(6), -1), affinity="0-5")
    files |= {f"{CPU}/cpu{n}/cpu_capacity": "1024" if n > 3 else "446" for n in range(6)}
    return write(root, files)


def container_v2(root: Path) -> Path:
    """A container on the two sockets: control groups 2 in a namespace of their own, a cpuset of two cores and half a processor."""
    return write(
        two_sockets(root),
        {
            "proc/self/cgroup": "0::/",
            "sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory",
            "sys/fs/cgroup/cpu.max": "50000 100000",
            "sys/fs/cgroup/cpu.stat": "usage_usec 1200\nnr_periods 40\nnr_throttled 17\nthrottled_usec 900",
            "sys/fs/cgroup/cpuset.cpus.effective": "4-5",
        },
    )


def container_v1(root: Path) -> Path:
    """The same with control groups 1: the group's path is the host's and does not exist inside, controllers are mounted together."""
    return write(
        two_sockets(root),
        {
            "proc/self/cgroup": "9:cpuset:/docker/0a1b\n4:cpu,cpuacct:/docker/0a1b\n1:name=systemd:/docker/0a1b",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.stat": "nr_periods 40\nnr_throttled 17\nthrottled_time 900",
            "sys/fs/cgroup/cpuset/cpuset.cpus": "4-5",
        },
    )
