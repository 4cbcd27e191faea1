"""What belongs to devices: manifests, the modules beside the service, the local hub and fleet."""
