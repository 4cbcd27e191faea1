"""Images by digest: an OCI layout on disk, a registry client, and unpacking without an engine.

Words and formats follow the OCI image-spec 1.1 and distribution-spec 1.1.
"""

from edge.oci.client import PullReport, PushReport, RegistryClient
from edge.oci.descriptors import Descriptor
from edge.oci.reference import ImageReference
from edge.oci.rootfs import ImageConfig, UnpackedImage, unpack
from edge.oci.store import BlobStore

__all__ = [
    "BlobStore",
    "Descriptor",
    "ImageConfig",
    "ImageReference",
    "PullReport",
    "PushReport",
    "RegistryClient",
    "UnpackedImage",
    "unpack",
]
