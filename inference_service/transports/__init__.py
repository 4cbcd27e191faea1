"""Transports: thin ways in, over the same table of methods. `grpcio` is the reference."""

from functools import partial
from typing import TYPE_CHECKING, Protocol

from inference_service.config import Config
from inference_service.methods import FindMethod
from inference_service.observer import Observer
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from inference_service.tls import CertificateWatch


class Transport(Protocol):
    """A server: `start` binds it and gives the port, `drain` ends it."""

    def start(self) -> int:
        """Binds, serves, returns the port. Raises ConfigurationError if the address is taken."""

    def drain(self, seconds: float) -> bool:
        """Takes no new call, lets those in flight end, for at most `seconds`; whether all did."""

    def gauges(self) -> dict[str, float]:
        """What is open at this moment."""

    def turned_away(self) -> dict[str, int]:
        """How many connections were refused or ended, by reason."""


def make_transport(
    config: Config,
    find: FindMethod,
    observer: Observer | None = None,
    certificate: "CertificateWatch | None" = None,
) -> Transport:
    """The transport that `config` names; only its own libraries are imported."""
    if config.transport == "grpcio":
        try:
            from inference_service.transports.grpcio import GrpcioTransport, server_credentials
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                "INFERENCE_TRANSPORT is 'grpcio'",
                why="grpcio is not installed here",
                remedy="set it to fast, or install grpcio",
            ) from error

        return GrpcioTransport(
            config.address,
            find,
            config.max_message_bytes,
            config.max_concurrent,
            observer,
            partial(server_credentials, certificate) if certificate else None,
            max_header=config.max_header_bytes,
            keepalive_seconds=config.keepalive_seconds,
        )
    from inference_service.transports.fast.limits import Limits
    from inference_service.transports.fast.transport import FastTransport

    limits = Limits(
        message=config.max_message_bytes,
        connections=config.max_connections,
        streams=config.max_streams,
        header_list=config.max_header_bytes,
        buffered=config.max_buffered_bytes,
        unsent=4 * config.max_message_bytes,
        stall=config.stall_seconds,
        keepalive=config.keepalive_seconds,
    )
    fast = partial(FastTransport, config.address, find, limits, config.max_concurrent, observer)
    if certificate is None:
        return fast()
    from inference_service.transports.fast.tls_peer import TlsPeer

    return fast(lambda sock, connection: TlsPeer(sock, connection, certificate.current()))
