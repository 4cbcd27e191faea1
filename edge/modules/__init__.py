"""The modules that run beside the inference service on a device: smoke test and captures."""
