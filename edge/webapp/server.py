"""The running register: the tables brought up to date, waitress in front, work behind."""

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn

import django
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection
from waitress.server import create_server

from edge.webapp.config import Config
from edge.webapp.upload import CorrectionsUpload, is_module, run_until
from protos.errors import ConfigurationError, Unavailable

log = logging.getLogger(__name__)

_STOP_SECONDS = 8.0
_TIDY_SECONDS = 24 * 3600.0


def set_up() -> Config:
    """Makes Django ready by the environment. Raises ConfigurationError."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "edge.webapp.settings"
    from edge.webapp.settings import CONFIG

    try:
        if CONFIG.database.file is not None:
            CONFIG.database.file.parent.mkdir(parents=True, exist_ok=True)
        django.setup()
        _ = connection.cursor  # loads the driver
    except OSError as error:
        raise ConfigurationError(
            f"the folder of {CONFIG.database.file} cannot be made",
            why=error.strerror or type(error).__name__,
            remedy="set WEBAPP_DATA to a folder that the register may write to",
        ) from None
    except Exception as error:
        if "psycopg" not in str(error):
            raise
        raise ConfigurationError(
            "DATABASE_URL names PostgreSQL, which this Python cannot speak",
            why="psycopg is not installed",
            remedy="pip install 'psycopg[binary]', or unset DATABASE_URL for SQLite",
        ) from None
    return CONFIG


def prepare(config: Config) -> None:
    """Brings the tables up to date and makes the first account. Raises Unavailable."""
    from edge.webapp.first_account import make_first_account

    before = os.umask(0o077)  # a new database is for this user only
    try:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("clearsessions")
        make_first_account(config.account, config.data)
    except DatabaseError as error:
        raise Unavailable(
            "the database cannot be used",
            why=type(error).__name__,  # its text may quote user and host
            remedy="see that the server runs, or that the folder WEBAPP_DATA can be written to",
        ) from error
    finally:
        connection.close()
        os.umask(before)


def serve(config: Config) -> int:
    """Serves until SIGTERM or SIGINT. Raises ConfigurationError if the address is taken."""
    prepare(config)
    stop = threading.Event()
    try:
        server = create_server(
            get_wsgi_application(),
            host=config.host,
            port=config.port,
            threads=config.threads,
            ident="",
            max_request_body_size=1 << 20,
            channel_timeout=30,
            connection_limit=200,
            **_proxy(config),
        )
    except OSError as error:
        raise ConfigurationError(
            f"{config.host}:{config.port} cannot be listened at",
            why=error.strerror or type(error).__name__,
            remedy="set WEBAPP_ADDRESS to another one",
        ) from None
    workers = [threading.Thread(target=_judge, args=(config, stop), daemon=True, name="judge")]
    if is_module(os.environ):
        workers.append(
            threading.Thread(target=_upload, args=(config, stop), daemon=True, name="upload")
        )
    else:
        log.info("no identity of a module: corrections leave as files only")
    for worker in workers:
        worker.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    log.info("listening on %s:%s", config.host, server.effective_port)
    try:
        server.run()  # ends, requests under way answered, with SystemExit of the signal
    except SystemExit:
        pass
    finally:
        stop.set()
        server.close()
        for worker in workers:
            worker.join(_STOP_SECONDS)
    log.info("stopped")
    return 0


def _proxy(config: Config) -> dict[str, Any]:
    """What of a request's origin is believed: nothing that a browser says about itself.

    With `https` a proxy is the only way in, so its word on scheme and address counts: failures to
    sign in are then counted by browser and not for all of them together.
    """
    if not config.https:
        return {"clear_untrusted_proxy_headers": True}
    return {
        "trusted_proxy": "*",
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        "clear_untrusted_proxy_headers": True,
    }


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _judge(config: Config, stop: threading.Event) -> None:
    """Judges what waits, until `stop`; once a day it deletes sessions that are over."""
    from edge.webapp.register.judging import judge_waiting

    tidy_at = time.monotonic() + _TIDY_SECONDS
    while not stop.wait(config.retry_seconds):
        try:
            if time.monotonic() >= tidy_at:
                tidy_at = time.monotonic() + _TIDY_SECONDS
                call_command("clearsessions")
            if done := judge_waiting():
                log.info("components that had waited and are judged: %d", done)
        except Exception:  # whatever a disk or a database does once must not end it
            log.exception("waiting components could not be judged")
        finally:
            connection.close()


def _upload(config: Config, stop: threading.Event) -> None:
    from edge.modules.iot_hub import IotHubModuleClient
    from edge.webapp.register.outbox import DatabaseOutbox

    try:
        client = IotHubModuleClient.from_environment()
    except ConfigurationError as error:
        log.error("corrections are not uploaded: %s", error)
        return
    upload = CorrectionsUpload(DatabaseOutbox(), client, config.upload_seconds)
    run_until(stop.is_set, upload.run)
