"""Layered layout without Graphviz: ranks, order within a rank, coordinates, one level of boxes at a time.

All of this works in two directions named for what they mean: `along` the flow (x when the picture runs left to right)
and `across` it. A box (module) is laid out by itself first and is then one item of the level around it; a wire that
enters or leaves a box passes a terminal on its border, for which the inner level keeps a lane free. So wires never
run through foreign nodes, and a box holds exactly its own nodes.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from dataclasses import dataclass, field

PAD, HEADER, LANE = 12.0, 24.0, 10.0
SWEEPS, RELAX, STRAIGHTEN = 12, 24, 8
SPINE = 12.0  # weight of a wire that is to be straight


@dataclass
class Link:
    """A wire to be placed: its ends, the room for its text, and how much it wants to be straight."""

    id: str
    source: str
    target: str
    tag: tuple[float, float] | None = None
    weight: float = 1.0


@dataclass
class Placement:
    """Centres of nodes and tags, way points of wires, rectangles of boxes, size of the whole; in pixels."""

    nodes: dict[str, tuple[float, float]] = field(default_factory=dict)
    tags: dict[str, tuple[float, float]] = field(default_factory=dict)
    wires: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    boxes: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    curves: dict[str, tuple] = field(default_factory=dict)  # wire -> (control points, tip), from Graphviz
    pieces: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=dict)  # box -> its other parts
    turns: dict[str, dict[int, list]] = field(default_factory=dict)  # wire -> way point -> its way to the next column
    size: tuple[float, float] = (0.0, 0.0)
    direction: str = "LR"
    engine: str = "builtin"


class Cycle(Exception):
    """The boxes, taken as single items, form a cycle: the picture is laid out without them."""


@dataclass(eq=False)
class _Item:
    """Something that takes room in a rank: a node, a box, a tag, a terminal or a wire passing by."""

    key: tuple
    across: float
    along: float
    rank: int = 0
    place: float = 0.0  # centre, across
    index: int = 0
    up: list = field(default_factory=list)  # (item, offset there, offset here, weight)
    down: list = field(default_factory=list)


def place(
    sizes: dict, links: list[Link], paths: dict, headers: dict, direction: str, gaps: tuple[float, float]
) -> Placement:
    """Lay out nodes of the given sizes.

    Args:
        sizes: node -> (width, height).
        paths: node -> ids of the boxes around it, outermost first.
        headers: box -> width of its title.
        gaps: distance of neighbours across, of ranks along.
    """
    flat = direction == "LR"
    turned = {k: (h, w) if flat else (w, h) for k, (w, h) in sizes.items()}
    for link in links:
        if link.tag and flat:
            link.tag = link.tag[::-1]
    try:
        level = _Level((), turned, links, paths, headers, gaps, flat)
    except Cycle:
        level = _Level((), turned, links, dict.fromkeys(paths, ()), {}, gaps, flat)
    result = Placement(direction=direction)
    level.write(result, 8.0, 8.0)
    result.size = level.across + 16, level.along + 16
    return _turned(result) if flat else result


def _turned(p: Placement) -> Placement:
    swap = lambda q: (q[1], q[0])  # noqa: E731
    return Placement(
        {k: swap(v) for k, v in p.nodes.items()}, {k: swap(v) for k, v in p.tags.items()},
        {k: [swap(q) for q in v] for k, v in p.wires.items()},
        {k: (b[1], b[0], b[3], b[2]) for k, b in p.boxes.items()},
        size=swap(p.size), direction=p.direction, engine=p.engine,
    )  # fmt: skip


class _Level:
    """The inside of one box, or of the whole picture."""

    def __init__(
        self, path: tuple, sizes: dict, links: list, paths: dict, headers: dict, gaps: tuple, flat: bool
    ) -> None:
        self.path, self.gaps, self.flat = path, gaps, flat
        self.items: dict[tuple, _Item] = {}
        self.inner: dict[str, _Level] = {}
        self.chains: dict[str, list] = {}  # link -> the items it runs through on this level
        self.header = headers.get(path[-1], 0.0) if path else 0.0
        self.fill(sizes, links, paths, headers)
        self.rank()
        self.rows = self.ordered()
        self.relax()
        self.measure()

    # ------------------------------------------------------------------ what is on this level

    def fill(self, sizes: dict, links: list, paths: dict, headers: dict) -> None:
        n = len(self.path)
        inside = {k for k, p in paths.items() if p[:n] == self.path}
        for name in (k for k in sizes if k in inside):
            if len(paths[name]) == n:
                self.items["node", name] = _Item(("node", name), *sizes[name])
            elif paths[name][n] not in self.inner:
                box = paths[name][n]
                mine = [k for k in links if k.source in inside or k.target in inside]
                self.inner[box] = made = _Level(paths[name][: n + 1], sizes, mine, paths, headers, self.gaps, self.flat)
                self.items["box", box] = _Item(("box", box), made.across, made.along)
        for link in links:
            if link.source in inside or link.target in inside:
                self.join(link, paths, inside, n)

    def join(self, link: Link, paths: dict, inside: set, n: int) -> None:
        start = self.end_item(link.source, link, "in", paths, inside, n)
        stop = self.end_item(link.target, link, "out", paths, inside, n)
        if start is stop:
            return
        chain = [start]
        if link.tag and link.target in inside and len(paths[link.target]) == n:
            tag = self.items["tag", link.id] = _Item(("tag", link.id), *link.tag)
            chain.append(tag)
        chain.append(stop)
        self.chains[link.id] = chain
        for a, b in itertools.pairwise(chain):
            ends = self.offset(a, link, "out"), self.offset(b, link, "in")
            a.down.append((b, ends[1], ends[0], link.weight))
            b.up.append((a, ends[0], ends[1], link.weight))

    def end_item(self, name: str, link: Link, side: str, paths: dict, inside: set, n: int) -> _Item:
        if name not in inside:
            key = (side, link.id)
            return self.items.setdefault(key, _Item(key, LANE, 0.0))
        if len(paths[name]) == n:
            return self.items["node", name]
        return self.items["box", paths[name][n]]

    def offset(self, item: _Item, link: Link, side: str) -> float:
        """Where a wire meets an item, from its centre: boxes have terminals of their own."""
        if item.key[0] != "box":
            return 0.0
        inner = self.inner[item.key[1]]
        return inner.items[side, link.id].place - inner.across / 2

    # ------------------------------------------------------------------ ranks

    def rank(self) -> None:
        depth = dict.fromkeys(self.items, 0)
        waiting = {k: len(i.down) for k, i in self.items.items()}
        ready = [i for k, i in self.items.items() if not waiting[k]]
        done = 0
        while ready:
            item = ready.pop()
            done += 1
            for other, *_ in item.up:
                depth[other.key] = max(depth[other.key], depth[item.key] + 1)
                waiting[other.key] -= 1
                if not waiting[other.key]:
                    ready.append(other)
        if done < len(self.items):
            raise Cycle
        last = max(depth.values(), default=0)
        terminals = [i for i in self.items.values() if i.key[0] == "in"]
        for item in self.items.values():
            item.rank = last - depth[item.key]
        for item in terminals:
            item.rank = 0
        for item in self.items.values():
            if item.up and not item.down and all(e[3] < 1 for e in item.up):  # only said about its source: beside that
                item.rank = 1 + max(e[0].rank for e in item.up)
        self.bridge()

    def bridge(self) -> None:
        """Give a wire that spans several ranks a lane in each rank between."""
        for link, chain in self.chains.items():
            full = [chain[0]]
            for a, b in itertools.pairwise(chain):
                full += [_Item(("lane", link, r), LANE, 0.0, r) for r in range(a.rank + 1, b.rank)]
                full.append(b)
            if len(full) > len(chain):
                self.relink(chain, full)
            self.chains[link] = full

    def relink(self, chain: list, full: list) -> None:
        for a, b in itertools.pairwise(chain):
            i, j = full.index(a), full.index(b)
            if j == i + 1:
                continue
            entry = next(e for e in a.down if e[0] is b and e not in getattr(a, "used", ()))
            back = next(e for e in b.up if e[0] is a and e[1] == entry[2] and e[2] == entry[1])
            a.down.remove(entry)
            b.up.remove(back)
            weight = entry[3]
            for p, q in zip(full[i:j], full[i + 1 : j + 1], strict=True):
                op, oq = (entry[2] if p is a else 0.0), (entry[1] if q is b else 0.0)
                w = (
                    max(weight, SPINE)
                    if weight >= SPINE
                    else min(weight * (8 if p is not a and q is not b else 2), 11.0)
                )
                p.down.append((q, oq, op, w))
                q.up.append((p, op, oq, w))
                if q is not b:
                    self.items[q.key] = q

    # ------------------------------------------------------------------ order within the ranks

    def ordered(self) -> list[list[_Item]]:
        rows: list[list[_Item]] = [[] for _ in range(1 + max((i.rank for i in self.items.values()), default=0))]
        for item in self.by_depth_first():
            rows[item.rank].append(item)
        best, fewest = [list(r) for r in rows], _crossings(rows)
        for sweep in range(SWEEPS):
            if not fewest:
                break
            _sweep(rows, down=sweep % 2 == 0)
            found = _crossings(rows)
            if found < fewest:
                best, fewest = [list(r) for r in rows], found
        for row in best:
            _number(row)
        return best

    def by_depth_first(self) -> list[_Item]:
        """Items in the order in which a walk from the results meets them, inputs in order of use."""
        seen: dict[tuple, _Item] = {}
        sinks = [i for i in self.items.values() if not i.down]
        stack = sinks[::-1]
        while stack:
            item = stack.pop()
            if item.key in seen:
                continue
            seen[item.key] = item
            stack.extend(e[0] for e in reversed(item.up))
        return [*seen.values(), *(i for k, i in self.items.items() if k not in seen)]

    # ------------------------------------------------------------------ coordinates

    def relax(self) -> None:
        for row in self.rows:
            _settle(row, [0.0] * len(row), [1.0] * len(row), self.gaps[0])
        for n in range(RELAX):
            sides: tuple = ("up",) if n % 2 == 0 else ("down",)
            if n >= RELAX - 6:
                sides = ("up", "down")
            for row in self.rows if n % 2 == 0 else self.rows[::-1]:
                self.pull(row, sides)
        for n in range(STRAIGHTEN):
            for row in self.rows if n % 2 == 0 else self.rows[::-1]:
                self.pull(row, ("up", "down"), "up" if n % 2 == 0 else "down")

    def pull(self, row: list[_Item], sides: tuple, along: str = "") -> None:
        """Move a row's items towards their neighbours; with `along`, those of the spine follow it exactly."""
        wanted, weights = [], []
        for item in row:
            spine = [e for e in getattr(item, along) if e[3] >= SPINE] if along else []
            if spine:
                wanted.append(spine[0][0].place + spine[0][1] - spine[0][2])
                weights.append(1e3)
                continue
            lane = [e for e in getattr(item, along) if e[0].key[0] == "lane"] if along and item.key[0] == "lane" else []
            if lane:  # straight on, rather than half way to where the wire must end
                wanted.append(lane[0][0].place)
                weights.append(8.0)
                continue
            if along and any(e[3] >= SPINE for e in item.up + item.down):
                wanted.append(item.place)
                weights.append(1e3)
                continue
            total = weight = 0.0
            for side in sides:
                for other, there, here, w in getattr(item, side):
                    total += w * (other.place + there - here)
                    weight += w
            wanted.append(total / weight if weight else item.place)
            weights.append(weight or 0.05)
        _settle(row, wanted, weights, self.gaps[0])

    def measure(self) -> None:
        items = list(self.items.values())
        low = min((i.place - i.across / 2 for i in items), default=0.0)
        before = PAD if self.path else 0.0
        across_head = HEADER if self.path and self.flat else 0.0
        for item in items:
            item.place += before + across_head - low
        self.across = max((i.place + i.across / 2 for i in items), default=0.0) + before
        start = before + (HEADER if self.path and not self.flat else 0.0)
        self.starts: list[float] = []
        self.depths: list[float] = []
        for row, after in zip(self.rows, [*self.rows[1:], []], strict=True):
            depth = max((i.along for i in row), default=0.0)
            self.starts.append(start)
            self.depths.append(depth)
            start += depth + (self.gap(row) if after else 0.0)
        self.along = start + before
        if self.path and not self.flat:
            self.widen(self.header + 2 * PAD)
            self.clear_title()
        elif self.path:
            self.along = max(self.along, self.header + 2 * PAD)

    def gap(self, row: list[_Item]) -> float:
        """Distance to the next rank: more where wires have far to go sideways, hardly any beside a box's border."""
        if all(i.key[0] in ("in", "out", "lane") for i in row) or all(
            e[0].key[0] == "out" for i in row for e in i.down
        ):
            return 3.0 if self.path else self.gaps[1]
        shift = max((abs(e[0].place + e[1] - i.place - e[2]) for i in row for e in i.down), default=0.0)
        return self.gaps[1] + min(48.0, 0.1 * max(0.0, shift - 40))

    def clear_title(self) -> None:
        """Make the box so wide that its title has room beside the wires that enter it."""
        entries = [i.place for i in self.items.values() if i.key[0] == "in"]
        room = self.header + 30
        if entries and min(entries) < room - 4 and self.across - max(entries) < room:
            self.across = max(entries) + room

    def widen(self, wanted: float) -> None:
        extra = wanted - self.across
        if extra > 0:
            for item in self.items.values():
                item.place += extra / 2
            self.across = wanted

    # ------------------------------------------------------------------ result

    def write(self, result: Placement, across: float, along: float) -> None:
        """Add this level to the result, its corner at (across, along)."""
        centre = {}
        for row, start, depth in zip(self.rows, self.starts, self.depths, strict=True):
            for item in row:
                centre[item.key] = across + item.place, along + start + depth / 2
        for key, (a, b) in centre.items():
            if key[0] == "node":
                result.nodes[key[1]] = a, b
            elif key[0] == "tag":
                result.tags[key[1]] = a, b
        for box, inner in self.inner.items():
            a, b = centre["box", box]
            corner = a - inner.across / 2, b - inner.along / 2
            result.boxes[box] = (*corner, corner[0] + inner.across, corner[1] + inner.along)
            inner.write(result, *corner)
        for link, chain in self.chains.items():
            self.route(result, link, chain, centre, across, along)

    def route(self, result: Placement, link: str, chain: list, centre: dict, across: float, along: float) -> None:
        """The way points of a wire on this level. Wires only ever go forward, so `along` orders those of all levels."""
        points: list = []
        for item in chain:
            a, b = centre[item.key]
            kind = item.key[0]
            start, depth = along + self.starts[item.rank], self.depths[item.rank]
            if kind == "lane":
                points += [(a, start), (a, start + depth)]
            elif kind == "tag":
                points += [(a, b - item.along / 2), (a, b + item.along / 2)]
            elif kind == "in":
                points += [(a, along), (a, start + depth)]
            elif kind == "out":
                points += [(a, start), (a, along + self.along)]
            elif kind == "node":
                points.append((a, b))
                if item is chain[0] and depth - item.along > 24:  # past its wider neighbours before it may turn
                    points.append((a, start + depth))
        found = sorted(result.wires.get(link, []) + points, key=lambda p: p[1])
        result.wires[link] = [p for i, p in enumerate(found) if not i or p != found[i - 1]]


