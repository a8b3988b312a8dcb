"""What Numba's Python lacks: instructions on addresses, and typed names for what compiles. They check nothing: whoever asks keeps memory alive."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def kernel(function: Compiled) -> Compiled:
    """Compiled into whatever calls it."""
    return cast("Compiled", njit(nogil=True)(function))


def entry(signature: str) -> Callable[[Compiled], Compiled]:
    """Compiled when its module is first imported on a machine, and kept in NUMBA_CACHE_DIR (config/settings.py)."""
    return cast("Callable[[Compiled], Compiled]", njit(signature, nogil=True, cache=True))


def instruction(function: Callable[..., Any]) -> Any:
    """One that is written for LLVM: given the types of the arguments, it answers the signature and the code."""
    return intrinsic(function)


def load(kind: types.Type, *, swapped: bool = False) -> Any:
    """Gives what stands at an address. `swapped`: a number that is stored with its most significant byte first."""

    @instruction
    def code_of(_: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            stored = builder.load(builder.inttoptr(arguments[0], context.get_value_type(kind).as_pointer()), align=1)
            return builder.bswap(stored) if swapped else stored

        return kind(types.int64), code

    return code_of


def store(kind: types.Type) -> Any:
    """Writes a value at an address."""

    @instruction
    def code_of(_: Any, address: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.store(arguments[1], builder.inttoptr(arguments[0], arguments[1].type.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, kind), code

    return code_of


@instruction
def copy(_: Any, to: Any, source: Any, size: Any) -> Any:
    """Bytes from one address to another; they do not overlap."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, source = (builder.inttoptr(address, ir.IntType(8).as_pointer()) for address in arguments[:2])
        cgutils.raw_memcpy(builder, to, source, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code
