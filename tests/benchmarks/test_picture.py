"""The picture: what it shows beside each other, and that it is drawn whatever is missing."""

from pathlib import Path

from PIL import Image

from benchmarks.inference.figures import FIGURES, Measured
from benchmarks.inference.picture import draw, rates
from benchmarks.inference.report import rows

SEEN = {
    "throughput_1_mlserver": Measured(5.0, seen={"ours rate": 10000.0, "mlserver rate": 2000.0}),
    "throughput_1_echo": Measured(1.5, seen={"ours rate": 10000.0, "echo rate": 6700.0}),
    "throughput_8_echo": Measured(4.0, seen={"ours rate": 45000.0, "echo rate": 6000.0}),
    "cpu_8_infer": Measured(0.1, seen={"ours cpu_us": 22.0, "infer cpu_us": 219.0}),
    "packages": Measured(86.0),
}


def test_rates_of_one_load_stand_beside_each_other() -> None:
    found = rows(FIGURES, SEEN)
    assert rates(found, "throughput_1_") == {"mlserver": 2000.0, "echo": 6700.0, "ours": 10000.0}
    assert rates(found, "throughput_8_") == {"echo": 6000.0, "ours": 45000.0}
    assert rates(rows(FIGURES, {}), "throughput_1_") == {}


def test_a_picture_is_drawn_of_much_and_of_nothing(tmp_path: Path) -> None:
    for number, measured in enumerate((SEEN, {})):
        path = tmp_path / f"{number}.png"
        draw(rows(FIGURES, measured), path)
        with Image.open(path) as picture:
            assert picture.width > 1000
