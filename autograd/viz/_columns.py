"""A tall picture set in columns, like the text of a newspaper: what lies below a cut goes on at the top of the next.

Cuts are made where few wires cross and no node or title stands. A wire that is cut runs from the foot of its column
through the gutter to the head of the next; a box that is cut is drawn in pieces.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from dataclasses import dataclass, field

from ._layered import HEADER, PAD, Placement

Rect = tuple[float, float, float, float]
MARGIN, GUTTER, LANE = 8.0, 22.0, 9.0


@dataclass
class _Column:
    """One column: the stretch it shows, where that goes, and the wires that leave at its foot, left to right."""

    low: float
    high: float
    leaving: list[tuple[float, str]] = field(default_factory=list)
    entering: int = 0
    x: float = 0.0  # what is added to the coordinates of the tall picture
    y: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


def fit(place: Placement, rects: dict[str, Rect], wide: float, high: float) -> Placement:
    """The picture in as few columns as make it `high` at most; a large one in as many as give it a screen's form."""
    w, h = place.size
    if place.engine != "builtin" or place.direction != "TB" or h <= high:
        return place
    best, least = place, _badness(place.size, wide, high)
    for n, even in itertools.product(range(2, 8), (3.0, 12.0)):
        cuts = _cuts(place, rects, n, even)
        if cuts is None or (n > 2 and n * w > 6 * wide):
            continue
        made = _set(place, rects, cuts)
        bad = _badness(made.size, wide, high)
        if bad < least:
            best, least = made, bad
        if bad == 0:
            break
    return best


def _badness(size: tuple[float, float], wide: float, high: float) -> float:
    """How many times too large for a screen, 0 when it fits."""
    over = max(size[0] / wide, size[1] / high)
    return 0.0 if over <= 1 else over


# ---------------------------------------------------------------------------------------------- where to cut


def _cuts(place: Placement, rects: dict[str, Rect], n: int, even: float) -> list[float] | None:
    """n − 1 heights at which the picture is cut, or None where there is no such place; `even` weighs equal columns."""
    gaps = _gaps(place, rects)
    total = place.size[1]
    cuts: list[float] = []
    for k in range(1, n):
        ideal = total * k / n
        near = [y for y in gaps if abs(y - ideal) < 0.4 * total / n and y > (cuts[-1] if cuts else 0) + 60]
        if not near:
            return None
        cuts.append(min(near, key=lambda y: even * n * abs(y - ideal) / total + _cost(place, y)))
    return cuts


def _cost(place: Placement, y: float) -> float:
    crossing = sum(way[0][1] < y < way[-1][1] for way in place.wires.values() if way)
    cut_boxes = sum(y0 < y < y1 for _, y0, _, y1 in place.boxes.values())
    return max(0, crossing - 1) + 0.7 * cut_boxes


def _gaps(place: Placement, rects: dict[str, Rect]) -> list[float]:
    """Heights at which no node, text, title or border of a box stands."""
    taken = [(r[1] - 4, r[3] + 4) for r in rects.values()]
    for _, y0, _, y1 in place.boxes.values():
        taken += [(y0 - 4, y0 + HEADER + 6), (y1 - 4, y1 + 4)]
    found, end = [], 0.0
    for a, b in sorted(taken):
        if a - end > 3 and end:
            found.append((a + end) / 2)
        end = max(end, b)
    return found


# ---------------------------------------------------------------------------------------------- the new places


def _set(place: Placement, rects: dict[str, Rect], cuts: list[float]) -> Placement:
    edges = [0.0, *cuts, place.size[1]]
    columns = [_Column(a, b) for a, b in itertools.pairwise(edges)]
    for name, way in place.wires.items():
        for k, y in enumerate(cuts):
            if way and way[0][1] < y < way[-1][1]:
                columns[k].leaving.append((_at(way, y)[0], name))
                columns[k + 1].entering += 1
    for c in columns:
        c.leaving.sort()
    pieces = _pieces(place, rects, cuts)
    _spread(place, rects, columns, cuts, pieces)
    made = Placement(direction=place.direction, engine=place.engine)
    made.nodes = {k: _moved(p, columns, cuts) for k, p in place.nodes.items()}
    made.tags = {k: _moved(p, columns, cuts) for k, p in place.tags.items()}
    for key, (first, *rest) in pieces.items():
        made.boxes[key] = _shifted(first, columns)
        if rest:
            made.pieces[key] = [_shifted(r, columns) for r in rest]
    for name, way in place.wires.items():
        made.wires[name], made.turns[name] = _rewired(name, way, columns, cuts)
    made.size = max(c.right for c in columns) + MARGIN, max(c.bottom for c in columns) + MARGIN
    return made


