"""Run operators of a finished model in 16 bits, tuned until the criterion holds."""

from __future__ import annotations

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Describes, MixesPrecision, Quantizes
from inc_config.dtypes import FP16
from inc_config.errors import IncError, StepError
from inc_config.quantization import MixedPrecisionConfig

from inc_orchestrate.candidates import capabilities_under
from inc_orchestrate.precisions import STEP, floats_only, is_undecided, nothing_to_convert, other_strategy, wanted_precisions
from inc_orchestrate.setting import Setting
from inc_orchestrate.steps.protocol import Applied, Facts, fault
from inc_orchestrate.steps.quantize import apply_tuned, data_faults, ledger_faults, role_faults


@attrs.frozen(kw_only=True)
class MixedPrecision(MixedPrecisionConfig):
    """A ``MixedPrecisionConfig`` as a step; data and evaluation are the pipeline's.

    Everything that pays is in 16 bits at first; operator types and then single operators go back to fp32 until the criterion holds.
    """

    @property
    def name(self) -> str:
        """As entry point and in tables."""
        return STEP

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Roles, precisions, kernels, data, and a ledger that can be written."""
        found = list(role_faults(facts, (Describes, Quantizes, MixesPrecision), step=STEP))
        if not wanted_precisions(self):
            asked, excluded = (", ".join(map(str, given)) or "none" for given in (self.precisions, self.excluded_precisions))
            what = f"No precision is left to convert to: asked for {asked}, excluded {excluded}."
            found.append(StepError(what, where="MixedPrecision(precisions=...)", fix="give precisions=('bf16',) or ('bf16', 'fp16')"))
        if not found:
            found += fault(lambda: self._check_kernels(facts))
        return (*found, *data_faults(facts), *ledger_faults(self))

    def apply(self, handle: ModelHandle, setting: Setting) -> Applied:
        """Tune; details are a ``TuningResult``."""
        if (other := other_strategy(self)) is not None:
            setting.progress.note(f"{STEP} searches with automixedprecision, not with {other!r}")
        if FP16 in wanted_precisions(self) and setting.calibration is None:
            setting.progress.note(f"{STEP}: without calibrate= one batch alone tells whether values go beyond fp16")
        return apply_tuned(handle, floats_only(self), setting)

    def _check_kernels(self, facts: Facts) -> None:
        """The target computes some operator in 16 bits.

        Raises:
            PlanError: it does not, with the reasons.
        """
        batches = () if facts.example is None else (facts.example,)
        found = capabilities_under(facts.adaptor, facts.handle, floats_only(self), batches=batches)
        if not found.lowerable and not is_undecided(found):
            raise nothing_to_convert(found)
