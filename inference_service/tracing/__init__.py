"""OpenTelemetry spans of requests, without its SDK: W3C trace context in, OTLP/HTTP JSON out.

`tracer.Tracer` is what a transport sees. Import it only where traces are wanted: its imports take
some 10 ms.
"""
