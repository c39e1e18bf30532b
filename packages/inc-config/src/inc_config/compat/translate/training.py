"""From a ``train`` section to a training by name."""

from __future__ import annotations

from typing import Any

from inc_config.compat.document.train import V1Train
from inc_config.compat.translate.data import loader_of, postprocess_of
from inc_config.compat.translate.remarks import Remarks
from inc_config.named import Named
from inc_config.training import TrainingConfig

_EPSILON = 1e-7
"""Default of 1.x (Keras) for Adam and AdamW; PyTorch has 1e-8."""
_LABEL_LOSSES = {"CE": "cross_entropy", "MSE": "mse"}


def training_of(train: V1Train | None, path: str, today: str, remarks: Remarks) -> TrainingConfig | None:
    """A training: data, the loss against labels, the optimizer, and how long."""
    if train is None:
        return None
    remarks.comes_from(path, today)
    remarks.drop_given(train, path, ("frequency", "execution_mode", "hostfile"))
    if train.dataloader is None:
        remarks.manual(path, "It has no dataloader: give train_loader in code.", f"{today}.data")
    return TrainingConfig(
        data=loader_of(train.dataloader, f"{path}.dataloader", f"{today}.data", remarks),
        loss=_loss(train.criterion[0], f"{path}.criterion", f"{today}.loss", remarks),
        optimizer=_optimizer(train.optimizer[0]),
        epochs=_epochs(train, path, f"{today}.epochs", remarks),
        steps_per_epoch=train.iteration or None,
        postprocess=postprocess_of(train.postprocess, f"{path}.postprocess", f"{today}.postprocess", remarks),
    )


def _epochs(train: V1Train, path: str, today: str, remarks: Remarks) -> int | None:
    if train.end_epoch is None:
        epochs = train.epoch
        if train.start_epoch:
            remarks.dropped(f"{path}.start_epoch", "Epochs are counted from 0, and there is no end_epoch.")
    else:
        epochs = train.end_epoch - (train.start_epoch or 0)
        if train.epoch is not None:
            remarks.dropped(f"{path}.epoch", "end_epoch says how long the training is.")
        if train.start_epoch:
            remarks.changed(f"{path}.start_epoch", "Epochs are counted from 0; their number stays.", today)
    if epochs == 0:
        remarks.changed(path, "No epoch at all would be trained; one is.", today)
    return None if epochs is None else max(1, epochs)


def _loss(criterion: Named, path: str, today: str, remarks: Remarks) -> Named:
    """The loss against labels; a distillation's own terms are the step's."""
    inner = f"{path}.{criterion.name}"
    if criterion.name not in ("CrossEntropyLoss", "SparseCategoricalCrossentropy"):
        kind = (criterion.args.get("loss_types") or ("CE",))[0] if criterion.name == "KnowledgeDistillationLoss" else "CE"
        if kind not in _LABEL_LOSSES:
            remarks.changed(f"{inner}.loss_types", f"{kind} against labels is not offered; the training uses cross_entropy.", today)
        return Named(_LABEL_LOSSES.get(kind, "cross_entropy"))
    if "from_logits" in criterion.args:
        remarks.dropped(f"{inner}.from_logits", "Losses are taken from logits.")
    reduction = criterion.args.get("reduction", "mean")
    if reduction in ("mean", "sum"):
        return Named("cross_entropy", {} if reduction == "mean" else {"reduction": "sum"})
    remarks.changed(f"{inner}.reduction", f"A training needs one number: {reduction!r} is read as 'mean'.", today)
    return Named("cross_entropy")


def _optimizer(optimizer: Named) -> Named:
    args: dict[str, Any] = dict(optimizer.args)
    if optimizer.name != "SGD":
        args.setdefault("epsilon", _EPSILON)
    return Named(optimizer.name.lower(), args)
