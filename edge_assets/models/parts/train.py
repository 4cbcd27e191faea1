"""Fits a small convolutional network to photographs of parts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.flavours.keras import import_keras
from edge_assets.graphs_of_images import scale

Images = NDArray[np.float32]


def train(
    rows: pd.DataFrame,
    *,
    features: Sequence[str] = ("image",),
    target: str = "part",
    side: int = 24,
    filters: int = 16,
    units: int = 64,
    dropout: float = 0.3,
    reach: int = 2,
    epochs: int = 30,
    batch_size: int = 64,
    learning_rate: float = 0.003,
    seed: int = 42,
    threads: int = 1,
) -> Any:
    """A Keras model that sees images of `side` x `side` pixels and tells one probability a class.

    `rows` have PNG bytes in the column of `features`, and the name of the class in `target`; the
    classes are those that occur, in ascending order. In each epoch every image is moved by up to
    `reach` pixels: where a part lies says nothing. The learning rate falls to zero along a cosine
    (Loshchilov, Hutter 2017), so that the last epochs agree with each other. There is no early
    stopping: it would hold back rows that the holdout already stands for. The same rows and
    parameters give the same model on the same machine.
    """
    import torch

    keras = import_keras()
    (column,) = features
    classes, labels = np.unique(rows[target].to_numpy(dtype=str), return_inverse=True)
    images = scale(rows[column], side, side)
    rng = np.random.default_rng(seed)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        keras.utils.set_random_seed(seed)
        model = network(side, filters, units, dropout, len(classes))
        steps = epochs * -(-len(images) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        model.compile(keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
        for _ in range(epochs):
            model.fit(moved(images, reach, rng), labels, batch_size=batch_size, verbose=0)
    finally:
        torch.set_num_threads(before)
    return model


def network(side: int, filters: int, units: int, dropout: float, classes: int) -> Any:
    """Two convolutions and two dense layers: float32 [rows, side, side, 3] from 0 to 255 in.

    Names of layers are given: those that Keras makes up count all layers of the process.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((side, side, 3), name="image"),
            layers.Rescaling(1 / 127.5, -1, name="normalise"),
            layers.Conv2D(filters, 3, padding="same", activation="relu", name="strokes"),
            layers.MaxPooling2D(name="strokes_pooled"),
            layers.Conv2D(2 * filters, 3, padding="same", activation="relu", name="shapes"),
            layers.MaxPooling2D(name="shapes_pooled"),
            layers.Flatten(name="flat"),
            layers.Dense(units, activation="relu", name="hidden"),
            layers.Dropout(dropout, name="dropout"),
            layers.Dense(classes, activation="softmax", name="classes"),
        ],
        name="parts",
    )


def moved(images: Images, reach: int, rng: np.random.Generator) -> Images:
    """Each image moved by up to `reach` pixels in both directions, its edge repeated behind it."""
    count, height, width = images.shape[:3]
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    down, right = rng.integers(0, 2 * reach + 1, (2, count))
    lines = down[:, None] + np.arange(height)
    columns = right[:, None] + np.arange(width)
    shifted: Images = padded[np.arange(count)[:, None, None], lines[:, :, None], columns[:, None]]
    return shifted
