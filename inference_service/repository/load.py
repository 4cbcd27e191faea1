"""One model, read once, verified and proven."""

import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inference_service.description import ModelDescription, parse_description
from inference_service.engine import OnnxEngine
from inference_service.repository.derive import derive_description
from inference_service.repository.golden import prove, read_golden
from inference_service.repository.places import Place
from inference_service.repository.states import ModelState, RefusedModel, ServedModel
from protos.digests import digest_bytes, short
from protos.errors import ConfigurationError, EdgeAssetsError, IntegrityError, NotFound, Unavailable
from protos.golden import Golden

if TYPE_CHECKING:
    from inference_service.contracts.load import Contract

log = logging.getLogger(__name__)

LoadContract = Callable[[Path, ModelDescription], "Contract | None"]

_MAX_DESCRIPTION = 1 << 20
_MAX_GOLDEN = 16 << 20
_MAX_MODEL = (1 << 31) - 1  # protobuf reads no message beyond it
_AGAIN = "deploy the model again"


class Loader:
    """Loads models, each under the rules that hold for the whole service."""

    def __init__(
        self, expected_digest: str | None = None, load_contract: LoadContract | None = None
    ) -> None:
        self._expected = expected_digest
        self._load_contract = load_contract
        self._count = 0

    def load(self, place: Place) -> ModelState:
        """The model in `place`, served if its bytes are those that model.json names, else refused.

        Each file is read once: the bytes that are hashed are the bytes the session is made from.
        Golden questions, where there are any, are all answered right before the model is served.
        Never raises, and no reason holds a path.
        """
        known = [place.name, place.version]
        try:
            return self._verified(place, known)
        except EdgeAssetsError as error:
            return RefusedModel(known[0], str(error), known[1], isinstance(error, Unavailable))
        except Exception:  # MemoryError too: other models serve on
            log.exception("%s cannot be loaded", place.key)
            reason = "the model cannot be loaded: the log of the service tells why"
            return RefusedModel(known[0], reason, known[1])

    def _verified(self, place: Place, known: list[str]) -> ServedModel:
        data = None
        if place.folder is None:
            data = read_file(place.model, _MAX_MODEL)
            description = derive_description(place.name, data)
        else:
            raw = read_file(place.folder / "model.json", _MAX_DESCRIPTION)
            description = parse_description(raw)
        known[:] = description.name, description.version
        self._check_expected(description.digest)
        golden = None if place.folder is None else _golden(place.folder, description.digest)
        if data is None:
            data = read_file(place.model, _MAX_MODEL)
        if (digest := digest_bytes(data)) != description.digest:
            raise IntegrityError(
                "model.onnx does not have its digest",
                why=f"{short(digest)} instead of {short(description.digest)}",
                remedy=_AGAIN,
            )
        contract = None
        if self._load_contract is not None and place.folder is not None:
            contract = self._load_contract(place.folder, description)
        engine = OnnxEngine(data, description)
        if golden is not None:
            prove(engine, description, golden)
        self._count += 1
        return ServedModel(
            description, engine, self._count, proven=golden is not None, contract=contract
        )

    def _check_expected(self, digest: str) -> None:
        if self._expected is not None and digest != self._expected:
            raise IntegrityError(
                "model.json describes another model than the one asked for",
                why=f"{short(digest)} instead of {short(self._expected)}",
                remedy="deploy the model that MODEL_DIGEST names",
            )


def _golden(folder: Path, digest: str) -> Golden | None:
    try:
        data = read_file(folder / "golden.json", _MAX_GOLDEN)
    except NotFound:  # any other trouble with it is no reason to go without the proof
        return None
    return read_golden(data, digest)


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a plain file of at most `limit` bytes; no text of an error holds its folder.

    Raises NotFound if it is not there, Unavailable if it cannot be read now, ConfigurationError if
    it is no plain file or too large.
    """
    try:
        seen = path.stat()
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > limit:
            raise ConfigurationError(
                f"{path.name} cannot be used",
                why=f"expected a plain file of at most {limit} bytes",
                remedy=_AGAIN,
            )
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError as error:
        raise NotFound(
            f"{path.name} cannot be read", why=error.strerror or "", remedy=_AGAIN
        ) from error
    except OSError as error:
        raise Unavailable(
            f"{path.name} cannot be read", why=error.strerror or "", remedy=_AGAIN
        ) from error
