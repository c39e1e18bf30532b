"""How a plan wants its graph written, read from its recipes."""

from __future__ import annotations

from typing import Self

import attrs
from inc_config.plan import QuantizationPlan
from inc_config.target import Runtime

LITERAL = "literal"
FLOAT_BIAS = "float_bias"
BIAS_ROOM = "bias_room"
PACKED_WEIGHTS = "packed_weights"
CONTRIB_PAIRS = "contrib_pairs"

RECIPES = frozenset({LITERAL, FLOAT_BIAS, BIAS_ROOM, PACKED_WEIGHTS, CONTRIB_PAIRS})


@attrs.frozen(kw_only=True)
class Manner:
    """How one graph is written.

    ``literal``: pairs stand exactly where operators' plans have them; ``integer_bias``: biases become int32; ``bias_room``: weight scales
    grow until the bias fits; ``packed_weights``: constants of up to 4 bits take half a byte; ``contrib_pairs``: Q and DQ of onnxruntime's
    own domain.
    """

    literal: bool = False
    integer_bias: bool = True
    bias_room: bool = True
    packed_weights: bool = False
    contrib_pairs: bool = False

    @classmethod
    def of(cls, plan: QuantizationPlan) -> Self:
        """The manner of a plan; TensorRT wants biases in float."""
        recipes = plan.recipes
        return cls(
            literal=bool(recipes.get(LITERAL)),
            integer_bias=plan.target.runtime is not Runtime.TENSORRT and not recipes.get(FLOAT_BIAS),
            bias_room=bool(recipes.get(BIAS_ROOM, True)),
            packed_weights=bool(recipes.get(PACKED_WEIGHTS)),
            contrib_pairs=bool(recipes.get(CONTRIB_PAIRS)),
        )
