"""The network: what each word says in its surroundings, added up.

Words become vectors (years in digits with their thermometer beside it), three dilated convolutions
let each word see seven words on either side, and one number per word comes out: how much it speaks
for "not compliant". Their sum and a bias are the log-odds. So the weights that the web application
shows are no guess about the model but its reckoning: bias + sum(weights) is the decision.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from edge_assets.models.compliance.words import FIRST, PAD, places_of
from edge_assets.models.compliance.years import thermometers

DILATIONS = (1, 2, 4)


class ComplianceNet(nn.Module):
    """Takes the numbers of words, int64 [texts, words]; the vocabulary is what they stand for."""

    years: torch.Tensor

    def __init__(self, vocabulary: tuple[str, ...], width: int, channels: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.places = places_of(vocabulary)
        self.embed = nn.Embedding(FIRST + len(vocabulary), width, padding_idx=PAD)
        years = np.pad(thermometers(vocabulary), ((FIRST, 0), (0, 0)))
        self.register_buffer("years", torch.from_numpy(years), persistent=False)
        self.enter = nn.Linear(width + years.shape[1], channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, padding=step, dilation=step) for step in DILATIONS
        )
        self.weigh = nn.Linear(channels, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))

    @property
    def meta(self) -> dict[str, Any]:
        """All that is needed to make the same network without its weights."""
        return {
            "vocabulary": list(self.vocabulary),
            "width": self.embed.embedding_dim,
            "channels": self.enter.out_features,
        }

    def weights(self, numbers: torch.Tensor) -> torch.Tensor:
        """The log-odds that each word adds, float32 [texts, words]; 0 where there is no word."""
        there = (numbers != PAD).unsqueeze(1).to(torch.float32)
        known = torch.cat([self.embed(numbers), self.years[numbers]], dim=2)
        seen = torch.relu(self.enter(known)).transpose(1, 2) * there
        for convolution in self.convolutions:
            seen = (seen + torch.relu(convolution(seen))) * there
        added: torch.Tensor = self.weigh(seen.transpose(1, 2)).squeeze(2)
        return added * there.squeeze(1)

    def log_odds(self, numbers: torch.Tensor) -> torch.Tensor:
        """The log-odds of "not compliant", float32 [texts]."""
        return self.weights(numbers).sum(dim=1) + self.bias

    def forward(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Label int64 [texts, 1], probabilities [texts, 2] of 0 and 1, weights [texts, words]."""
        weights = self.weights(numbers)
        odds = (weights.sum(dim=1) + self.bias).unsqueeze(1)
        probabilities = torch.cat([torch.sigmoid(-odds), torch.sigmoid(odds)], dim=1)
        return (odds > 0).to(torch.int64), probabilities, weights
