"""From ``pruning`` to a step."""

from __future__ import annotations

from inc_config.compat.document.pruning import V1Pruning, V1PruningApproach, V1WeightCompression
from inc_config.compat.translate.compression import by_epochs_or_steps
from inc_config.compat.translate.compression_v2 import by_v2
from inc_config.compat.translate.magnitude import by_policy
from inc_config.compat.translate.remarks import Remarks
from inc_config.compat.translate.training import training_of
from inc_config.pruning import PruneConfig

PATH = "$.pruning"


def prune_of(section: V1Pruning, today: str, remarks: Remarks) -> PruneConfig:
    """The step, of whichever flavour the section is."""
    remarks.comes_from(PATH, today)
    if section.magnitude is not None:
        remarks.drop_given(section, PATH, ("train", "approach"), "LPOT's 'magnitude' counts.")
        return remarks.make(PATH, lambda: by_policy(section, today, remarks), instead=PruneConfig())
    approach = section.approach or V1PruningApproach()
    training = training_of(section.train, f"{PATH}.train", f"{today}.training", remarks)
    kinds = [name for name in ("weight_compression_v2", "weight_compression_pytorch", "weight_compression") if getattr(approach, name)]
    for name in kinds[1:]:
        remarks.dropped(f"{PATH}.approach.{name}", f"{kinds[0]} counts; write a second file for a second pruning.")
    path = f"{PATH}.approach.{kinds[0]}" if kinds else PATH
    if kinds:
        remarks.comes_from(path, today)
    v2, steps = approach.weight_compression_v2, approach.weight_compression_pytorch
    if v2 is not None:
        return remarks.make(path, lambda: by_v2(v2, path, today, remarks, training=training), instead=PruneConfig())
    found = steps or approach.weight_compression or V1WeightCompression()
    return remarks.make(
        path,
        lambda: by_epochs_or_steps(found, path, today, remarks, training=training, steps=steps is not None),
        instead=PruneConfig(),
    )
