"""Bars as SVG: what a reader takes in at a glance."""

import dataclasses
import html
import math

WIDTH, LABELS, RIGHT, TOP, LINE = 960, 400, 130, 64, 26
OURS, MISSED, PAIRS, GRID, TEXT, FAINT = "#2b6cb0", "#c05621", "#1a202c", "#e2e8f0", "#1a202c", "#718096"


@dataclasses.dataclass
class Bar:
    work: str
    measure: str
    ratio: float
    pairs: list  # of single pairs
    needed: float | None
    is_missed: bool
    peer: str


def ratios(title, bars):
    """Each bar begins at 1, which is the peer; a whisker spans the single pairs, a tick stands at what is to be reached."""
    least, most = bounds(bars)
    height = TOP + LINE * len(bars) + 40

    def x(ratio):
        share = (math.log10(ratio) - least) / (most - least)
        return LABELS + share * (WIDTH - LABELS - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="{TEXT}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(16, 26, title, size=15, weight="bold"),
        *axis(x, least, most, height),
    ]
    for number, bar in enumerate(bars):
        parts += drawn(bar, x, TOP + LINE * number)
    return "\n".join([*parts, "</svg>", ""])


def bounds(bars):
    """Powers of ten, as exponents, in steps of a half; the peer's 1 is within."""
    values = [value for bar in bars for value in (*bar.pairs, bar.ratio, bar.needed or 1)] + [1]
    return math.floor(2 * math.log10(min(values))) / 2, math.ceil(2 * math.log10(max(values)) + 0.01) / 2


def axis(x, least, most, height):
    for ratio in (0.001, 0.01, 0.03, 0.1, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 100):
        if not least <= math.log10(ratio) <= most:
            continue
        color, thick = (FAINT, 1.5) if ratio == 1 else (GRID, 1)
        yield f'<line x1="{x(ratio):.1f}" y1="{TOP - 12}" x2="{x(ratio):.1f}" y2="{height - 28}" stroke="{color}" stroke-width="{thick}"/>'
        yield text(x(ratio), height - 12, f"{ratio:g} ×", anchor="middle", color=FAINT)


def drawn(bar, x, top):
    middle = top + LINE / 2
    left, right = sorted((x(1), x(bar.ratio)))
    low, high = x(min(bar.pairs)), x(max(bar.pairs))
    yield text(LABELS - 8, middle - 1, bar.work, anchor="end")
    yield text(LABELS - 8, middle + 10, f"{bar.measure}, beside {bar.peer}", anchor="end", size=9, color=FAINT)
    yield (
        f'<rect x="{left:.1f}" y="{top + 5}" width="{max(1, right - left):.1f}" height="{LINE - 12}" '
        f'fill="{MISSED if bar.is_missed else OURS}"/>'
    )
    yield f'<line x1="{low:.1f}" y1="{middle - 1}" x2="{high:.1f}" y2="{middle - 1}" stroke="{PAIRS}" stroke-width="1.5"/>'
    if bar.needed is not None:
        at = x(bar.needed)
        yield f'<line x1="{at:.1f}" y1="{top + 2}" x2="{at:.1f}" y2="{top + LINE - 4}" stroke="{MISSED}" stroke-width="2"/>'
    yield text(WIDTH - 12, middle + 3, f"{bar.ratio:.2f} ×", anchor="end", weight="bold")


def text(x, y, words, anchor="start", size=12, weight="normal", color=TEXT):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{color}">'
        f"{html.escape(words)}</text>"
    )
