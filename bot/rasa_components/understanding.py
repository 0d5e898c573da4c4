"""Ranks the labels (entries and intents) that a message may mean.

The classifier component trains, saves and asks it; nothing here knows Rasa. There is one linear model a language, over
stems, character n-grams and concepts. The messages of the other languages join the training through their concepts,
with a small weight. A second question, inside or outside the subject, is learnt over the same features. A message whose
language is not known is read by every model, and the surest one counts. How this was chosen is told in
docs/decisions/0004-understanding.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from rasa_components.concepts import Concepts, Words, read_words
from rasa_components.normalise import fold, stems

CONCEPTS_FILE = Path(__file__).resolve().parents[2] / "nlu_data" / "concepts.yaml"

CONCEPT_WEIGHT = 0.6
"""Of a concept beside a word of the own language."""
OTHER_LANGUAGES_WEIGHT = 0.15
"""Of a message of another language beside one of the own."""
PENALTY = 0.5
TOLERANCE = 0.3
SHARPNESS = 7.0
"""Turns margins into shares that are right as often as they say; fitted on half of the evaluation sets."""
OUT_OF_SCOPE = "out_of_scope"
NEVER_REFUSED = frozenset(
    "report_discrimination danger distress child find_service change_preferences talk_to_person".split()
)
"""Labels that the second question does not overrule: who needs help must not be turned away more often for it."""
OUTSIDE_IMPORTANCE = 4.0
"""Of a message outside the subject beside one inside, for the second question."""
OUTSIDE_LEAD, OUTSIDE_WEIGHT = 0.5, 0.5
"""How far below its border the second question already speaks for outside, and how loudly."""
MINIMUM_CONCEPTS = 3
"""Messages in which a concept, or a pair of two, must be found to count: rarer ones cost time and teach nothing."""
SMALLEST_WEIGHT = 0.02
"""Weights below it are dropped: they change no ranking and make up most of the model."""
WORKERS = 2
SHORTEST_PIECE, LONGEST_PIECE = 2, 5

_WEIGHTS, _PARTS = "weights.npz", "parts.json"


@dataclass(frozen=True)
class Example:
    """One training message."""

    text: str
    label: str
    language: str


class Ranked(NamedTuple):
    """A label, and how sure it is (0..1)."""

    label: str
    confidence: float


class Block:
    """One kind of features of a message: which it has, and what each weighs (TF-IDF, rows of length one).

    scikit-learn learns the vocabulary; a single message is weighed here, which takes a tenth of the time.
    """

    def __init__(self, **learner: Any) -> None:
        self._learner = learner
        self.places: dict[str, int] = {}
        self.idf = np.zeros(0, dtype=np.float32)

    def fit(self, texts: Iterable[str]) -> sparse.csr_matrix:
        """Learn the vocabulary; returns the rows of the texts."""
        learner = TfidfVectorizer(sublinear_tf=True, **self._learner)
        rows = learner.fit_transform(texts)
        self.places = {str(term): int(place) for term, place in learner.vocabulary_.items()}
        self.idf = learner.idf_.astype(np.float32)
        return rows

    def weigh(self, terms: Iterable[str]) -> tuple[Any, Any]:
        """Places and weights of one message's features."""
        counts = Counter(map(self.places.get, terms))
        counts.pop(None, None)
        places = np.fromiter(counts.keys(), dtype=np.intp, count=len(counts))
        weights = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        weights = (1.0 + np.log(weights)) * self.idf[places]
        length = float(np.sqrt(weights @ weights))
        return places, weights / length if length else weights

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        terms = sorted(self.places, key=self.places.__getitem__)
        (folder / "terms.json").write_text(json.dumps(terms, ensure_ascii=False), encoding="utf-8")
        np.save(folder / "idf.npy", self.idf)

    def load(self, folder: Path) -> None:
        terms = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        self.places = {term: place for place, term in enumerate(terms)}
        self.idf = np.load(folder / "idf.npy")


