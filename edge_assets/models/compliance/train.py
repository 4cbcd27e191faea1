"""Fits the network to descriptions, asks it, and makes an empty one for stored weights."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from edge_assets.flavours.torch import one_thread
from edge_assets.models.compliance.augment import augmented
from edge_assets.models.compliance.embeddings import read_glove
from edge_assets.models.compliance.lexicon import lexicon_words
from edge_assets.models.compliance.network import ComplianceNet
from edge_assets.models.compliance.sample_facts import REASONS
from edge_assets.models.compliance.words import (
    PAD,
    UNKNOWN,
    numbers_of,
    places_of,
    vocabulary_of,
    words_of,
)
from edge_assets.models.compliance.years import YEAR_WORDS

SHOWN = 64
"""Words of a description that are shown with their weights; all words are reckoned with."""
MOST_ADDED = 6
"""Descriptions that training adds for each row and epoch at most: few rows stay quick to learn."""
_ASKED = 512  # texts at once: a table is as wide as its longest text


def train(
    rows: pd.DataFrame,
    *,
    target: str = "non_compliant",
    embeddings: str | None = None,
    width: int = 32,
    channels: int = 64,
    least: int = 5,
    epochs: int = 8,
    batch: int = 128,
    learning_rate: float = 0.008,
    forget: float = 0.01,
    blur: float = 0.2,
    strangers: float = 0.3,
    reason_weight: float = 1.5,
    dropout: float = 0.0,
    silent_share: float = 0.02,
    augment: int = 70_000,
    seed: int = 42,
) -> ComplianceNet:
    """The network fitted to `description` and `target` (1 = not compliant); one thread.

    `embeddings` is a file in GloVe's format: its vectors are where training starts for the words
    that it has, and `width` is then that of the file. Without it all start at random. Words that
    fewer than `least` descriptions have are one unknown word.

    Each epoch has all rows and `augment` descriptions of its own, at most `MOST_ADDED` for each
    row. In it a share `forget` of all words is taken for unknown, and of a share `blur` only year
    and lexicon count: the network must not hang on single words. Of a year in figures nothing else
    counts at all, so that every year is understood. Into a share `strangers` of the
    descriptions a few unknown words are put: remarks that say nothing of the part. `dropout` is a
    share of what it reckons with.

    Deliveries have labels only, descriptions that are added have reasons, too: what is known of
    these counts `reason_weight` times as much as the label. `silent_share` adds that many
    descriptions which say nothing known, as not compliant: who asks about gibberish must not be
    told that all is well. The same rows and parameters give the same network.

    Raises ConfigurationError when `embeddings` is no such file.
    """
    each = min(augment, MOST_ADDED * len(rows))
    added = augmented(epochs * each, seed)
    texts = [*rows["description"].tolist(), *(one.description for one in added)]
    told = [*rows[target].tolist(), *(one.label for one in added)]
    vocabulary = vocabulary_of(texts, least=least, always={*YEAR_WORDS, *lexicon_words()})
    vectors: dict[str, NDArray[np.float32]] = {}
    if embeddings is not None:
        vectors, width = read_glove(Path(embeddings), vocabulary)
    rng = np.random.default_rng(seed)
    spread = _silent(rng, round(silent_share * (len(rows) + each)))
    places = places_of(vocabulary)
    numbers = [numbers_of([words_of(text)], places)[0, :-1] for text in texts]
    numbers = [_with_strangers(rng, row, strangers) for row in numbers] + spread
    labels = np.array([*told, *([1] * len(spread))], dtype=np.float32)
    reasons = np.full((len(labels), len(REASONS)), np.nan, dtype=np.float32)
    reasons[: len(rows)][labels[: len(rows)] == 0] = 0  # whatever complies has none
    if added:
        reasons[len(rows) : len(texts)] = np.array([one.reasons for one in added], np.float32)
    with one_thread(seed):
        model = ComplianceNet(vocabulary, width, channels, dropout=dropout)
        with torch.no_grad():
            seen = np.zeros(len(model.embed.weight), dtype=np.bool_)
            seen[np.concatenate(numbers)] = True
            for word, vector in vectors.items():
                model.embed.weight[places[word]] = torch.from_numpy(vector)
            given = seen.copy()
            given[[places[word] for word in vectors]] = True
            given[model.is_year.numpy()] = False
        targets = (labels, reasons, reason_weight)
        turns = _turns(len(rows), each, len(spread), epochs)
        _fit(model, numbers, targets, rng, turns, batch, learning_rate, (forget, blur))
        with torch.no_grad():  # nothing moved what was not learned: year and classes speak for it
            model.embed.weight[~torch.from_numpy(given)] = model.embed.weight[UNKNOWN].clone()
            model.embed.weight[PAD] = 0
    return model.eval()


def predict(model: ComplianceNet, rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Every output of `model.yaml` by name; the first axis counts the rows.

    `non_compliant` int64 [rows, 1], `probabilities` float32 [rows, 2], `words` text [rows, SHOWN]
    (filled up with ""), `word_weights` float32 [rows, SHOWN] and `reasons` float32 [rows, reasons].
    """
    size = len(rows)
    labels, probabilities = np.zeros((size, 1), np.int64), np.zeros((size, 2), np.float32)
    shown, weights = np.full((size, SHOWN), "", object), np.zeros((size, SHOWN), np.float32)
    reasons = np.zeros((size, len(REASONS)), np.float32)
    found = [words_of(text) for text in rows["description"].tolist()]
    with one_thread(), torch.no_grad():
        for start in range(0, size, _ASKED):
            part = slice(start, start + _ASKED)
            numbers = torch.from_numpy(numbers_of(found[part], model.places))
            label, probability, weight, reason = model(numbers)
            labels[part], probabilities[part] = label.numpy(), probability.numpy()
            reasons[part] = reason.numpy()
            kept = weight.numpy()[:, :SHOWN]
            weights[part, : kept.shape[1]] = kept
    for row, words in zip(shown, found, strict=True):
        row[: min(len(words), SHOWN)] = words[:SHOWN]
    return {
        "non_compliant": labels,
        "probabilities": probabilities,
        "words": shown,
        "word_weights": weights,
        "reasons": reasons,
    }


