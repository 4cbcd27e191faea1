"""The captures module: brings what the inference service captured to the hub."""
