"""Where the model will run, as written on the command line."""

from __future__ import annotations

import argparse

from inc_adaptors.roles import Adaptor, Hosts
from inc_config.target import Device, Isa, Runtime, Target

from inc_orchestrate.cli.arguments import Parser, UsageError

_RUNTIMES = (Runtime.ONNXRUNTIME, Runtime.OPENVINO, Runtime.TENSORRT)


def add_target(parser: Parser) -> None:
    """Declare runtime and instruction set: the same for planning, quantizing and tuning."""
    parser.add_argument(
        "--runtime",
        choices=[runtime.value for runtime in _RUNTIMES],
        help="what will run the model (default onnxruntime); it is judged and timed there. tensorrt: written only, nothing is timed",
    )
    parser.add_argument(
        "--isa", choices=[isa.value for isa in Isa], help="instruction set of the machine that will run it (default: this one)"
    )


def target_of(options: argparse.Namespace) -> Target | None:
    """The target that the options name; None is this machine.

    Raises:
        UsageError: an instruction set of the processor for a runtime that does not run on it.
    """
    if options.runtime is None and options.isa is None:
        return None
    runtime = Runtime(options.runtime or Runtime.ONNXRUNTIME)
    if runtime is Runtime.TENSORRT:
        if options.isa is not None:
            raise UsageError(
                "TensorRT runs on a GPU, which has no such instruction set.", where=f"--isa {options.isa}", fix="leave out --isa"
            )
        return Target(runtime=runtime, isa=Isa.GENERIC, device=Device.CUDA)
    return Target(runtime=runtime, isa=Isa.NATIVE if options.isa is None else Isa(options.isa))


def check_installed(adaptor: Adaptor, target: Target | None) -> None:
    """Refuse a runtime that is not here, before anything is read; raises ModelError with the command that installs it."""
    if target is not None and isinstance(adaptor, Hosts):
        adaptor.host(target)


def as_options(options: argparse.Namespace) -> list[str]:
    """The same for another command."""
    named = (("--runtime", options.runtime), ("--isa", options.isa))
    return [part for name, value in named if value is not None for part in (name, value)]
