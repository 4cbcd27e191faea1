"""Typed contracts: a model asked by messages of its own, read from a descriptor, without Python.

The `contract.proto` beside a model says which fields its messages have and which inputs and
outputs they stand for (options: `protos/contract.proto`). What is served is `contract.binpb`, its
descriptor, made when the model folder is built:

    contract = load_contract(folder, description)
    method = contract.methods["/tooling.Inference/GetRecommendation"]
    question = method.decode(message)             # bytes to arrays, checked
    answer = method.encode(question, outputs)     # arrays to bytes
"""

from inference_service.contracts.load import CONTRACT_FILE, SOURCE_FILE, Contract, load_contract
from inference_service.contracts.method import TypedMethod
from inference_service.contracts.requests import TypedQuestion

__all__ = [
    "CONTRACT_FILE",
    "SOURCE_FILE",
    "Contract",
    "TypedMethod",
    "TypedQuestion",
    "load_contract",
]
