"""The limits of the hub, in one place: those of the real IoT Hub (S1), and bounds of our own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Every bound that the local hub enforces.

    The first group are IoT Hub's documented quotas; tests set smaller ones. The second group
    bounds what one client can make the process hold in memory or on disk.
    """

    configurations: int = 100
    modules_per_configuration: int = 50
    custom_metrics: int = 5
    id_characters: int = 128
    twin_section_bytes: int = 32 * 1024  # desired and reported, each
    tags_bytes: int = 8 * 1024
    twin_depth: int = 10
    twin_key_bytes: int = 1024
    twin_string_bytes: int = 4096
    create_options_characters: int = 512
    bulk_devices: int = 100
    page_items: int = 100
    modules_per_device: int = 50
    message_bytes: int = 256 * 1024
    method_payload_bytes: int = 128 * 1024
    method_timeout_seconds: tuple[int, int] = (5, 300)
    keep_alive_seconds: int = 1177

    request_bytes: int = 4 * 1024 * 1024
    query_characters: int = 16 * 1024
    expression_depth: int = 64
    mqtt_packet_bytes: int = 256 * 1024 + 32 * 1024  # a full message and its topic
    mqtt_send_buffer_bytes: int = 4 * 1024 * 1024
    mqtt_connections: int = 2000
    mqtt_connect_seconds: float = 10.0
    manifest_bytes: int = 4 * 1024 * 1024
    blob_bytes: int = 8 * 1024 * 1024 * 1024
