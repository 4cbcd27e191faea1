"""Deliveries of the demo: made-up batches as files, or folders of images, landed as users do."""

import io
import random
import time
from collections.abc import Sequence
from pathlib import Path

from edge_assets.core.preparing import plain
from edgectl.data import Content, content_of, deliver
from edgectl.demo.story import Story
from sensors.batches import SETTLED_SECONDS


def sample(story: Story, seed: int, shift: str = "none", *, times: int = 1) -> Content:
    """A batch of made-up data, `times` as large as `sample.rows` in model.yaml says."""
    model = story.bench.chain.model
    return content_of(model.sample(model.config.sample.rows * times, seed, shift))


def land(story: Story, name: str, content: Content) -> str:
    """Puts a delivery into the landing folder and lets it settle; the name of its batch."""
    chain = story.bench.chain
    folder = Path(story.bench.platform.settings.landing) / chain.config.data.landing
    batch = f"{name}.csv" if isinstance(content, bytes) else name
    deliver(content, folder / batch)
    time.sleep(SETTLED_SECONDS + 0.2)
    return batch


def scrambled(story: Story, seed: int) -> Content:
    """A batch twice as large as usual whose answers belong to other rows."""
    content = sample(story, seed, times=2)
    dice = random.Random(seed)
    if isinstance(content, bytes):
        return _scrambled_table(content, _names_of_target(story), dice)
    return _scrambled_folders(content, dice)


def _names_of_target(story: Story) -> Sequence[str]:
    """What raw files may call the target."""
    config = story.bench.chain.config
    named = (config.prediction.target, *config.data.target_aliases)
    # Of a model that reads its files by itself, the last group is the one of the target.
    return (*named, *(config.data.required[-1] if config.data.required else ()))


def _scrambled_table(content: bytes, names: Sequence[str], dice: random.Random) -> bytes:
    import pandas as pd

    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    wanted = {plain(name) for name in names}
    target = next(name for name in table.columns if plain(str(name)) in wanted)
    values = table[target].tolist()
    dice.shuffle(values)
    return bytes(table.assign(**{str(target): values}).to_csv(index=False).encode())


def _scrambled_folders(content: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    """The same images under the names of others."""
    files = list(content.values())
    dice.shuffle(files)
    return dict(zip(content, files, strict=True))
