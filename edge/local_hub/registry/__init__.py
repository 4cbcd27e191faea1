"""A container registry: the OCI distribution API v2, content on disk by digest.

Pulling is anonymous (the process listens on loopback only), pushing needs Basic credentials.
"""
