"""The tree of a large trace's spans, which tells as they come which of them stand for calls of models.

It says what ``calls.py`` and ``summary.py`` say of all spans at once, before spans side by side are compared. A span
is looked at again only where what came changes what is above or below it.
"""

from __future__ import annotations

from heapq import heappop, heappush

from ..record import MODEL_KINDS
from .rows import SpanRow, has_usage


class Node:
    """One span in the tree."""

    __slots__ = (
        "above", "at", "children", "exposed", "hot_children", "joined", "model", "shadowed", "span_id", "spends",
        "start_ns",
    )  # fmt: skip

    def __init__(self, row: SpanRow) -> None:
        self.span_id = row.span_id
        self.at = row.id
        self.start_ns = row.start_ns
        self.model = row.kind if row.kind in MODEL_KINDS else ""
        """Its kind, where that is a model's."""
        self.spends = has_usage(row)
        self.above: Node | None = None
        self.children: list[Node] = []
        self.hot_children = 0
        """How many children are model spans with usage or have some below."""
        self.exposed: dict[str, int] | None = None
        """Through how many children model spans without usage are seen, by kind, with no model span between."""
        self.shadowed = False
        """Whether a span above it has usage."""
        self.joined: Node | None = None
        """Another node of the same tree, on the way to one that stands for it."""

    @property
    def is_hot(self) -> bool:
        """Whether it is a model span with usage, or has some below."""
        return self.hot_children > 0 or (self.spends and self.model != "")

    @property
    def is_leaf(self) -> bool:
        """Whether it is a model span with usage, and none is below."""
        return self.spends and self.model != "" and self.hot_children == 0

    @property
    def shows(self) -> tuple[str, ...]:
        """The kinds of model spans without usage that are seen from above."""
        if self.model:
            return () if self.spends else (self.model,)
        return () if self.exposed is None else tuple([kind for kind, n in self.exposed.items() if n])


