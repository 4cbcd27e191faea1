"""Simulated devices: each does what the IoT Edge agent does, with real processes as modules.

The decisions are pure functions: `manifest` (what the hub wants), `plan` (what to do about it),
`restart` (when a module comes back), `reported` (what the device says), `ports` and `substitution`
(how a module of the real fleet fits on one machine). `agent` carries them out, `link` speaks to the
hub, `fleet` runs many devices in one process: `python -m edge.device`.
"""
