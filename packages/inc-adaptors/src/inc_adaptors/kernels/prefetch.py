"""Ask for memory before it is needed: loops that wait for their own stores do not run far enough ahead to do it by themselves."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core.cgutils import int32_t, ir, voidptr_t  # type: ignore[attr-defined]  # llvmlite's ir, as numba itself reaches it
from numba.extending import intrinsic

LINE = 16
"""Values of 4 bytes in a cache line."""

_READ, _KEEP_NEAR, _DATA = 0, 3, 1  # arguments of LLVM's prefetch intrinsic


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Generate the code of ``prefetch``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), voidptr_t)
        kind = ir.FunctionType(ir.VoidType(), [voidptr_t, int32_t, int32_t, int32_t])
        function = builder.module.declare_intrinsic("llvm.prefetch", [voidptr_t], kind)
        builder.call(function, [address, int32_t(_READ), int32_t(_KEEP_NEAR), int32_t(_DATA)])
        return context.get_dummy_value()

    return types.void(array, index), generate


prefetch: Any = intrinsic(_prefetch)
"""``prefetch(array, index)``, in compiled code only: start loading that element of a flat contiguous array, bounds unchecked."""
