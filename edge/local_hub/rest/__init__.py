"""IoT Hub's REST API (api-version 2021-04-12), thin over the hub's services."""
