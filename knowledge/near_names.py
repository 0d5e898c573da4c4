"""Names that a word or a run of words nearly equals, among many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from rapidfuzz import fuzz, process


class NearNames:
    """Names by their length, so that a word is held only against those that can be near enough.

    Nearness is rapidfuzz's ratio in percent: twice the letters in common by the letters of both
    (https://rapidfuzz.github.io/RapidFuzz/Usage/fuzz.html#ratio). So it is bounded by the two lengths.
    """

    def __init__(self, names: Iterable[str], *, similarity: float) -> None:
        self._similarity = similarity
        self._shortest_share = similarity / (200.0 - similarity)
        self._names = sorted(names, key=len)
        self._lengths = [len(name) for name in self._names]

    def find(self, said: str) -> list[tuple[str, float]]:
        """Names that are near enough, and how near."""
        possible = self._possible(len(said))
        if not possible:
            return []
        near = process.extract(said, possible, scorer=fuzz.ratio, score_cutoff=self._similarity, limit=None)
        return [(name, similarity) for name, similarity, _ in near]

    def find_best(self, said: str) -> str | None:
        """The nearest name; of equally near ones, a shorter one."""
        best = process.extractOne(said, self._possible(len(said)), scorer=fuzz.ratio, score_cutoff=self._similarity)
        return best[0] if best else None

    def _possible(self, length: int) -> list[str]:
        first = bisect_left(self._lengths, length * self._shortest_share)
        return self._names[first : bisect_right(self._lengths, length / self._shortest_share)]
