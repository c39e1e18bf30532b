"""What the machine grants this process, and how instances are laid out on it."""

from inc_bench.machine.layout import Layout, Placement, plan_layout, sensible_layouts
from inc_bench.machine.topology import CoreKind, Cpu, Topology, read_topology

__all__ = ["CoreKind", "Cpu", "Layout", "Placement", "Topology", "plan_layout", "read_topology", "sensible_layouts"]
