"""Dagster resources: the adapters to the artifact store, the hub, the registry and settings."""
