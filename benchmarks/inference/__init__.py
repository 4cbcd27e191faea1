"""How much less the inference service costs than its peers: `python -m benchmarks.inference`.

    figures.py          the figures and their goals, as data
    sections.py         which figures are measured together; footprint.py, overhead.py, start.py
    rounds.py           interleaved rounds, medians of ratios
    bench.py            the servers under measurement, started when they are first asked for
    peers.py            environments of the peers, installed from locks/
    load.py, native.py  h2load, and a client in C for what h2load cannot do
    report.py           the table and the JSON; picture.py the picture for the docs
    grpcio_versions.py  which grpcio to pin: `--grpcio-versions 1.74.0,1.76.0`

Every figure is a ratio of two servers in one run, asked in turn; absolute figures are of one
machine and one day. The servers have one core, the load generator the other.
"""
