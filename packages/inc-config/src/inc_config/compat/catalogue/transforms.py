"""Transforms of inputs and of outputs."""

from __future__ import annotations

from inc_config.compat.named_shapes import Arguments, Names
from inc_config.compat.values import anything, at_least_one, choice, decimal, either, flag, integer, number, shape, text, whole
from inc_config.compat.values import each as several

_size = several(at_least_one, least=1)
_sizes = {"size": _size}
_interpolation = choice("nearest", "bilinear", "bicubic")
_decimals = several(decimal(), least=1)
_numbers = several(number, least=1)
_extent = {"height": whole(minimum=1), "width": whole(minimum=1)}
_BOX = ("offset_height", "offset_width", "target_height", "target_width")
_METHODS = ("bilinear", "lanczos3", "lanczos5", "bicubic", "gaussian", "nearest", "area", "mitchellcubic")
_NOTHING = Arguments()
_PLAIN = (
    "ToNDArray", "RandomHorizontalFlip", "RandomVerticalFlip", "ToTensor", "ToPILImage", "Rescale", "ToArray",
    "ParseDecodeImagenet", "ParseDecodeCoco", "ParseDecodeVoc",
)  # fmt: skip

TRANSFORMS = Names(
    {
        **dict.fromkeys(_PLAIN, _NOTHING),
        "ResizeWithRatio": Arguments(
            {"min_dim": whole(minimum=1), "max_dim": whole(minimum=1), "padding": flag, "constant_value": whole()}
        ),
        "CropToBoundingBox": Arguments({name: whole(minimum=0) for name in _BOX}, required=_BOX),
        "Cast": Arguments({"dtype": text}),
        "RandomResizedCrop": Arguments(
            {**_sizes, "scale": _numbers, "ratio": _numbers, "interpolation": _interpolation}, required=["size"]
        ),
        "AlignImageChannel": Arguments({"dim": whole(minimum=1)}),
        "CropResize": Arguments(
            {**{name: whole(minimum=0) for name in ("x", "y", "width", "height")}, **_sizes, "interpolation": _interpolation},
            required=["x", "y", "width", "height", "size"],
        ),
        "Normalize": Arguments({"mean": _decimals, "std": _decimals, "rescale": _numbers}),
        "Resize": Arguments({**_sizes, "interpolation": _interpolation}, required=["size"]),
        "RandomCrop": Arguments(_sizes, required=["size"]),
        "CenterCrop": Arguments(_sizes, required=["size"]),
        "PaddedCenterCrop": Arguments({**_sizes, "crop_padding": whole(minimum=1)}, required=["size"]),
        "QuantizedInput": Arguments({"dtype": choice("int8", "uint8"), "scale": decimal(above=0.0)}),
        "Transpose": Arguments({"perm": several(integer, least=1)}, required=["perm"]),
        "BilinearImagenet": Arguments(
            {**_extent, "central_fraction": number, "mean_value": _numbers, "scale": number}, required=["height", "width"]
        ),
        "ResizeCropImagenet": Arguments(
            {
                **_extent,
                "random_crop": flag,
                "slice_crop": flag,
                "resize_side": whole(minimum=1),
                "resize_method": choice(*_METHODS),
                "random_flip_left_right": flag,
                "data_format": choice("channels_first", "channels_last"),
                "subpixels": choice("BGR", "RGB"),
                "mean_value": _numbers,
                "scale": number,
            },
            required=["height", "width"],
        ),
        "ResizeWithAspectRatio": Arguments(_extent, required=["height", "width"]),
        "KerasRescale": Arguments({"rescale": _numbers}),
    },
    "transform",
    least=0,
)

_SQUAD = Arguments(
    {"label_file": text, "vocab_file": text, "do_lower_case": flag, "max_seq_length": whole(minimum=1)},
    required=["label_file", "vocab_file"],
)

POSTPROCESS = Names(
    {
        "LabelShift": Arguments({"label_shift": whole()}, scalar="label_shift"),
        "Collect": Arguments({"length": whole(minimum=1)}, required=["length"]),
        "SquadV1": _SQUAD,
        "SquadV1ModelZoo": _SQUAD,
        "Reshape": Arguments({"shape": either(shape, anything)}, scalar="shape"),
    },
    "transform of outputs",
    least=0,
)
