"""A local Azure IoT Hub: loopback only, one process, SQLite underneath, no account needed.

It speaks IoT Hub's REST API to the real `azure-iot-hub` SDK, IoT Hub's MQTT to the real
`azure-iot-device` SDK, and the OCI distribution API to any registry client. Start it with
`python -m edge.local_hub --state DIR`, or in a test with `edge.local_hub.testing.running_hub`.

The pure core decides and holds no state: `expressions`, `query`, `target_condition`, `merge`,
`twins`, `sas`, `metrics`. Around it `hub` keeps the state in `documents`; `rest`, `mqtt` and
`registry` are the transports, thin over `hub`.
"""
