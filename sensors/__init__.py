"""What starts the chain: new batches, captures, drift, and the state of the fleet.

Each module offers `build(chain)`; `alerts`, which tells people about all chains, `build()`. A tick
is bounded, says why it did nothing, and is idempotent: the same state of the world asks for the
same runs by the same keys.
"""
