"""Suggested groups of critiques that no code holds yet, from their text alone: always the same, on every machine.

Which of them are alike is found by average linkage over :mod:`codes_text`. scikit-learn (``pip install
"spanwise[codes]"``) does the same faster, so that more can be grouped at once; without it our own code does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from .codes import Critique
from .codes_text import Vector, likeness, middle, stem, vectors, words_in

#: Two groups become one while their critiques are on average at least this much alike.
ALIKE: Final = 0.16
#: A critique that is this much like those of a code is suggested for it.
NEAR: Final = 0.17
#: Critiques that are grouped at once; the newest, where there are more.
MOST_PURE: Final = 1_000
MOST_FAST: Final = 3_000
#: Critiques of one code that stand for it.
MOST_OF_CODE: Final = 100
_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Critiques that seem to name one failure mode, to be looked at by a person."""

    critiques: tuple[Critique, ...]
    """The most typical first."""
    name: str
    """What they could be called; the code's name where there is one."""
    code_id: int | None = None
    """The code whose critiques they are like."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """Groups of uncoded critiques, the largest first."""

    groups: tuple[Group, ...]
    alone: int
    """Critiques that are like no other."""
    left_out: int
    """Critiques that were too many to be grouped at once."""


def suggested(critiques: Sequence[Critique], names: Mapping[int, str], *, fast: bool | None = None) -> Suggested:
    """Return groups of the open critiques with words: those like an existing code's, then those like each other."""
    fast = can_be_fast() if fast is None else fast
    wanting = [critique for critique in critiques if critique.open and critique.text]
    some = wanting[-(MOST_FAST if fast else MOST_PURE) :]
    coded = {code_id: _of_code(critiques, code_id) for code_id in names}
    found = vectors([one.text for one in (*some, *(one for those in coded.values() for one in those))])
    own, rest = found[: len(some)], found[len(some) :]
    centres: dict[int, Vector] = {}
    for code_id, those in coded.items():
        centres[code_id], rest = middle(rest[: len(those)]), rest[len(those) :]
    near = [_nearest(vector, centres) for vector in own]
    groups = [
        _group([at for at, code_id in enumerate(near) if code_id == wanted], some, own, names[wanted], wanted)
        for wanted in names
        if wanted in near
    ]
    free = [at for at, code_id in enumerate(near) if code_id is None]
    clusters = _fast_clusters if fast else pure_clusters
    alike = [[free[at] for at in cluster] for cluster in clusters([own[at] for at in free])]
    groups += [_group(cluster, some, own) for cluster in alike if len(cluster) > 1]
    groups.sort(key=lambda group: (-len(group.critiques), group.critiques[0].created_ns, group.critiques[0].id))
    alone = sum(len(cluster) == 1 for cluster in alike)
    return Suggested(tuple(groups), alone, len(wanting) - len(some))


def can_be_fast() -> bool:
    """Return whether scikit-learn is there."""
    return find_spec("sklearn") is not None


def pure_clusters(found: Sequence[Vector]) -> list[list[int]]:
    """Return positions in groups by average linkage, cut at :data:`ALIKE` (the chain of nearest neighbours).

    A group with no other that is alike enough never gets one: what is merged is never more alike than its parts were.
    """
    near = _alike(found)
    members = {at: [at] for at in range(len(found))}
    waiting, chain, done = set(members), list[int](), list[list[int]]()
    while waiting:
        if not chain:
            chain.append(min(waiting))
        last = chain[-1]
        before = chain[-2] if len(chain) > 1 else -1
        best = max(near[last].items(), key=lambda one: (one[1], one[0] == before, -one[0]), default=(-1, 0.0))
        if best[1] < ALIKE:
            waiting.discard(chain.pop())
            done.append(sorted(members[last]))
            for other in near.pop(last):
                near[other].pop(last)
        elif best[0] == before:
            chain = chain[:-2]
            _merge(near, members, min(last, before), max(last, before))
            waiting.discard(max(last, before))
        else:
            chain.append(best[0])
    return sorted(done)