class CallTree:
    """All spans of a trace, of which more come."""

    def __init__(self) -> None:
        self.nodes: dict[bytes, Node] = {}
        self._waiting: dict[bytes, list[Node]] = {}
        """Spans whose parent has not come, by its id."""
        self._orphans: list[tuple[int, bytes, bytes]] = []
        """A heap of start, id and parent's id of spans whose parent had not come when they did."""
        self.highest: set[bytes] = set()
        """Spans with usage under no other span with usage."""
        self.touched: set[bytes] = set()
        """Model spans that may have become or ceased to be calls."""
        self.moved: set[bytes] = set()
        """Spans that may have become or ceased to be among the highest."""
        self.lost = False
        """Whether something happened that only all spans at once can tell."""

    def put(self, row: SpanRow) -> None:
        """Take in a span that is new."""
        node = Node(row)
        self.nodes[node.span_id] = node
        if node.model:
            self.touched.add(node.span_id)
        if node.spends:
            self.highest.add(node.span_id)
            self.moved.add(node.span_id)
        for child in self._waiting.pop(node.span_id, ()):
            self._attach(child, node)
        parent_id = row.parent_id
        if parent_id is None or parent_id == node.span_id:
            return
        above = self.nodes.get(parent_id)
        if above is None:
            self._waiting.setdefault(parent_id, []).append(node)
            heappush(self._orphans, (node.start_ns, node.span_id, parent_id))
        else:
            self._attach(node, above)

    def change(self, was: SpanRow, now: SpanRow) -> None:
        """Take in what a span is now."""
        node = self.nodes[now.span_id]
        model, spends = now.kind if now.kind in MODEL_KINDS else "", has_usage(now)
        if was.parent_id != now.parent_id or (node.spends and not spends) or (node.model and node.model != model):
            self.lost = True  # what it hid from others, or joined, comes apart
            return
        if node.start_ns != now.start_ns:
            node.start_ns = now.start_ns
            if now.parent_id is not None and now.parent_id in self._waiting:
                heappush(self._orphans, (now.start_ns, node.span_id, now.parent_id))
        if model:
            self.touched.add(node.span_id)
        if (node.model, node.spends) != (model, spends):
            self._become(node, model, spends=spends)

    def _become(self, node: Node, model: str, *, spends: bool) -> None:
        was_hot, showed, spent = node.is_hot, node.shows, node.spends
        node.model, node.spends = model, spends
        if spends and not spent:
            self.moved.add(node.span_id)
            if not node.shadowed:
                self.highest.add(node.span_id)
            for child in node.children:
                self._shadow(child)
        self._touch_seen(node)
        if node.above is None:
            return
        if node.is_hot != was_hot:
            self._heat(node.above)
        shows = node.shows
        for kind in {*showed, *shows}:
            if (kind in shows) != (kind in showed):
                self._expose(node.above, kind, 1 if kind in shows else -1)

    def is_call(self, span_id: bytes) -> bool:
        """Say whether a model span stands for a call, as far as what is above and below it tells."""
        node = self.nodes[span_id]
        if node.hot_children:
            return False
        if node.spends:
            return True
        if node.exposed is not None and node.exposed.get(node.model, 0):
            return False
        above = _model_from(node.above)
        return above is None or above.model != node.model or not above.is_leaf

    def first_orphan(self) -> bytes | None:
        """Return the earliest span whose parent has not come."""
        while self._orphans:
            start_ns, span_id, parent_id = self._orphans[0]
            if parent_id not in self.nodes and self.nodes[span_id].start_ns == start_ns:
                return span_id
            heappop(self._orphans)
        return None

    def _attach(self, node: Node, above: Node) -> None:
        one, other = _representative(node), _representative(above)
        if one is other:
            self.lost = True  # they would go round
            return
        one.joined = other
        node.above = above
        above.children.append(node)
        if above.spends or above.shadowed:
            self._shadow(node)
        if node.is_hot:
            self._heat(above)
        shows = node.shows
        for kind in shows:
            self._expose(above, kind, 1)
        if shows:
            model = _model_from(above)
            if model is not None and model.is_leaf:
                self._touch_seen(node, from_above=True)

    def _heat(self, node: Node | None) -> None:
        """Have one more child of *node* be hot."""
        while node is not None:
            was_hot, first = node.is_hot, node.hot_children == 0
            node.hot_children += 1
            if first and node.model:
                self.touched.add(node.span_id)
                if node.spends:  # it was a leaf
                    self._touch_seen(node)
            if was_hot:
                return
            node = node.above

    def _expose(self, node: Node | None, kind: str, by: int) -> None:
        """Have *kind* be seen through one more child of *node*, or one less."""
        while node is not None:
            if node.exposed is None:
                node.exposed = {}
            before = node.exposed.get(kind, 0)
            after = node.exposed[kind] = before + by
            if bool(before) == bool(after):
                return
            if node.model:
                self.touched.add(node.span_id)
                return
            node = node.above

    def _shadow(self, node: Node) -> None:
        """Have *node* and all below lie under a span with usage."""
        stack = [node]
        while stack:
            one = stack.pop()
            if not one.shadowed:
                one.shadowed = True
                if one.spends:
                    self.highest.discard(one.span_id)
                    self.moved.add(one.span_id)
                stack += one.children

    def _touch_seen(self, node: Node, *, from_above: bool = False) -> None:
        """Have the model spans without usage that *node*, or who is above it, sees be looked at again."""
        stack = [node] if from_above else list(node.children)
        while stack:
            one = stack.pop()
            if one.model:
                if not one.spends:
                    self.touched.add(one.span_id)
            elif one.exposed is not None:
                stack += one.children


def _representative(node: Node) -> Node:
    """Return the node that stands for all that are joined with *node*."""
    while node.joined is not None:
        if node.joined.joined is not None:
            node.joined = node.joined.joined
        node = node.joined
    return node


def _model_from(node: Node | None) -> Node | None:
    """Return *node* or the first above it that is a model span."""
    while node is not None and not node.model:
        node = node.above
    return node
