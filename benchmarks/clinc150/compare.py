"""CLINC150 (small) through the assistant's understanding, beside Rasa's linear pipeline, so that others can judge it.

Run from the project's folder, with the assistant's environment, which has scikit-learn:

    PYTHONPATH=bot bot/.venv/bin/python benchmarks/clinc150/compare.py [data_small.json]

In scope: how many of the 4,500 test messages get their intent. Out of scope: how many of the 1,000 messages that fit no
intent are told apart, once by the label alone (100 examples of it are learnt like any intent), once also where the
confidence is below the value that serves the validation messages best.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from rasa_components.understanding import Example, Understanding

DATA = Path(__file__).with_name("data_small.json")
OUT_OF_SCOPE = "oos"
LANGUAGE = "en"

Messages = Sequence[tuple[str, str]]
Guess = tuple[str, float]
Guesser = Callable[[Sequence[str]], list[Guess]]


@dataclass(frozen=True)
class Figures:
    """What one model reached."""

    name: str
    seconds: float
    by_label: tuple[str, str]
    threshold: float
    by_confidence: tuple[str, str]


def main() -> int:
    """Prints one line a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    path = parser.parse_args().data
    if not path.exists():
        print(f"{path} is missing. It is data/data_small.json of https://github.com/clinc/oos-eval (CC BY 3.0).")
        return 1
    data = json.loads(path.read_text(encoding="utf-8"))
    print(f"{'':46}{'by label alone':>40}{'with a least confidence':>50}")
    print(
        f"{'model':32}{'training':>14}{'in scope':>20}{'out of scope':>20}{'':>10}{'in scope':>20}{'out of scope':>20}"
    )
    for name, learn in (("the assistant's", learn_ours), ("Rasa's LogisticRegression", learn_rasas)):
        show(judge(name, learn, data))
    return 0


def judge(name: str, learn: Callable[[Messages], Guesser], data: dict[str, Messages]) -> Figures:
    """Train on train and oos_train, choose the least confidence on val and oos_val, judge test and oos_test."""
    start = time.perf_counter()
    guess = learn([*data["train"], *data["oos_train"]])
    seconds = time.perf_counter() - start
    threshold = choose_threshold(data["val"], guess(texts(data["val"])), guess(texts(data["oos_val"])))
    inside, outside = guess(texts(data["test"])), guess(texts(data["oos_test"]))
    by_label, by_confidence = (score(data["test"], inside, outside, least) for least in (0.0, threshold))
    return Figures(name, seconds, by_label, threshold, by_confidence)


def choose_threshold(inside: Messages, guesses: Sequence[Guess], outside: Sequence[Guess]) -> float:
    """The least confidence with the best mean of both shares on the validation messages."""

    def serve(least: float) -> float:
        right = np.mean([understand(guess, least) == label for (_, label), guess in zip(inside, guesses, strict=True)])
        refused = np.mean([understand(guess, least) == OUT_OF_SCOPE for guess in outside])
        return float(right + refused)

    return max((float(least) for least in np.linspace(0, 0.95, 96)), key=serve)


def score(inside: Messages, guesses: Sequence[Guess], outside: Sequence[Guess], least: float) -> tuple[str, str]:
    """Shares right in scope and out of scope, with Wilson's interval."""
    right = sum(understand(guess, least) == label for (_, label), guess in zip(inside, guesses, strict=True))
    refused = sum(understand(guess, least) == OUT_OF_SCOPE for guess in outside)
    return share(right, len(inside)), share(refused, len(outside))


def understand(guess: Guess, least: float) -> str:
    """The label, if it is sure enough."""
    label, confidence = guess
    return label if confidence >= least else OUT_OF_SCOPE


def share(count: int, total: int, z: float = 1.96) -> str:
    """In percent, with Wilson's interval at 95 %."""
    part = count / total
    middle = (part + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(part * (1 - part) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * part:.1f} ({100 * (middle - half):.1f}-{100 * (middle + half):.1f})"


def texts(messages: Messages) -> list[str]:
    return [text for text, _ in messages]


def learn_ours(messages: Messages) -> Guesser:
    """The understanding as it is, with the words of the hub's subject, which help little here."""
    understanding = Understanding.train([Example(text, label, LANGUAGE) for text, label in messages])

    def guess(asked: Sequence[str]) -> list[Guess]:
        best = [understanding.rank(text, language=LANGUAGE, size=1)[0] for text in asked]
        return [(ranked.label, ranked.confidence) for ranked in best]

    return guess


def learn_rasas(messages: Messages) -> Guesser:
    """What bot/config/logistic.yml computes: counts of words and of characters 1-4, LogisticRegressionClassifier."""
    vectorizers = [CountVectorizer(), CountVectorizer(analyzer="char_wb", ngram_range=(1, 4))]
    rows = sparse.hstack([each.fit_transform(texts(messages)) for each in vectorizers]).tocsr()
    model = LogisticRegression(class_weight="balanced", max_iter=100, random_state=42)
    model.fit(rows, [label for _, label in messages])

    def guess(asked: Sequence[str]) -> list[Guess]:
        chances = model.predict_proba(sparse.hstack([each.transform(asked) for each in vectorizers]).tocsr())
        return [(str(model.classes_[row.argmax()]), float(row.max())) for row in chances]

    return guess


def show(figures: Figures) -> None:
    print(
        f"{figures.name:32}{figures.seconds:12.0f} s{figures.by_label[0]:>20}{figures.by_label[1]:>20}"
        f"{f'>= {figures.threshold:.2f}':>10}{figures.by_confidence[0]:>20}{figures.by_confidence[1]:>20}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
