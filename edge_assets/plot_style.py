"""The one look of all pictures, and how a picture becomes a line of Markdown.

The title says what is seen, the line under it says how good it is, in figures. Blue is what is
well, orange is what asks for attention, grey is what waits; the two colours differ in brightness
too, for those who do not see them apart. Figures are made without pyplot: no global state.
"""

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, PALE, ORANGE, GREY = "#2b6cb0", "#a9c7e8", "#d9660a", "#c3c9d1"
INK, QUIET, RULE = "#1f2933", "#5f6b7a", "#e3e7ec"
DASHES = (0, (4, 3))
_WIDTH, _DPI = 6.0, 100


def new_figure(height: float) -> "tuple[Figure, Axes]":
    """A figure without pyplot: no global state, no display, Agg only."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.grid(True, axis="x", color=RULE, lw=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def bar_figure(bars: int) -> "tuple[Figure, Axes]":
    """A figure for so many horizontal bars, of one thickness in all pictures, the first on top."""
    figure, axes = new_figure(1.7 + 0.28 * max(1, bars))
    axes.set_ylim(max(1, bars) - 0.4, -0.6)
    return figure, axes


def say_instead(axes: "Axes", text: str) -> None:
    """A sentence in place of a picture that has nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=QUIET)
    axes.set_axis_off()


def as_markdown(figure: "Figure", axes: "Axes", title: str, note: str) -> str:
    """Title, line under it and legend are placed; the picture becomes a line of Markdown."""
    height = figure.get_figheight()
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=4,
            frameon=False,
            fontsize=9,
            labelcolor=QUIET,
        )
    figure.text(0.012, 1 - 0.1 / height, title, va="top", size=12.5, weight="bold", color=INK)
    figure.text(0.012, 1 - 0.36 / height, note, va="top", size=9.5, color=QUIET)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.005, 0.0, 0.985, 1 - 0.6 / height))  # type: ignore[call-arg]
    alt = f"{title}: {note}".replace("[", "(").replace("]", ")")
    return f"![{alt}](data:image/png;base64,{base64.b64encode(_png(figure)).decode()})"


def _png(figure: "Figure") -> bytes:
    """The picture in 128 colours: a third of the bytes, and no eye sees it."""
    from PIL import Image

    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    picture = Image.open(raw).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def label_axes(axes: "Axes", x: str, y: str) -> None:
    """The names of both axes, with units."""
    axes.set_xlabel(x, fontsize=9.5, color=QUIET)
    axes.set_ylabel(y, fontsize=9.5, color=QUIET)


def in_figures(value: float) -> str:
    """Three significant figures, without an exponent for everyday sizes."""
    return f"{value:.3g}" if abs(value) < 1_000 else f"{value:,.0f}"


def shorten(name: str) -> str:
    """A name in at most 24 characters, its end kept: devices differ there.

    Dollar signs are escaped: matplotlib would read formulas between them.
    """
    short = name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"
    return short.replace("$", r"\$")
