"""The network: what each word says in its surroundings, added up.

Words become vectors (beside what was learned of a word stand the thermometer of a year and the
classes of the lexicon), dilated convolutions let each word see fifteen words on either side, and
three numbers per word come out: how much it speaks for each reason not to comply. Their sums and a
bias are the log-odds of the reasons, and one reason is enough: with p the probability of a reason,
as if the three were independent, 1 - P = (1 - p1) (1 - p2) (1 - p3). In log-odds that is

    Z = log(exp(z1) + exp(z2) + exp(z3) + exp(z1 + z2) + ... + exp(z1 + z2 + z3))

So the weights that the web application shows are no guess about the model but its reckoning: the
weights of a word for the reasons, each as often as the reason counts, dZ / dz = p / P.
"""

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn

from edge_assets.models.compliance.lexicon import classes
from edge_assets.models.compliance.sample_facts import REASONS
from edge_assets.models.compliance.words import FIRST, PAD, places_of
from edge_assets.models.compliance.years import thermometers

DILATIONS = (1, 2, 4, 8)
_MET = tuple(itertools.product((0.0, 1.0), repeat=len(REASONS)))[1:]
"""Which reasons are met together, for each way of meeting one at least."""


class ComplianceNet(nn.Module):
    """Takes the numbers of words, int64 [texts, words]; the vocabulary is what they stand for."""

    years: torch.Tensor
    classes: torch.Tensor
    met: torch.Tensor

    def __init__(
        self,
        vocabulary: tuple[str, ...],
        width: int,
        channels: int,
        *,
        known_classes: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        """`known_classes` are those of the lexicon, which are stored with the weights: a network
        keeps the lexicon that it was trained with."""
        super().__init__()
        self.vocabulary = vocabulary
        self.places = places_of(vocabulary)
        self.embed = nn.Embedding(FIRST + len(vocabulary), width, padding_idx=PAD)
        years = np.pad(thermometers(vocabulary), ((FIRST, 0), (0, 0)))
        self.register_buffer("years", torch.from_numpy(years), persistent=False)
        if known_classes is None:
            table = np.pad(classes(vocabulary), ((FIRST, 0), (0, 0)))
        else:
            table = np.zeros((FIRST + len(vocabulary), known_classes), dtype=np.uint8)
        self.register_buffer("classes", torch.from_numpy(table))
        self.enter = nn.Linear(width + years.shape[1] + table.shape[1], channels)
        self.dropout = nn.Dropout(dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, padding=step, dilation=step) for step in DILATIONS
        )
        self.weigh = nn.Linear(channels, len(REASONS), bias=False)
        self.bias = nn.Parameter(torch.zeros(len(REASONS)))
        self.register_buffer("met", torch.tensor(_MET), persistent=False)

    @property
    def is_year(self) -> torch.Tensor:
        """Of each number of a word, whether that word is a year in figures."""
        return self.years[:, 0] > 0

    @property
    def meta(self) -> dict[str, Any]:
        """All that is needed to make the same network without its weights."""
        return {
            "vocabulary": list(self.vocabulary),
            "width": self.embed.embedding_dim,
            "channels": self.enter.out_features,
            "classes": self.classes.shape[1],
        }

    def weights(self, numbers: torch.Tensor, learned: torch.Tensor | None = None) -> torch.Tensor:
        """The log-odds that each word adds to each reason, float32 [texts, words, reasons]; 0 where
        there is no word.

        `learned`, like `numbers`, has UNKNOWN where only year and classes of a word shall count.
        """
        there = (numbers != PAD).unsqueeze(1).to(torch.float32)
        vectors = self.embed(numbers if learned is None else learned)
        told = self.classes[numbers].to(torch.float32)
        known = self.dropout(torch.cat([vectors, self.years[numbers], told], dim=2))
        seen = torch.relu(self.enter(known)).transpose(1, 2) * there
        for convolution in self.convolutions:
            seen = (seen + self.dropout(torch.relu(convolution(seen)))) * there
        added: torch.Tensor = self.weigh(self.dropout(seen).transpose(1, 2))
        return added * there.transpose(1, 2)

    def log_odds(
        self, numbers: torch.Tensor, learned: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-odds of "not compliant", float32 [texts]; of the reasons [texts, reasons]."""
        of_reasons = self.weights(numbers, learned).sum(dim=1) + self.bias
        return torch.logsumexp(of_reasons @ self.met.T, dim=1), of_reasons

    def forward(self, numbers: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Label int64 [texts, 1], probabilities [texts, 2] of 0 and 1, weights [texts, words] and
        the probabilities of the reasons [texts, reasons]."""
        weights = self.weights(numbers)
        of_reasons = weights.sum(dim=1) + self.bias
        ways = of_reasons @ self.met.T
        odds = torch.logsumexp(ways, dim=1, keepdim=True)
        counts = torch.softmax(ways, dim=1) @ self.met
        shown = (weights * counts.unsqueeze(1)).sum(dim=2)
        probabilities = torch.cat([torch.sigmoid(-odds), torch.sigmoid(odds)], dim=1)
        return (odds > 0).to(torch.int64), probabilities, shown, torch.sigmoid(of_reasons)
