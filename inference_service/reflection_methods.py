"""The methods of reflection; what answers them is imported when somebody asks."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from inference_service.methods import Method, Quick

if TYPE_CHECKING:
    from inference_service.reflection import Reflection

REFLECTIONS = ("grpc.reflection.v1", "grpc.reflection.v1alpha")

Extra = Callable[[], Sequence[bytes]]
"""Serialized FileDescriptorProtos that the models bring at this moment."""


def reflection_methods(extra: Extra) -> dict[str, Method]:
    """The methods by path. The first question costs 10 ms and 2 MB; most services get none."""

    @cache
    def reflection() -> "Reflection":
        from inference_service.reflection import Reflection

        return Reflection(extra)

    def answer(package: str, message: bytes) -> bytes:
        return reflection().answer(package, message)

    return {
        f"/{package}.ServerReflection/ServerReflectionInfo": Quick(
            partial(answer, package), streaming=True
        )
        for package in REFLECTIONS
    }
