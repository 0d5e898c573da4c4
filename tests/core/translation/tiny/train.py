"""Makes the two tiny packages beside it: French to English, English to Italian. Really trained, for tests only.

They know the sentences of sentences.tsv and little else; ``XQ1`` to ``XQ9`` stand for what is protected. An encoder and
a decoder of two layers each (a Transformer, pre-norm) are trained with JAX and written with CTranslate2's own
specification, so that argostranslate opens them like any other package. Needs an environment of its own with
``jax ctranslate2 sentencepiece numpy``. Run as ``python train.py [seconds]``: seconds of one processor core for each
package; 240 are enough.
"""

from __future__ import annotations

import io
import json
import math
import random
import re
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec

HERE = Path(__file__).parent
LANGUAGES = ("en", "fr", "it")
PAIRS = (("fr", "en"), ("en", "it"))
WIDTH, HEADS, INNER, LAYERS, LONGEST, PIECES = 96, 4, 256, 2, 48, 700
SLOT = re.compile(r"\{(\d)\}")
README = """# {source} to {target}, for tests only

Trained by tests/core/translation/tiny/train.py on the sentences beside it, which belong to this project (EUPL-1.2, like
the project itself). It knows those sentences and little else: never use it for people.
"""


def read_pairs(source: str, target: str) -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in (HERE / "sentences.tsv").read_text(encoding="utf-8").splitlines()]
    return [(row[LANGUAGES.index(source)], row[LANGUAGES.index(target)]) for row in rows]


def fill(pair: tuple[str, str], numbers: list[int]) -> tuple[str, str]:
    """The pair with numbered tokens in its slots, the same on both sides."""
    first, second = (SLOT.sub(lambda slot: f"XQ{numbers[int(slot.group(1)) - 1]}", text) for text in pair)
    return first, second


def train_pieces(pairs: list[tuple[str, str]]) -> bytes:
    written = io.BytesIO()
    filled = [text for pair in pairs for text in fill(pair, [1, 2, 3])]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(filled * 3),
        model_writer=written,
        vocab_size=PIECES,
        model_type="unigram",
        character_coverage=1.0,
        user_defined_symbols=[f"XQ{number}" for number in range(1, 10)],
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return written.getvalue()


