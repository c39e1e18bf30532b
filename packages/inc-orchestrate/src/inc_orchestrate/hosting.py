"""Where models for a target are judged and timed on this machine, and what is said of it."""

from __future__ import annotations

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Hosts
from inc_config.errors import IncError, StepError
from inc_config.quantization import TunedPrecision
from inc_config.target import Device, Isa, Runtime, Target
from inc_config.tuning import ObjectiveKind

from inc_orchestrate.steps.protocol import Facts, fault

_MEASURED = (ObjectiveKind.LATENCY, ObjectiveKind.MEMORY)


@attrs.frozen(kw_only=True)
class Hosting:
    """The runtime that runs models for ``target`` here; ``here`` is this machine with the adaptor's own runtime."""

    target: Target
    here: Target
    runtime: Runtime

    @property
    def is_timed(self) -> bool:
        """Whether times found here are those of the target's runtime."""
        return self.runtime is self.target.runtime

    def lines(self, adaptor: Adaptor, made: ModelHandle) -> tuple[str, ...]:
        """What a reader must know of where a model was measured, one sentence each."""
        if not self.is_timed:
            checked = adaptor.checked(made) if isinstance(adaptor, Hosts) else "nothing"
            return (
                f"{self.target.runtime.value} does not run here: the model was judged in {self.runtime.value}, which rounds at the same "
                f"places, and no speed was measured; checked instead: {checked}",
            )
        if self.target.device is Device.CPU and self.target.isa not in (Isa.NATIVE, self.here.isa):
            return (f"accuracy and latencies are those of this machine ({self.here.isa.value}); the model is for {self.target.isa.value}",)
        return ()


def hosting(adaptor: Adaptor, target: Target) -> Hosting:
    """Where models for a target run; raises ModelError where its runtime is not installed."""
    here = adaptor.target()
    return Hosting(target=target, here=here, runtime=adaptor.host(target) if isinstance(adaptor, Hosts) else here.runtime)


def target_faults(facts: Facts, config: TunedPrecision) -> tuple[IncError, ...]:
    """The target's runtime must be installed and run the model, and what models are compared by must be measurable in it."""
    target = config.target
    if target is None or not isinstance(facts.adaptor, Hosts):
        return ()
    return fault(lambda: _check(facts, hosting(facts.adaptor, target), config))


def _check(facts: Facts, found: Hosting, config: TunedPrecision) -> None:
    """Where trials would fail one after the other, the original fails at once."""
    if found.runtime is not found.here.runtime and isinstance(facts.adaptor, Hosts):
        facts.adaptor.predictor_in(facts.handle, found.runtime)
    tuning = config.tuning
    asked = [objective.kind.value for objective in tuning.objectives if objective.kind in _MEASURED]
    if asked and not tuning.exit_policy.first_success and not found.is_timed:
        raise StepError(
            f"Models for {found.target.runtime.value} cannot be compared by {' and '.join(asked)}: it does not run here.",
            where="objectives",
            fix="the objective size or accuracy; measure the delivered model on the machine that has it",
        )