class Features:
    """What messages of one language are made of: stems, character n-grams, concepts."""

    def __init__(self, language: str, words: Words) -> None:
        self.language = language
        self.concepts = Concepts(words, language)
        self.stems = Block(analyzer=self._stem_pairs)
        self.characters = Block(
            analyzer="char_wb",
            ngram_range=(SHORTEST_PIECE, LONGEST_PIECE),
            preprocessor=fold,
            min_df=2,
        )

    def fit(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Learn the vocabulary of the language's own messages; returns their rows."""
        return sparse.hstack([self.stems.fit(texts), self.characters.fit(texts)]).tocsr()

    def weigh(self, text: str, shared: Block) -> tuple[Any, Any]:
        """Places and weights of one message's features: stems, then characters, then the shared concepts."""
        folded = fold(text)
        stems_found, stems_weight = self.stems.weigh(self._stem_pairs(text))
        pieces_found, pieces_weight = self.characters.weigh(character_ngrams(folded))
        concepts_found, concepts_weight = shared.weigh(" ".join(self.concepts.features_of(folded)).split())
        first_piece = len(self.stems.places)
        first_concept = first_piece + len(self.characters.places)
        places = np.concatenate([stems_found, pieces_found + first_piece, concepts_found + first_concept])
        return places, np.concatenate([stems_weight, pieces_weight, concepts_weight * CONCEPT_WEIGHT])

    def _stem_pairs(self, text: str) -> list[str]:
        found = stems(text, self.language)
        return found + [f"{first} {second}" for first, second in pairwise(found)]


def character_ngrams(folded: str) -> list[str]:
    """Pieces of 2 to 5 characters inside words, with a blank at each word's ends (scikit-learn's `char_wb`)."""
    found = []
    for word in folded.split():
        padded = f" {word} "
        for size in range(SHORTEST_PIECE, min(LONGEST_PIECE, len(padded)) + 1):
            found += [padded[start : start + size] for start in range(len(padded) - size + 1)]
    return found


@dataclass(frozen=True)
class Model:
    """What was learnt of one language: a row of weights a feature, a column a label.

    Where messages outside the subject were learnt, a last column weighs inside against outside.
    """

    features: Features
    labels: list[str]
    weights: sparse.csr_matrix
    bias: Any


class Understanding:
    """The models of all languages."""

    def __init__(self, words: Words, shared: Block, models: dict[str, Model]) -> None:
        self._words = words
        self._shared = shared
        self._models = models

    @classmethod
    def train(cls, examples: Sequence[Example], *, words: Words | None = None) -> Understanding:
        """Learn from messages of all languages; each is named by its label."""
        words = read_words(CONCEPTS_FILE) if words is None else words
        languages = sorted({example.language for example in examples})
        features = {language: Features(language, words) for language in languages}
        shared = _shared_block()
        found = (" ".join(features[example.language].concepts.features(example.text)) for example in examples)
        concepts = shared.fit(found)
        spoken = np.array([example.language for example in examples])
        labels = np.array([example.label for example in examples])

        own = {language: spoken == language for language in languages}
        rows = {
            language: features[language].fit([each.text for each in examples if each.language == language])
            for language in languages
        }
        learnt = Parallel(n_jobs=WORKERS, backend="multiprocessing")(
            delayed(_learn)(rows[language], concepts[own[language]], concepts[~own[language]], labels, own[language])
            for language in languages
        )
        models = {
            language: Model(features[language], *parts) for language, parts in zip(languages, learnt, strict=True)
        }
        return cls(words, shared, models)

    def rank(self, text: str, *, language: str | None, size: int | None = None) -> list[Ranked]:
        """The most likely labels, best first; all of them without a size."""
        languages = [language] if language in self._models else list(self._models)
        rankings = [self._rank_in(text, each, size) for each in languages if each is not None]
        return max(rankings, key=lambda ranking: ranking[0].confidence, default=[])

    def save(self, folder: Path) -> None:
        """Write plain arrays and JSON, so that loading runs no code of the file."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "concepts.json").write_text(json.dumps(self._words, ensure_ascii=False), encoding="utf-8")
        self._shared.save(folder / "shared")
        for language, model in self._models.items():
            place = folder / language
            model.features.stems.save(place / "stems")
            model.features.characters.save(place / "characters")
            sparse.save_npz(place / _WEIGHTS, model.weights)
            parts = {"labels": model.labels, "bias": model.bias.tolist()}
            (place / _PARTS).write_text(json.dumps(parts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Understanding:
        words = json.loads((folder / "concepts.json").read_text(encoding="utf-8"))
        shared = _shared_block()
        shared.load(folder / "shared")
        models = {}
        for parts in sorted(folder.glob(f"*/{_PARTS}")):
            place = parts.parent
            features = Features(place.name, words)
            features.stems.load(place / "stems")
            features.characters.load(place / "characters")
            kept = json.loads(parts.read_text(encoding="utf-8"))
            bias = np.array(kept["bias"], dtype=np.float32)
            models[place.name] = Model(features, kept["labels"], sparse.load_npz(place / _WEIGHTS), bias)
        return cls(words, shared, models)

    def _rank_in(self, text: str, language: str, size: int | None) -> list[Ranked]:
        model = self._models[language]
        shares = _as_shares(weigh_refusal(self._margins(text, model), model.labels))
        return [Ranked(model.labels[place], float(shares[place])) for place in np.argsort(-shares)[:size]]

    def _margins(self, text: str, model: Model) -> Any:
        """A message's features times the weights: only the rows of those that it has, without a matrix of its own."""
        places, values = model.features.weigh(text, self._shared)
        rows = model.weights.indptr
        starts, sizes = rows[places], rows[places + 1] - rows[places]
        before = np.cumsum(sizes) - sizes
        taken = np.repeat(starts - before, sizes) + np.arange(sizes.sum())
        products = model.weights.data[taken] * np.repeat(values, sizes)
        return np.bincount(model.weights.indices[taken], products, minlength=len(model.bias)) + model.bias


def _shared_block() -> Block:
    return Block(analyzer=str.split, min_df=MINIMUM_CONCEPTS)


def _learn(rows: Any, own_concepts: Any, other_concepts: Any, labels: Any, own: Any) -> tuple[list[str], Any, Any]:
    """Labels, weights and bias of one language's model, its small weights dropped."""
    meant = np.concatenate([labels[own], labels[~own]])
    nothing = sparse.csr_matrix((other_concepts.shape[0], rows.shape[1]))
    everything = sparse.vstack(
        [sparse.hstack([rows, own_concepts * CONCEPT_WEIGHT]), sparse.hstack([nothing, other_concepts])]
    ).tocsr()
    importance = np.concatenate([np.ones(rows.shape[0]), np.full(other_concepts.shape[0], OTHER_LANGUAGES_WEIGHT)])
    model = LinearSVC(C=PENALTY, tol=TOLERANCE, random_state=1)
    model.fit(everything, meant, sample_weight=importance)
    weights, bias = model.coef_.T, model.intercept_
    outside = meant == OUT_OF_SCOPE
    if outside.any():
        second = LinearSVC(C=PENALTY, tol=TOLERANCE, random_state=1)
        second.fit(everything, outside, sample_weight=importance * np.where(outside, OUTSIDE_IMPORTANCE, 1.0))
        weights, bias = np.hstack([weights, second.coef_.T]), np.append(bias, second.intercept_)
    weights = weights.astype(np.float32)
    weights[np.abs(weights) < SMALLEST_WEIGHT] = 0.0
    return [str(label) for label in model.classes_], sparse.csr_matrix(weights), bias.astype(np.float32)


def weigh_refusal(margins: Any, labels: list[str]) -> Any:
    """The labels' margins, with out of scope raised where the second question says so."""
    if len(margins) == len(labels):
        return margins
    margins, outside = margins[:-1].copy(), margins[-1]
    place = labels.index(OUT_OF_SCOPE)
    rival = next(labels[other] for other in np.argsort(-margins) if other != place)
    if rival not in NEVER_REFUSED:
        margins[place] += OUTSIDE_WEIGHT * np.clip(outside + OUTSIDE_LEAD, 0.0, 1.0)
    return margins


def _as_shares(margins: Any) -> Any:
    """Margins as shares that add up to one (softmax)."""
    powers = np.exp(SHARPNESS * (margins - margins.max()))
    return powers / powers.sum()
