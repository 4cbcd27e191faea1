"""IoT Hub's MQTT 3.1.1: each connection is one identity, and topics are routed per connection.

A general broker would be wrong: the `$iothub/...` topics carry no device id.
"""
