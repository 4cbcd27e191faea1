"""Asks two servers in turn with tritonclient; prints the p50 in microseconds of each round.

    python triton.py PORT PORT ROUNDS SECONDS

A script of its own: it may not load this project's messages beside tritonclient's.
"""

import json
import statistics
import sys
import time

import numpy as np
import tritonclient.grpc as triton


def main() -> None:
    """Measures and prints one JSON object: port -> list of p50."""
    ports, rounds, seconds = sys.argv[1:3], int(sys.argv[3]), float(sys.argv[4])
    given = triton.InferInput("features", [1, 2], "FP32")
    given.set_data_from_numpy(np.ones((1, 2), np.float32))
    clients = {port: triton.InferenceServerClient(f"127.0.0.1:{port}") for port in ports}
    found: dict[str, list[float]] = {port: [] for port in ports}
    for number in range(rounds):
        for port in ports if number % 2 == 0 else reversed(ports):
            client, times = clients[port], []
            end = time.perf_counter() + seconds
            while (begin := time.perf_counter()) < end:
                result = client.infer("logistic", [given], client_timeout=10.0)
                times.append(time.perf_counter() - begin)
            if result.as_numpy("probabilities").shape != (1, 2):
                sys.exit(f"the server on port {port} does not answer as the model does")
            found[port].append(statistics.median(times) * 1e6)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
