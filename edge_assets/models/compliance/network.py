"""The network: what each word says in its surroundings, added up.

Words become vectors (beside what was learned of a word stand the thermometer of a year and the
classes of the lexicon), dilated convolutions let each word see fifteen words on either side, and
one number per word comes out: how much it speaks for "not compliant". Their sum and a bias are the
log-odds. So the weights that the web application
shows are no guess about the model but its reckoning: bias + sum(weights) is the decision.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from edge_assets.models.compliance.lexicon import classes
from edge_assets.models.compliance.words import FIRST, PAD, places_of
from edge_assets.models.compliance.years import thermometers

DILATIONS = (1, 2, 4, 8)


class ComplianceNet(nn.Module):
    """Takes the numbers of words, int64 [texts, words]; the vocabulary is what they stand for."""

    years: torch.Tensor
    classes: torch.Tensor

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
        self.weigh = nn.Linear(channels, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))

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
        """The log-odds that each word adds, float32 [texts, words]; 0 where there is no word.

        `learned`, like `numbers`, has UNKNOWN where only year and classes of a word shall count.
        """
        there = (numbers != PAD).unsqueeze(1).to(torch.float32)
        vectors = self.embed(numbers if learned is None else learned)
        told = self.classes[numbers].to(torch.float32)
        known = self.dropout(torch.cat([vectors, self.years[numbers], told], dim=2))
        seen = torch.relu(self.enter(known)).transpose(1, 2) * there
        for convolution in self.convolutions:
            seen = (seen + self.dropout(torch.relu(convolution(seen)))) * there
        added: torch.Tensor = self.weigh(self.dropout(seen).transpose(1, 2)).squeeze(2)
        return added * there.squeeze(1)

    def log_odds(self, numbers: torch.Tensor, learned: torch.Tensor | None = None) -> torch.Tensor:
        """The log-odds of "not compliant", float32 [texts]."""
        return self.weights(numbers, learned).sum(dim=1) + self.bias

    def forward(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Label int64 [texts, 1], probabilities [texts, 2] of 0 and 1, weights [texts, words]."""
        weights = self.weights(numbers)
        odds = (weights.sum(dim=1) + self.bias).unsqueeze(1)
        probabilities = torch.cat([torch.sigmoid(-odds), torch.sigmoid(odds)], dim=1)
        return (odds > 0).to(torch.int64), probabilities, weights
