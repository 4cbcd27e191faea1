"""A strict reader of Prometheus' text format 0.0.4: what it forbids raises ValueError."""

import re
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


@dataclass
class Parsed:
    """A family: its samples by name and labels."""

    kind: str
    help: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, name: str, /, **labels: str) -> float:
        return self.samples[name, tuple(sorted(labels.items()))]


def parse(text: bytes) -> dict[str, Parsed]:
    """The families by name."""
    decoded = text.decode()
    if decoded and not decoded.endswith("\n"):
        raise ValueError("the last line does not end")
    families: dict[str, Parsed] = {}
    helped: tuple[str, str] | None = None
    name = ""
    for line in decoded.splitlines():
        if line.startswith("# HELP "):
            helped = (line.split(" ", 3)[2], line.split(" ", 3)[3])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if helped is None or helped[0] != name or name in families:
                raise ValueError(f"HELP and TYPE of {name} are not in order")
            families[name] = Parsed(kind, helped[1])
            helped = None
        else:
            _add(families[name], name, line)
    for family in families.values():
        _check(family)
    return families


def _add(family: Parsed, name: str, line: str) -> None:
    found = _SAMPLE.fullmatch(line)
    if not found:
        raise ValueError(f"no sample: {line}")
    ends = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    if found[1] not in [name + end for end in ends]:
        raise ValueError(f"{found[1]} is not of {name}")
    labels, place, text = [], 0, found[2] or ""
    while place < len(text):
        pair = _LABEL.match(text, place)
        if not pair:
            raise ValueError(f"labels: {text[place:]}")
        value = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], pair[2])
        labels.append((pair[1], value))
        place = pair.end()
    key = found[1], tuple(sorted(labels))
    if key in family.samples or len(dict(labels)) != len(labels):
        raise ValueError(f"twice: {line}")
    family.samples[key] = float(found[3])


def _check(family: Parsed) -> None:
    if family.kind == "counter":
        if not all(name.endswith("_total") for name, _ in family.samples):
            raise ValueError("a counter without _total")
    elif family.kind == "histogram":
        buckets: dict[Labels, list[tuple[float, float]]] = {}
        for (name, labels), value in family.samples.items():
            if name.endswith("_bucket"):
                rest = tuple(pair for pair in labels if pair[0] != "le")
                buckets.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for rest, pairs in buckets.items():
            counts = [count for _, count in sorted(pairs)]
            base = next(iter(family.samples))[0].removesuffix("_bucket")
            if counts != sorted(counts) or counts[-1] != family.samples[base + "_count", rest]:
                raise ValueError("buckets do not add up")
    elif family.kind != "gauge":
        raise ValueError(f"kind {family.kind}")
