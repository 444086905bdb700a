"""One look for every plot: quiet, without colours that some cannot tell apart, the same each time.

Colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), but for yellow, which is lost on
white. Vermilion is kept for what missed its deadline. Each colour has a name, by which the page
gives it another tone in the dark (:func:`themed`).
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distributor.analysis.table import printable, shortened

#: By name; matplotlib writes them in lower case.
COLOURS = {
    "ink": "#1b1f24",
    "muted": "#5d6670",
    "grid": "#dde1e6",
    "paper": "#ffffff",
    "late": "#d55e00",
    "series-1": "#0072b2",
    "series-2": "#e69f00",
    "series-3": "#009e73",
    "series-4": "#cc79a7",
    "series-5": "#56b4e9",
    "series-6": "#8a6d3b",
    "series-7": "#7a7f87",
    "series-8": "#332288",
}
#: The same in the dark; page.css has them, too.
DARK = {
    "ink": "#e7eaee",
    "muted": "#9da7b3",
    "grid": "#323941",
    "paper": "#14171a",
    "late": "#ff8a3c",
    "series-1": "#4ba7e5",
    "series-2": "#f0b434",
    "series-3": "#2fbf94",
    "series-4": "#dc97bd",
    "series-5": "#8accf2",
    "series-6": "#bfa06a",
    "series-7": "#a3a9b1",
    "series-8": "#9a8ff0",
}
SERIES = [colour for name, colour in COLOURS.items() if name.startswith("series-")]
#: Lines that differ without their colours, too.
MARKERS = "osD^vPX*"
#: Inches: of a file's plot, and of the one for narrow screens.
WIDE, NARROW = 7.6, 3.7

_FONT = "DejaVu Sans"
_LOOK: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": COLOURS["muted"],
    "axes.grid": True,
    "axes.labelcolor": COLOURS["muted"],
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": COLOURS["ink"],
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.dpi": 96,
    "figure.facecolor": COLOURS["paper"],
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "font.sans-serif": [_FONT],
    "font.size": 9,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": COLOURS["ink"],
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "savefig.dpi": 160,
    # Names are what users gave: no mathematics, and nothing that is called by them.
    "text.parse_math": False,
    "text.color": COLOURS["ink"],
    "text.usetex": False,
    "xtick.color": COLOURS["muted"],
    "xtick.labelsize": 8.5,
    "ytick.color": COLOURS["muted"],
    "ytick.labelsize": 8.5,
    # Text stays text: it can be searched, copied and read aloud.
    "svg.fonttype": "none",
}

#: Draws on an empty figure of a given size.
Drawing = Callable[[Figure], None]


@contextmanager
def _look(salt: str) -> Iterator[None]:
    # Nothing of the user's own settings: the same plot everywhere.
    settings: Any = {**matplotlib.rcParamsDefault, **_LOOK, "svg.hashsalt": salt}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # A name's letters may be of any script; the plot is no worse for an empty box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def picture(drawing: Drawing, kind: str, size: tuple[float, float], *, salt: str = "") -> bytes:
    """The drawing as a file's content, the same bytes each time.

    :param kind: ``png`` or ``svg``.
    :param size: inches.
    :param salt: makes the names within an SVG its own, where several share a page.
    """
    with _look(salt or "distributor"):
        figure = Figure(figsize=size, layout="constrained")
        drawing(figure)
        content = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(content, format=kind, metadata=metadata)
    return content.getvalue()


def save(drawing: Drawing, path: Path, size: tuple[float, float]) -> None:
    """Write the drawing to a file, PNG or SVG by its ending.

    :raise OSError: it cannot be written.
    """
    path.write_bytes(picture(drawing, path.suffix.lower().removeprefix("."), size))


def themed(svg: bytes) -> str:
    """An SVG picture for a page: it takes its colours from the page's style, and its width."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    text = text.replace(f"'{_FONT}'", "var(--font)")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    # Names that nothing refers to, and that each picture of a page would have again.
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    head, rest = text.split(">", 1)
    return re.sub(r' (width|height)="[^"]*"', "", head) + ">" + rest


def darkened(svg: bytes) -> bytes:
    """An SVG picture for a dark page: the same with the colours of the dark."""
    text = svg.decode("utf-8")
    for name, colour in COLOURS.items():
        text = text.replace(colour, DARK[name])
    return text.encode("utf-8")


def label(text: str, width: int = 40) -> str:
    """A name as a plot bears it: on one line, and not too long."""
    return shortened(printable(text), width)


def note(axes: Axes, text: str) -> None:
    """A word in an empty plot that says why it is empty."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes,
              color=COLOURS["muted"])  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
