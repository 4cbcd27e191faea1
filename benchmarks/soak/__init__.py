"""The soak: hours of good questions, swaps and abuse; nothing may fail, nothing may grow.

.venv/bin/python -m benchmarks.soak --minutes 30

run      the service, the swaps, who comes and goes
good     clients that check each answer against what the model's version must say
bad      clients that vanish, send half, do not read, send garbage
samples  memory and descriptors of the service, from /proc
verdict  what of all that is good enough: pure
"""