def _at(way: list, y: float) -> tuple[float, float]:
    """Where along x a wire that is cut at a height leaves and goes on: straight below and above its way points."""
    i = next(i for i, (a, b) in enumerate(itertools.pairwise(way)) if a[1] <= y <= b[1])
    x0, x1 = way[i][0], way[i + 1][0]
    aside = max(-12.0, min(12.0, x1 - x0))
    return x0 + (aside if i == 0 else 0.0), x1 - (aside if i == len(way) - 2 else 0.0)


def _pieces(place: Placement, rects: dict[str, Rect], cuts: list[float]) -> dict[str, list[tuple[int, Rect]]]:
    """The rectangles of each box by column; those of a box that is cut close around what they hold."""
    found: dict[str, list[tuple[int, Rect]]] = {}
    inside_first = sorted(place.boxes.items(), key=lambda item: (item[1][2] - item[1][0]) * (item[1][3] - item[1][1]))
    done: list[tuple[int, Rect]] = []
    edges = [0.0, *cuts, place.size[1]]
    for key, box in inside_first:
        first, last = bisect_left(cuts, box[1]), bisect_left(cuts, box[3])
        if first == last:
            found[key] = [(first, box)]
        else:
            held = [(bisect_left(cuts, r[1]), r) for r in rects.values() if _within(r, box)]
            held += [(k, r) for k, r in done if _within(r, box)]
            ways = [p for way in place.wires.values() for p in way if box[0] < p[0] < box[2] and box[1] < p[1] < box[3]]
            held += [(bisect_left(cuts, y), (x, y, x, y)) for x, y in ways]
            found[key] = []
            for k in range(first, last + 1):
                mine = [r for c, r in held if c == k] or [box]
                low, high = max(box[1], edges[k] + 2), min(box[3], edges[k + 1] - 2)
                found[key].append((k, (min(r[0] for r in mine) - PAD, low, max(r[2] for r in mine) + PAD, high)))
        done += found[key]
    return {key: found[key] for key in place.boxes}


def _within(r: Rect, box: Rect) -> bool:
    return r is not box and box[0] <= (r[0] + r[2]) / 2 <= box[2] and box[1] <= r[1] and r[3] <= box[3]


def _spread(place: Placement, rects: dict[str, Rect], columns: list[_Column], cuts: list[float], pieces: dict) -> None:
    """Put the columns side by side, with room for the wires that pass between them."""
    left = MARGIN
    for k, c in enumerate(columns):
        held = [r for r in rects.values() if bisect_left(cuts, r[1]) == k]
        held += [r for found in pieces.values() for column, r in found if column == k]
        ways = [x for way in place.wires.values() for x, y in way if c.low < y < c.high]
        start = min([r[0] for r in held] + ways, default=0.0)
        stop = max([r[2] for r in held] + ways, default=0.0)
        top = min([r[1] for r in held], default=c.low)
        c.x = left - start
        c.y = MARGIN + LANE * c.entering - (top if k == 0 else c.low)
        c.right = stop + c.x
        c.bottom = (
            c.y
            + min(c.high, max([r[3] for r in held], default=c.high))
            + (LANE * len(c.leaving) + 4 if c.leaving else 0)
        )
        left = c.right + GUTTER + LANE * len(c.leaving)


def _moved(p: tuple[float, float], columns: list[_Column], cuts: list[float]) -> tuple[float, float]:
    c = columns[bisect_left(cuts, p[1])]
    return p[0] + c.x, p[1] + c.y


def _shifted(piece: tuple[int, Rect], columns: list[_Column]) -> Rect:
    k, (x0, y0, x1, y1) = piece
    c = columns[k]
    return x0 + c.x, y0 + c.y, x1 + c.x, y1 + c.y


def _rewired(name: str, way: list, columns: list[_Column], cuts: list[float]) -> tuple[list, dict[int, list]]:
    """The way points of a wire in their columns, and its ways from one column to the next by the point they start at."""
    found: list = []
    turns: dict[int, list] = {}
    for a, b in itertools.pairwise(way):
        found.append(_moved(a, columns, cuts))
        for k in range(bisect_left(cuts, a[1]), bisect_left(cuts, b[1])):
            turn = _turn(name, _at(way, cuts[k]), cuts[k], columns, k)
            turns[len(found)] = turn
            found += [turn[0], turn[-1]]
    return [*found, _moved(way[-1], columns, cuts)] if way else [], turns


def _turn(name: str, x: tuple[float, float], y: float, columns: list[_Column], k: int) -> list:
    """From the foot of column k to the head of the next, without crossing the other wires that go there."""
    here, there = columns[k], columns[k + 1]
    names = [n for _, n in here.leaving]
    place, count = names.index(name), len(names)
    foot = here.bottom - LANE * place  # the rightmost turns first
    gutter = here.right + GUTTER / 2 + LANE * (count - 1 - place)
    head = MARGIN + LANE * (count - 1 - place)
    start, stop = (x[0] + here.x, min(y + here.y, foot)), (x[1] + there.x, y + there.y)
    return [start, (start[0], foot), (gutter, foot), (gutter, head), (stop[0], head), stop]
