"""From LPOT 1.2's ``pruning.magnitude`` to a pruning step."""

from __future__ import annotations

from inc_config.compat.document.pruning import LpotMagnitude, V1Pruning
from inc_config.compat.translate.pruning_rules import literal, texts_of
from inc_config.compat.translate.remarks import Remarks
from inc_config.pruning import EpochWindow, PruneConfig, PruneOverride, ScheduleKind, Scope

PATH = "$.pruning"


def by_policy(section: V1Pruning, today: str, remarks: Remarks) -> PruneConfig:
    """The step; a policy with weights of its own overrides it for these."""
    initial = 0.0 if section.init_sparsity is None else section.init_sparsity
    target = 0.5 if section.target_sparsity is None else section.target_sparsity
    remarks.comes_from(f"{PATH}.init_sparsity", f"{today}.initial_sparsity")
    overrides: list[tuple[str, LpotMagnitude]] = []
    for name, policy in (section.magnitude or {}).items():
        path = f"{PATH}.magnitude.{name}"
        remarks.drop_given(policy, path, ("method",), "Scores are taken element by element, whatever the method.")
        remarks.drop_given(policy, path, ("start_epoch", "end_epoch"), "The epochs of the section count, as before.")
        if not policy.weights:
            target = target if policy.target_sparsity is None else policy.target_sparsity
            initial = initial if policy.init_sparsity is None else policy.init_sparsity
        else:
            remarks.comes_from(path, f"{today}.overrides[{len(overrides)}]")
            remarks.comes_from(f"{path}.init_sparsity", f"{today}.overrides[{len(overrides)}].initial_sparsity")
            overrides.append((path, policy))
    return PruneConfig(
        target_sparsity=target,
        initial_sparsity=initial,
        epochs=EpochWindow(
            start=section.start_epoch or 0, end=4 if section.end_epoch is None else section.end_epoch, frequency=section.frequency or 2
        ),
        schedule=ScheduleKind.LINEAR,
        scope=Scope.LOCAL,
        include=texts_of((weight for _, policy in overrides for weight in policy.weights or ()), literal),
        overrides=[_override(path, policy, remarks) for path, policy in overrides],
    )


def _override(path: str, policy: LpotMagnitude, remarks: Remarks) -> PruneOverride:
    return remarks.make(
        path,
        lambda: PruneOverride(
            include=texts_of(policy.weights, literal),
            target_sparsity=policy.target_sparsity,
            initial_sparsity=policy.init_sparsity,
        ),
        instead=PruneOverride(include=".*"),
    )
