"""From ``tuning`` to what every step that lowers precision is told."""

from __future__ import annotations

from typing import Any

from inc_config.compat.document.tuning import V1AccuracyCriterion, V1Diagnosis, V1Strategy, V1Tuning
from inc_config.compat.translate.remarks import Remarks
from inc_config.named import Named
from inc_config.tuning import DiagnosisConfig, ExitPolicy, LossKind, Objective, ObjectiveKind, TuningConfig

_OBJECTIVES = {
    "accuracy": ObjectiveKind.ACCURACY,
    "performance": ObjectiveKind.LATENCY,
    "modelsize": ObjectiveKind.SIZE,
    "footprint": ObjectiveKind.MEMORY,
}


def criterion_of(criterion: V1AccuracyCriterion | None, path: str, today: str, remarks: Remarks) -> dict[str, Any]:
    """The fields that say how much accuracy may be lost."""
    if criterion is None:
        return {}
    name = "absolute" if criterion.relative is None else "relative"
    loss: float = getattr(criterion, name)
    if loss < 0:
        remarks.changed(f"{path}.{name}", "A loss below 0 demands a gain; it is read as no loss at all.", f"{today}.accuracy_loss")
    if name == "relative" and loss >= 1:
        remarks.changed(f"{path}.relative", "Any accuracy meets a relative loss of 1 or more.", f"{today}.accuracy_loss")
    higher = {} if criterion.higher_is_better is None else {"higher_is_better": criterion.higher_is_better}
    return {"accuracy_loss": max(0.0, loss), "loss_kind": LossKind(name), **higher}


def tuning_of(
    tuning: V1Tuning | None, path: str, today: str, remarks: Remarks, *, sizes: tuple[int, ...] = (), level: str | int | None = None
) -> TuningConfig:
    """The search; ``sizes`` are further sizes of the calibration data, ``level`` is 2.x's quant_level."""
    tuning = tuning or V1Tuning()
    remarks.drop_given(tuning, path, ("tensorboard",))
    if tuning.workspace is not None and tuning.workspace.resume is not None:
        text = "1.x snapshots cannot be read; a run resumes by itself where its workspace holds one."
        remarks.dropped(f"{path}.workspace.resume", text)
    return TuningConfig(
        strategy=_strategy(tuning.strategy, level, path, f"{today}.strategy", remarks),
        objectives=_objectives(tuning, path, remarks),
        exit_policy=_exit(tuning, path, f"{today}.exit_policy", remarks),
        calibration_samples=sizes,
        diagnosis=_diagnosis(tuning.diagnosis, f"{path}.diagnosis", f"{today}.diagnosis", remarks),
        **_seed(tuning, path, f"{today}.seed", remarks),
    )


def _seed(tuning: V1Tuning, path: str, today: str, remarks: Remarks) -> dict[str, Any]:
    seed = tuning.random_seed
    if seed is None:
        return {}
    if seed < 0:
        remarks.changed(f"{path}.random_seed", "Seeds are not negative; the sign is dropped.", today)
    return {"seed": abs(seed)}


def _strategy(strategy: V1Strategy | None, level: str | int | None, path: str, today: str, remarks: Remarks) -> Named:
    if level in (0, "auto"):
        name = "auto" if level == "auto" else "conservative"
        if strategy is not None:
            remarks.changed("$.quantization.quant_level", f"It decides the strategy ({name}), whatever tuning.strategy says.", today)
        return Named(name)
    if strategy is None:
        return Named("basic")
    names = ("sigopt_api_token", "sigopt_project_id", "sigopt_experiment_name", "accuracy_weight", "latency_weight", "confidence_batches")
    if strategy.hawq_v2_loss is not None:
        remarks.manual(f"{path}.strategy.hawq_v2_loss", "A loss is a function: give it in code.", today)
    return Named(strategy.name, {name: value for name in names if (value := getattr(strategy, name)) is not None})


def _objectives(tuning: V1Tuning, path: str, remarks: Remarks) -> tuple[Objective, ...]:
    several = tuning.multi_objectives
    if several is None or len(several.objective) == 1:
        single = tuning.objective or (several.objective[0] if several else "performance")
        if several is not None and tuning.objective is not None:
            remarks.dropped(f"{path}.multi_objectives", "It names one objective; 'objective' counts, as before.")
        return (Objective(kind=_OBJECTIVES[single]),)
    if tuning.objective is not None:
        remarks.dropped(f"{path}.objective", "multi_objectives counts, as before.")
    weights = several.weight or (1.0,) * len(several.objective)
    directions = several.higher_is_better or (None,) * len(several.objective)
    made = [
        Objective(kind=_OBJECTIVES[name], weight=weight, higher_is_better=higher)
        for name, weight, higher in zip(several.objective, weights, directions, strict=True)
        if weight > 0
    ]
    if len(made) < len(several.objective):
        remarks.dropped(f"{path}.multi_objectives.weight", "Objectives without a weight above 0 are left out.")
    return tuple(made) or (Objective(),)


def _exit(tuning: V1Tuning, path: str, today: str, remarks: Remarks) -> ExitPolicy:
    policy = tuning.exit_policy
    if policy is None:
        return ExitPolicy()
    path = f"{path}.exit_policy"
    if policy.max_trials == 0:
        remarks.changed(f"{path}.max_trials", "At least one trial is made.", f"{today}.max_trials")
    if policy.performance_only:
        text = "One trial, whatever its accuracy: the evaluation of the file is left out."
        remarks.changed(f"{path}.performance_only", text, f"{today}.max_trials")
        return ExitPolicy(max_trials=1)
    if policy.timeout:
        text = "The search goes on to the end of the time and returns the best model, as before."
        remarks.changed(f"{path}.timeout", text, f"{today}.timeout_s")
    trials = 100 if policy.max_trials is None else max(1, policy.max_trials)
    return ExitPolicy(max_trials=trials, timeout_s=policy.timeout or 0, first_success=not policy.timeout)


def _diagnosis(diagnosis: V1Diagnosis | None, path: str, today: str, remarks: Remarks) -> DiagnosisConfig | None:
    if diagnosis is None:
        return None
    if diagnosis.diagnosis_after_tuning is False:
        remarks.dropped(f"{path}.diagnosis_after_tuning", "Without it nothing was inspected: there is no diagnosis.")
        return None
    if diagnosis.iteration_list:
        remarks.changed(f"{path}.iteration_list", "Batches are counted from 0.", f"{today}.batches")
    keeps = diagnosis.save_to_disk is not False
    return DiagnosisConfig(
        ops=diagnosis.op_list or (),
        batches=tuple(max(0, number - 1) for number in diagnosis.iteration_list or (1,)),
        inspect=diagnosis.inspect_type or "all",
        folder=(diagnosis.save_path or "nc_workspace/inspect_saved") if keeps else None,
    )