def _alike(found: Sequence[Vector]) -> dict[int, dict[int, float]]:
    """Return how alike each two are, where they are at all; rounded, so that every machine says the same."""
    holders: dict[str, list[tuple[int, float]]] = {}
    products: list[dict[int, float]] = [{} for _ in found]
    for at, vector in enumerate(found):
        sums = products[at]
        for feature, weight in vector.items():
            for other, its in holders.setdefault(feature, []):
                sums[other] = sums.get(other, 0.0) + weight * its
            holders[feature].append((at, weight))
    near: dict[int, dict[int, float]] = {at: {} for at in range(len(found))}
    for at, sums in enumerate(products):
        for other, product in sums.items():
            near[at][other] = near[other][at] = round(product, 9)
    return near


def _merge(near: dict[int, dict[int, float]], members: dict[int, list[int]], one: int, other: int) -> None:
    n, m = len(members[one]), len(members[other])
    theirs = near.pop(other)
    for third in (near[one].keys() | theirs.keys()) - {one, other}:
        both = (n * near[one].get(third, 0.0) + m * theirs.get(third, 0.0)) / (n + m)
        near[one][third] = near[third][one] = both
        near[third].pop(other, None)
    near[one].pop(other, None)
    members[one] += members.pop(other)


def _fast_clusters(found: Sequence[Vector]) -> list[list[int]]:
    """Return what :func:`pure_clusters` does, by scikit-learn."""
    import numpy as np  # noqa: PLC0415  # the extra brings it
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415  # as above
    from sklearn.feature_extraction import DictVectorizer  # noqa: PLC0415  # as above

    if len(found) < 2 or not any(found):
        return [[at] for at in range(len(found))]
    matrix: Any = DictVectorizer().fit_transform(found)
    distances = 1.0 - np.round((matrix @ matrix.T).toarray(), 9)
    np.fill_diagonal(distances, 0.0)
    # The threshold itself is not merged there and is here: the next number above it.
    threshold = float(np.nextafter(1.0 - ALIKE, 2.0))
    fitted = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=threshold)
    clusters: dict[int, list[int]] = {}
    for at, label in enumerate(fitted.fit(distances).labels_):
        clusters.setdefault(int(label), []).append(at)
    return sorted(clusters.values())


def _of_code(critiques: Sequence[Critique], code_id: int) -> list[Critique]:
    return [one for one in critiques if code_id in one.code_ids and one.text][-MOST_OF_CODE:]


def _nearest(vector: Vector, centres: Mapping[int, Vector]) -> int | None:
    likest = max(((likeness(vector, centre), -code_id) for code_id, centre in centres.items()), default=(0.0, 0))
    return -likest[1] if likest[0] >= NEAR else None


def _group(
    cluster: Sequence[int], some: Sequence[Critique], own: Sequence[Vector], name: str = "", code_id: int | None = None
) -> Group:
    centre = middle([own[at] for at in cluster])
    order = sorted(cluster, key=lambda at: (-round(likeness(own[at], centre), 9), at))
    said = [some[at] for at in order]
    return Group(tuple(said), name or name_of([one.text for one in said], centre), code_id)


def name_of(texts: Sequence[str], centre: Vector) -> str:
    """Return what texts could be called: the words that mark them, as they are most often written, in their order."""
    forms: dict[str, Counter[str]] = {}
    for text in texts:
        for word in words_in(text):
            forms.setdefault(stem(word), Counter())[word] += 1
    holders = Counter(each for text in texts for each in {stem(word) for word in words_in(text)})
    marked = [each for each in forms if holders[each] > 1 or len(texts) == 1]
    best = sorted(marked, key=lambda each: (-round(centre.get(each, 0.0), 9), each))[:_WORDS]
    places: dict[str, int] = {}
    for at, word in enumerate(word for text in texts for word in words_in(text)):
        places.setdefault(stem(word), at)
    best.sort(key=lambda each: places[each])
    return " ".join(min(forms[each], key=lambda form: (-forms[each][form], form)) for each in best)
