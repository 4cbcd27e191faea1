"""Images of edge models: built without an engine, verified by starting them."""

from resources.images.builder import build_image
from resources.images.recipe import (
    INFERENCE_DISTRIBUTIONS,
    INFERENCE_PACKAGES,
    SMOKE_TEST_DISTRIBUTIONS,
    SMOKE_TEST_PACKAGES,
    BuiltImage,
    ImageRecipe,
    Layer,
    inference_recipe,
    smoke_test_recipe,
)

__all__ = [
    "INFERENCE_DISTRIBUTIONS",
    "INFERENCE_PACKAGES",
    "SMOKE_TEST_DISTRIBUTIONS",
    "SMOKE_TEST_PACKAGES",
    "BuiltImage",
    "ImageRecipe",
    "Layer",
    "build_image",
    "inference_recipe",
    "smoke_test_recipe",
]