def _number(row: list[_Item]) -> None:
    for i, item in enumerate(row):
        item.index = i


def _crossings(rows: list[list[_Item]]) -> int:
    total = 0
    for row in rows:
        _number(row)
    for row in rows:
        ends: list[tuple] = []
        for item in row:
            found = sorted((e[0].index, e[1]) for e in item.down if e[0].rank == item.rank + 1)
            total += sum(len(ends) - bisect_right(ends, t) for t in found)
            for t in found:
                insort(ends, t)
    return total


def _sweep(rows: list[list[_Item]], down: bool) -> None:
    for row in rows[1:] if down else rows[-2::-1]:
        centres = {}
        for i, item in enumerate(row):
            near = item.up if down else item.down
            spots = [e[0].index + e[1] / (e[0].across + 1) for e in near]
            centres[item.key] = sum(spots) / len(spots) if spots else float(i)
        row.sort(key=lambda item: centres[item.key])
        _number(row)


def _settle(row: list[_Item], wanted: list[float], weights: list[float], gap: float) -> None:
    """Place a row as close as possible (least squares) to where its items want to be, without overlap.

    Subtracting the room that must lie between turns this into fitting an increasing sequence, which pooling
    neighbours that are out of order solves exactly.
    """
    shift, before = [0.0], 0.0
    for a, b in itertools.pairwise(row):
        near = gap if a.key[0] in ("node", "box") or b.key[0] in ("node", "box") else gap * 0.6
        before += (a.across + b.across) / 2 + near
        shift.append(before)
    pools: list[list[float]] = []
    for want, weight, s in zip(wanted, weights, shift, strict=False):
        pools.append([want - s, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            value, w, n = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + value * w) / (last[1] + w)
            last[1] += w
            last[2] += n
    i = 0
    for value, _, n in pools:
        for _ in range(int(n)):
            row[i].place = value + shift[i]
            i += 1
