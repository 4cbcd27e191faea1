"""The methods that the HTTP face asks, over real models."""

from pathlib import Path

from inference_service.data_plane import DataPlane
from inference_service.health import Health
from inference_service.methods import FindMethod
from inference_service.repository import ModelRepository
from inference_service.service import Service


def method_table(folder: Path) -> FindMethod:
    """The methods over the models in `folder`."""
    models = ModelRepository(folder)
    return Service(models, DataPlane(models), Health(), reflection=False).find
