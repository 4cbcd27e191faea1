"""Pictures of classifications, as lines of Markdown like those of `plots`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_assets.core.measuring import confusion
from edge_assets.plot_style import INK, as_markdown, label_axes, new_figure, say_instead, shorten

_MOST_CLASSES = 20


def confusion_matrix(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, classes: Sequence[Any]
) -> str:
    """Markdown: how often each class (a row) was told as each (a column); right on the diagonal.

    Colours are shares of the row, so that a rare class is seen as well as a frequent one. Of many
    classes the 20 with the most mistakes are shown.
    """
    counts = confusion(actual, predicted, classes)
    rows, right = int(counts.sum()), int(np.trace(counts))
    names = [str(label) for label in classes]
    figure, axes = new_figure(1.8 + 0.24 * min(len(names), _MOST_CLASSES))
    if not rows:
        say_instead(axes, "nothing to compare")
        return as_markdown(figure, axes, "Confusion matrix", "no rows")
    note = f"{right:,} of {rows:,} rows right ({right / rows:.2%})"
    if len(names) > _MOST_CLASSES:
        wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
        shown = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])
        counts, names = counts[np.ix_(shown, shown)], [names[place] for place in shown]
        note += f"; the {_MOST_CLASSES} classes with the most mistakes"
    from edge_assets.plots import blues

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=blues(), vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.45 else INK
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), [shorten(name) for name in names])
    axes.set_yticks(range(len(names)), [shorten(name) for name in names])
    if max(map(len, names)) > 4:
        axes.tick_params(axis="x", rotation=30)
    axes.grid(False)
    label_axes(axes, "predicted", "actual")
    return as_markdown(figure, axes, "Confusion matrix", note)