def positions() -> np.ndarray:
    steps = np.arange(LONGEST)[:, None] / np.exp(np.arange(0, WIDTH, 2) * (math.log(10000.0) / WIDTH))
    table = np.zeros((LONGEST, WIDTH), np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(steps), np.cos(steps)
    return table


POSITIONS = positions()


def new_weights(size: int, seed: int = 7) -> dict[str, Any]:
    rng = np.random.default_rng(seed)

    def linear(rows: int, columns: int) -> dict[str, np.ndarray]:
        bound = math.sqrt(6 / (rows + columns))
        return {
            "w": rng.uniform(-bound, bound, (rows, columns)).astype(np.float32),
            "b": np.zeros(rows, np.float32),
        }

    def norm() -> dict[str, np.ndarray]:
        return {"g": np.ones(WIDTH, np.float32), "b": np.zeros(WIDTH, np.float32)}

    def attention(*, is_self: bool) -> dict[str, Any]:
        parts = [linear(3 * WIDTH, WIDTH)] if is_self else [linear(WIDTH, WIDTH), linear(2 * WIDTH, WIDTH)]
        return {"norm": norm(), "linear": [*parts, linear(WIDTH, WIDTH)]}

    def layer(*, decodes: bool) -> dict[str, Any]:
        made = {
            "self": attention(is_self=True),
            "norm": norm(),
            "up": linear(INNER, WIDTH),
            "down": linear(WIDTH, INNER),
        }
        return made | ({"cross": attention(is_self=False)} if decodes else {})

    return {
        "embedding": (rng.standard_normal((size, WIDTH)) * WIDTH**-0.5).astype(np.float32),
        "projection": linear(size, WIDTH),
        "encoder": {"layers": [layer(decodes=False) for _ in range(LAYERS)], "norm": norm()},
        "decoder": {"layers": [layer(decodes=True) for _ in range(LAYERS)], "norm": norm()},
    }


def apply(part: dict[str, Any], x: Any) -> Any:
    return x @ part["w"].T + part["b"]


def normalise(part: dict[str, Any], x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * part["g"] + part["b"]


def attend(part: dict[str, Any], x: Any, memory: Any | None, mask: Any) -> Any:
    x = normalise(part["norm"], x)
    if memory is None:
        query, key, value = jnp.split(apply(part["linear"][0], x), 3, axis=-1)
    else:
        query = apply(part["linear"][0], x)
        key, value = jnp.split(apply(part["linear"][1], memory), 2, axis=-1)

    def heads(y: Any) -> Any:
        return y.reshape(*y.shape[:2], HEADS, -1).transpose(0, 2, 1, 3)

    scores = heads(query) @ heads(key).transpose(0, 1, 3, 2) / math.sqrt(WIDTH / HEADS)
    mixed = jax.nn.softmax(jnp.where(mask, scores, -1e9)) @ heads(value)
    return apply(part["linear"][-1], mixed.transpose(0, 2, 1, 3).reshape(*x.shape[:2], WIDTH))


def dropped(x: Any, key: Any) -> Any:
    return x * jax.random.bernoulli(key, 0.9, x.shape) / 0.9


def run(stack: dict[str, Any], x: Any, mask: Any, key: Any, memory: Any = None, memory_mask: Any = None) -> Any:
    for layer in stack["layers"]:
        keys = jax.random.split(key, 4)
        key = keys[3]
        x = x + dropped(attend(layer["self"], x, None, mask), keys[0])
        if memory is not None:
            x = x + dropped(attend(layer["cross"], x, memory, memory_mask), keys[1])
        inner = jax.nn.relu(apply(layer["up"], normalise(layer["norm"], x)))
        x = x + dropped(apply(layer["down"], inner), keys[2])
    return normalise(stack["norm"], x)


def loss(weights: dict[str, Any], source: Any, given: Any, wanted: Any, key: Any) -> Any:
    first, second = jax.random.split(key)

    def embed(ids: Any) -> Any:
        return weights["embedding"][ids] * math.sqrt(WIDTH) + POSITIONS[: ids.shape[1]]

    seen = (source != 0)[:, None, None, :]
    earlier = jnp.tril(jnp.ones((given.shape[1], given.shape[1]), bool))[None, None]
    memory = run(weights["encoder"], embed(source), seen, first)
    state = run(weights["decoder"], embed(given), earlier, second, memory, seen)
    scores = jax.nn.log_softmax(apply(weights["projection"], state))
    right = jnp.take_along_axis(scores, wanted[..., None], -1)[..., 0]
    costs = -(0.95 * right + 0.05 * scores.mean(-1))
    counted = wanted != 0
    return (costs * counted).sum() / counted.sum()


@jax.jit  # type: ignore[untyped-decorator]
def step(weights: Any, first: Any, second: Any, number: Any, batch: Any, key: Any) -> Any:
    """One step of Adam, with a rate that rises and then falls."""
    cost, slopes = jax.value_and_grad(loss)(weights, *batch, key)
    rate = 3e-3 * jnp.minimum(number / 60, jnp.sqrt(60 / number))
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slopes)
    second = jax.tree.map(lambda v, g: 0.98 * v + 0.02 * g * g, second, slopes)

    def moved(w: Any, m: Any, v: Any) -> Any:
        return w - rate * (m / (1 - 0.9**number)) / (jnp.sqrt(v / (1 - 0.98**number)) + 1e-8)

    return jax.tree.map(moved, weights, first, second), first, second, cost


def encode(pieces: Any, pairs: list[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids in rows; 0 fills up (it is <unk>, which no sentence here has)."""
    source = np.zeros((len(pairs), LONGEST), np.int32)
    given, wanted = source.copy(), source.copy()
    for row, (left, right) in enumerate(pairs):
        a, b = pieces.encode(left)[:LONGEST], pieces.encode(right)[: LONGEST - 1]
        source[row, : len(a)] = a
        given[row, : len(b) + 1] = [1, *b]
        wanted[row, : len(b) + 1] = [*b, 2]
    return source, given, wanted


def train(pieces: Any, pairs: list[tuple[str, str]], seconds: float) -> dict[str, Any]:
    weights = new_weights(pieces.get_piece_size())
    first = jax.tree.map(np.zeros_like, weights)
    second, key, draw = first, jax.random.key(3), random.Random(5)
    begun, number = time.process_time(), 0
    while time.process_time() - begun < seconds:
        number += 1
        chosen = [fill(pair, draw.sample(range(1, 10), 3) if draw.random() < 0.3 else [1, 2, 3]) for pair in pairs]
        draw.shuffle(chosen)
        key, now = jax.random.split(key)
        batch = encode(pieces, chosen[:64])
        weights, first, second, cost = step(weights, first, second, np.float32(number), batch, now)
        if number % 50 == 0:
            print(number, round(time.process_time() - begun), round(float(cost), 3), flush=True)
    trained: dict[str, Any] = jax.tree.map(np.array, weights)
    return trained


def write_model(weights: dict[str, Any], pieces: Any, folder: Path) -> None:
    """As CTranslate2 reads it, in 8 bits."""
    spec = TransformerSpec.from_config((LAYERS, LAYERS), HEADS, pre_norm=True)

    def put(target: Any, part: dict[str, Any]) -> None:
        target.weight, target.bias = part["w"], part["b"]

    def put_norm(target: Any, part: dict[str, Any]) -> None:
        target.gamma, target.beta = part["g"], part["b"]

    def put_attention(target: Any, part: dict[str, Any]) -> None:
        put_norm(target.layer_norm, part["norm"])
        for linear, weights_of_it in zip(target.linear, part["linear"], strict=True):
            put(linear, weights_of_it)

    for name in ("encoder", "decoder"):
        side, given = getattr(spec, name), weights[name]
        embeddings = side.embeddings[0] if isinstance(side.embeddings, list) else side.embeddings
        embeddings.weight = weights["embedding"]
        side.position_encodings.encodings = POSITIONS
        put_norm(side.layer_norm, given["norm"])
        for layer, part in zip(side.layer, given["layers"], strict=True):
            put_attention(layer.self_attention, part["self"])
            if name == "decoder":
                put_attention(layer.attention, part["cross"])
            put_norm(layer.ffn.layer_norm, part["norm"])
            put(layer.ffn.linear_0, part["up"])
            put(layer.ffn.linear_1, part["down"])
    put(spec.decoder.projection, weights["projection"])
    words = [pieces.id_to_piece(number) for number in range(pieces.get_piece_size())]
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))


def pack(source: str, target: str, weights: dict[str, Any], model: bytes, pieces: Any) -> Path:
    """A package as argostranslate installs it."""
    names = {"en": "English", "fr": "French", "it": "Italian"}
    about = {
        "package_version": "1.0",
        "argos_version": "1.11",
        "from_code": source,
        "from_name": names[source],
        "to_code": target,
        "to_name": names[target],
        "type": "translate",
        "links": [],
    }
    path = HERE / f"translate-{source}_{target}-tiny.argosmodel"
    with tempfile.TemporaryDirectory() as folder:
        model_folder = Path(folder) / "model"
        model_folder.mkdir()
        write_model(weights, pieces, model_folder)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            root = f"{source}_{target}"
            archive.writestr(f"{root}/metadata.json", json.dumps(about, indent=1))
            archive.writestr(f"{root}/README.md", README.format(source=names[source], target=names[target]))
            archive.writestr(f"{root}/sentencepiece.model", model)
            for file in sorted(model_folder.iterdir()):
                archive.write(file, f"{root}/model/{file.name}")
    return path


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 240.0
    for source, target in PAIRS:
        pairs = read_pairs(source, target)
        model = train_pieces(pairs)
        pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        path = pack(source, target, train(pieces, pairs, seconds), model, pieces)
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
