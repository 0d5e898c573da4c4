"""Ranks the labels (entries and intents) that a message may mean.

The classifier component trains, saves and asks it; nothing here knows Rasa. One linear model per language over
word and character n-grams; a message whose language is not known is read by every model, and the surest one counts.
Small weights are dropped and the rest is kept as plain arrays, so a model is small, loads fast and runs no code.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.svm import LinearSVC

# Margins of a linear model are small beside the many labels; this spreads them before they are normalised.
_SHARPNESS = 10.0
_SMALLEST_WEIGHT = 0.05
_KINDS = ("word", "char_wb")


@dataclass(frozen=True)
class Example:
    """One training message."""

    text: str
    label: str
    language: str


@dataclass(frozen=True)
class Ranked:
    """One candidate, with how sure the model is of it."""

    label: str
    confidence: float


class Understanding:
    """Linear models by language; made by `train` or `load`."""

    def __init__(self, models: dict[str, _Model]) -> None:
        self._models = models

    @classmethod
    def train(cls, examples: Sequence[Example]) -> Understanding:
        """Fits one model for each language found in the examples."""
        languages = sorted({example.language for example in examples})
        return cls({language: _fit([e for e in examples if e.language == language]) for language in languages})

    def rank(self, text: str, *, language: str | None, size: int = 5) -> list[Ranked]:
        """The likeliest labels, best first."""
        models = [self._models[language]] if language in self._models else list(self._models.values())
        rankings = [model.rank(text, size) for model in models]
        return max(rankings, key=lambda ranking: ranking[0].confidence, default=[])

    def save(self, folder: Path) -> None:
        """Writes the models into an existing folder."""
        (folder / "languages.json").write_text(json.dumps(sorted(self._models)), encoding="utf-8")
        for language, model in self._models.items():
            model.save(folder, language)

    @classmethod
    def load(cls, folder: Path) -> Understanding:
        """Reads what `save` wrote."""
        languages = json.loads((folder / "languages.json").read_text(encoding="utf-8"))
        return cls({language: _Model.load(folder, language) for language in languages})


@dataclass(frozen=True)
class _Model:
    """One language: a place, a rarity and a row of weights for each n-gram of each kind."""

    labels: list[str]
    places: dict[str, int]
    rarity: NDArray[np.float32]
    weights: sparse.csr_matrix
    intercept: NDArray[np.float32]

    def rank(self, text: str, size: int) -> list[Ranked]:
        scores = self.intercept.copy()
        for kind in _KINDS:
            counts = Counter(gram for gram in _read_grams(kind, text) if gram in self.places)
            if counts:
                columns = np.array([self.places[gram] for gram in counts])
                values = (1 + np.log(np.array(list(counts.values())))) * self.rarity[columns]
                scores += (values / np.linalg.norm(values)) @ self.weights[columns]
        weights = np.exp(_SHARPNESS * (scores - scores.max()))
        confidences = weights / weights.sum()
        best = np.argsort(-scores)[:size]
        return [Ranked(self.labels[place], float(confidences[place])) for place in best]

    def save(self, folder: Path, language: str) -> None:
        names = json.dumps({"labels": self.labels, "grams": list(self.places)}, ensure_ascii=False)
        (folder / f"{language}.json").write_text(names, encoding="utf-8")
        sparse.save_npz(folder / f"{language}-weights.npz", self.weights)
        np.savez(folder / f"{language}.npz", rarity=self.rarity, intercept=self.intercept)

    @classmethod
    def load(cls, folder: Path, language: str) -> _Model:
        names = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
        arrays = np.load(folder / f"{language}.npz")
        places = {gram: place for place, gram in enumerate(names["grams"])}
        weights = sparse.load_npz(folder / f"{language}-weights.npz")
        return cls(names["labels"], places, arrays["rarity"], weights, arrays["intercept"])


def _make_analyzer(kind: str) -> Callable[[str], list[str]]:
    analyzer: Callable[[str], list[str]] = CountVectorizer(
        analyzer=kind, ngram_range=(1, 2) if kind == "word" else (2, 5)
    ).build_analyzer()
    return analyzer


_ANALYZERS = {kind: _make_analyzer(kind) for kind in _KINDS}


def _read_grams(kind: str, text: str) -> list[str]:
    return [f"{kind}:{gram}" for gram in _ANALYZERS[kind](text)]


def _fit(examples: Sequence[Example]) -> _Model:
    blocks, grams, rarities = [], [], []
    for kind in _KINDS:
        vectorizer = CountVectorizer(analyzer=lambda text, kind=kind: _read_grams(kind, text), dtype=np.float32)
        counts = vectorizer.fit_transform([example.text for example in examples])
        transformer = TfidfTransformer(sublinear_tf=True)
        blocks.append(transformer.fit_transform(counts))
        grams.extend(vectorizer.get_feature_names_out())
        rarities.append(transformer.idf_)
    model = LinearSVC(C=0.5).fit(sparse.hstack(blocks).tocsr(), [example.label for example in examples])
    coefficients = model.coef_ if len(model.classes_) > 2 else np.vstack([-model.coef_, model.coef_])
    intercept = model.intercept_ if len(model.classes_) > 2 else np.hstack([-model.intercept_, model.intercept_])
    coefficients[np.abs(coefficients) < _SMALLEST_WEIGHT] = 0
    kept = np.flatnonzero(coefficients.any(axis=0))
    return _Model(
        labels=[str(label) for label in model.classes_],
        places={str(grams[column]): place for place, column in enumerate(kept)},
        rarity=np.hstack(rarities)[kept].astype(np.float32),
        weights=sparse.csr_matrix(coefficients[:, kept].T.astype(np.float32)),
        intercept=intercept.astype(np.float32),
    )
