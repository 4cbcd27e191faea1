"""Settings: defaults, readings, and errors that say what to do."""

from pathlib import Path

import pytest

from inference_service.config import Config, checked_address
from protos.errors import ConfigurationError

_DIGEST = "sha256:" + "a" * 64


def test_nothing_set_means_the_documented_defaults() -> None:
    assert Config.from_environment({}) == Config(
        address="0.0.0.0:8081",
        model_path=Path("/model"),
        model_digest=None,
        capture=None,
        max_message_bytes=16 << 20,
        max_concurrent=64,
        drain_seconds=8.0,
        watch_seconds=5.0,
        reflection=True,
    )


def test_every_setting_is_read() -> None:
    config = Config.from_environment(
        {
            "INFERENCE_ADDRESS": "[::]:9000",
            "MODEL_PATH": "/m",
            "MODEL_DIGEST": _DIGEST,
            "CAPTURE_DIR": "/c",
            "CAPTURE_MAX_BYTES": "131072",
            "CAPTURE_SAMPLE": "0.25",
            "CAPTURE_SEGMENT_SECONDS": "2",
            "INFERENCE_MAX_MESSAGE_BYTES": "2048",
            "INFERENCE_MAX_CONCURRENT": "3",
            "INFERENCE_DRAIN_SECONDS": "0",
            "INFERENCE_WATCH_SECONDS": "1",
            "INFERENCE_REFLECTION": "off",
        }
    )
    assert (config.address, config.model_path, config.model_digest) == (
        "[::]:9000",
        Path("/m"),
        _DIGEST,
    )
    assert config.capture is not None
    assert (config.capture.folder, config.capture.max_bytes) == (Path("/c"), 131072)
    assert (config.capture.sample, config.capture.segment_seconds) == (0.25, 2.0)
    assert (config.max_message_bytes, config.max_concurrent) == (2048, 3)
    assert (config.drain_seconds, config.watch_seconds, config.reflection) == (0.0, 1.0, False)


def test_an_empty_setting_counts_as_not_set() -> None:
    assert Config.from_environment({"CAPTURE_DIR": "", "MODEL_DIGEST": " "}) == Config()


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("INFERENCE_ADDRESS", "8081", "0.0.0.0:8081"),
        ("INFERENCE_ADDRESS", "host:99999", "0.0.0.0:8081"),
        ("INFERENCE_ADDRESS", ":80", "0.0.0.0:8081"),
        ("MODEL_DIGEST", "sha256:abc", "model.json"),
        ("CAPTURE_MAX_BYTES", "1", "67108864"),
        ("CAPTURE_SAMPLE", "1.1", "within these bounds"),
        ("CAPTURE_SAMPLE", "nan", "within these bounds"),
        ("CAPTURE_SAMPLE", "half", "within these bounds"),
        ("CAPTURE_SEGMENT_SECONDS", "0", "within these bounds"),
        ("INFERENCE_MAX_MESSAGE_BYTES", "-1", "within these bounds"),
        ("INFERENCE_MAX_CONCURRENT", "0", "within these bounds"),
        ("INFERENCE_DRAIN_SECONDS", "inf", "within these bounds"),
        ("INFERENCE_WATCH_SECONDS", "0", "within these bounds"),
        ("INFERENCE_REFLECTION", "perhaps", "on or off"),
    ],
)
def test_a_wrong_setting_is_named_with_a_remedy(name: str, value: str, remedy: str) -> None:
    environment = {name: value}  # without CAPTURE_DIR, too: a wrong setting is never ignored
    with pytest.raises(ConfigurationError) as refused:
        Config.from_environment(environment)
    assert name in refused.value.what
    assert value in refused.value.what
    assert remedy in refused.value.remedy


def test_port_zero_is_an_address() -> None:
    assert checked_address("127.0.0.1:0") == "127.0.0.1:0"
