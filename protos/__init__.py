"""The contracts that every part shares: wire formats, digests and the error tree.

What belongs here: what two parts must agree on. It imports nothing of the project and nothing
outside the standard library but protobuf and grpcio (in generated code).
"""