def restore(meta: dict[str, Any]) -> ComplianceNet:
    """The network without its weights, as `meta` of the trained one says."""
    vocabulary = tuple(str(word) for word in meta["vocabulary"])
    sizes = int(meta["width"]), int(meta["channels"])
    return ComplianceNet(vocabulary, *sizes, known_classes=int(meta["classes"]))


def _silent(rng: np.random.Generator, count: int) -> list[NDArray[np.int64]]:
    """Descriptions of unknown words only, some without any word."""
    return [np.full(length, UNKNOWN, np.int64) for length in rng.integers(0, 25, count)]


def _turns(delivered: int, added: int, silent: int, epochs: int) -> list[NDArray[np.int64]]:
    """The descriptions of each epoch: all that were delivered, and added ones of its own."""
    end = delivered + epochs * added
    always = [*range(delivered), *range(end, end + silent)]
    return [
        np.array([*always, *range(start, start + added)])
        for start in range(delivered, delivered + epochs * added, added or 1)
    ] or [np.array(always)] * epochs


def _with_strangers(
    rng: np.random.Generator, row: NDArray[np.int64], share: float
) -> NDArray[np.int64]:
    """The row, or by the chance `share` the row with one to six unknown words in one place."""
    if len(row) <= 3 or rng.random() >= share:
        return row
    place, count = rng.integers(0, len(row) + 1), rng.integers(1, 7)
    return np.insert(row, place, np.full(count, UNKNOWN))


def _fit(
    model: ComplianceNet,
    numbers: list[NDArray[np.int64]],
    targets: tuple[NDArray[np.float32], NDArray[np.float32], float],
    rng: np.random.Generator,
    turns: Sequence[NDArray[np.int64]],
    batch: int,
    learning_rate: float,
    shares: tuple[float, float],
) -> None:
    """Adam (Kingma, Ba 2015) on the log loss of the label, and that of the reasons as far as they
    are known, with a learning rate that falls to nothing."""
    labels, reasons, reason_weight = targets
    batches = max(1, -(-len(turns[0]) // batch))
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    steps = len(turns) * batches

    def pace(step: int) -> float:
        """The share of the learning rate: up in a straight line, down in half a wave."""
        warm = max(1, steps // 8)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, pace)
    loss = torch.nn.BCEWithLogitsLoss()
    lengths = np.array([len(row) for row in numbers])
    is_year = model.is_year.numpy()
    model.train()
    for turn in turns:
        # texts of about one length together: less of the reckoning is for what is not there
        order = turn[np.argsort(lengths[turn] + rng.uniform(0, 4, len(turn)), kind="stable")]
        parts = np.array_split(order, batches)
        for place in rng.permutation(len(parts)):
            chosen = parts[place]
            table = np.zeros((len(chosen), int(lengths[chosen].max()) + 1), np.int64)
            for row, at in zip(table, chosen, strict=True):
                row[: lengths[at]] = numbers[at]
            forget, blur = ((table != PAD) & (rng.random(table.shape) < share) for share in shares)
            table[forget] = UNKNOWN
            learned = np.where(blur | is_year[table], UNKNOWN, table)
            optimizer.zero_grad()
            told, why = model.log_odds(torch.from_numpy(table), torch.from_numpy(learned))
            error = loss(told, torch.from_numpy(labels[chosen]))
            truth = torch.from_numpy(reasons[chosen])
            known = ~torch.isnan(truth)
            if known.any():
                error = error + reason_weight * loss(why[known], truth[known])
            error.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
