"""Asks a running server through KServe's own unmodified Python clients.

    pip install kserve
    python tests/compat/kserve_check.py MODEL [--grpc 127.0.0.1:8001] [--http http://127.0.0.1:8080]

Health, and rows as raw, typed and JSON tensors; inputs are zeros of the shapes that the metadata gives. Exit code 1 when
a check fails. A process of its own: KServe's and tritonclient's messages have the same names.
"""

import argparse
import asyncio
import json
import sys
import urllib.request

import numpy as np

# KServe reads the command line when it is imported.
arguments_given, sys.argv = sys.argv[1:], sys.argv[:1]
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig  # noqa: E402

failures = []
kinds = {"BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64"}


def check(name, holds, detail=""):
    print(("ok    " if holds else "FAILED"), name, detail)
    if not holds:
        failures.append(name)


def request_of(model, inputs, binary):
    given = []
    for spec in inputs:
        sizes = [size if size != -1 else 2 for size in spec["shape"]]
        kind = kinds.get(spec["datatype"], spec["datatype"].lower())
        array = np.full(sizes, "x", dtype=object) if kind == "bytes" else np.zeros(sizes, kind)
        tensor = InferInput(spec["name"], sizes, spec["datatype"])
        tensor.set_data_from_numpy(array, binary_data=binary)
        given.append(tensor)
    return InferRequest(model_name=model, infer_inputs=given, request_id="k")


async def check_client(kind, client, model, inputs, outputs, base=()):
    check(f"{kind}: server live", await client.is_server_live(*base))
    check(f"{kind}: server ready", await client.is_server_ready(*base))
    check(f"{kind}: model ready", await client.is_model_ready(*base, model))
    for binary in (True, False):
        request = request_of(model, inputs, binary)
        answer = await (client.infer(*base, request, model_name=model) if base else client.infer(request))
        arrays = [output.as_numpy() for output in answer.outputs]
        what = "raw" if binary else "typed"
        check(f"{kind}: {what} tensors", len(arrays) == outputs and all(array is not None for array in arrays))
        check(f"{kind}: id of {what} tensors", answer.id == "k")
    await client.close()


async def check_all(arguments):
    with urllib.request.urlopen(f"{arguments.http}/v2/models/{arguments.model}") as answer:
        metadata = json.load(answer)
    inputs, outputs = metadata["inputs"], len(metadata["outputs"])
    await check_client("grpc", InferenceGRPCClient(arguments.grpc), arguments.model, inputs, outputs)
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    await check_client("http", rest, arguments.model, inputs, outputs, (arguments.http,))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--grpc", default="127.0.0.1:8001")
    parser.add_argument("--http", default="http://127.0.0.1:8080")
    arguments = parser.parse_args(arguments_given)
    asyncio.run(check_all(arguments))
    print(f"{len(failures)} failed" if failures else "all held")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
