"""The Dagster code location of edge-assets: from raw data to proven deployments."""
