"""Asks a running server through an unmodified tritonclient, and says what did not hold.

    pip install 'tritonclient[grpc]'          # 'tritonclient[all]' for --http as well
    python tests/compat/tritonclient_check.py MODEL [--grpc 127.0.0.1:8001] [--http 127.0.0.1:8080] [--seconds 0]

Inputs are made from the model's metadata. With --seconds it also asks without a pause for that long, so that a swap
can happen meanwhile, and counts the versions that answered. Exit code 1 when a check fails.
"""

import argparse
import time

import numpy as np
import tritonclient.grpc as triton_grpc
from asking import check, finish, refused, tensors
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

def check_grpc(address, model, seconds):
    client = triton_grpc.InferenceServerClient(address)
    check("grpc: live", client.is_server_live())
    check("grpc: ready", client.is_server_ready())
    check("grpc: server metadata", client.get_server_metadata().name != "")
    check("grpc: model ready", client.is_model_ready(model))
    metadata = client.get_model_metadata(model)
    check("grpc: model metadata", len(metadata.versions) > 0, f"versions {list(metadata.versions)}")
    inputs = [(spec.name, spec.datatype, list(spec.shape)) for spec in metadata.inputs]
    make = triton_grpc.InferInput

    for rows in (1, 3, 100):
        result = client.infer(model, tensors(inputs, rows, make), request_id=f"check-{rows}")
        answer = result.get_response()
        arrays = [result.as_numpy(output.name) for output in metadata.outputs]
        check(f"grpc: {rows} rows", all(array is not None and array.shape[0] == rows for array in arrays))
        check(f"grpc: id and model of {rows} rows", (answer.id, answer.model_name) == (f"check-{rows}", model))
    version = client.infer(model, tensors(inputs, 1, make)).get_response().model_version
    named = client.infer(model, tensors(inputs, 1, make), model_version=version)
    check("grpc: a named version", named.get_response().model_version == version)
    wanted = [triton_grpc.InferRequestedOutput(metadata.outputs[-1].name)]
    one = client.infer(model, tensors(inputs, 1, make), outputs=wanted)
    check("grpc: one output", [out.name for out in one.get_response().outputs] == [metadata.outputs[-1].name])
    waiting = []
    for _ in range(64):
        client.async_infer(model, tensors(inputs, 1, make), lambda result, error: waiting.append(error))
    limit = time.monotonic() + 30
    while len(waiting) < 64 and time.monotonic() < limit:
        time.sleep(0.01)
    check("grpc: 64 at once", waiting == [None] * 64)
    check_grpc_errors(client, model, inputs, make)
    if seconds > 0:
        check_steady(client, model, inputs, make, seconds)


def check_grpc_errors(client, model, inputs, make):
    name, datatype, _shape = inputs[0]
    others = tensors(inputs, 1, make)[1:]

    def single(tensor_name, sizes, kind):
        tensor = make(tensor_name, sizes, kind)
        array = np.full(sizes, b"x", dtype=object) if kind == "BYTES" else np.zeros(sizes, triton_to_np_dtype(kind))
        tensor.set_data_from_numpy(array)
        return tensor

    wrong = "INT8" if datatype != "INT8" else "FP32"
    refused("grpc: unknown model", lambda: client.infer("no-model", others), "NOT_FOUND", "'no-model' is not found")
    refused("grpc: unknown version", lambda: client.infer(model, others, model_version="999999"), "version 999999 is not found")
    refused("grpc: version that is no number", lambda: client.infer(model, others, model_version="x"), "INVALID_ARGUMENT")
    refused("grpc: unknown input", lambda: client.infer(model, [single("no-input", [1, 1], "FP32"), *others]), f"unexpected inference input 'no-input' for model '{model}'")
    refused("grpc: missing input", lambda: client.infer(model, others), "missing required input(s)", name)
    refused("grpc: wrong shape", lambda: client.infer(model, [single(name, [1, 1, 2], datatype), *others]), f"unexpected shape for input '{name}'")
    refused("grpc: wrong datatype", lambda: client.infer(model, [single(name, [1, 1], wrong), *others]), f"data-type is '{wrong}', but model '{model}' expects '{datatype}'")
    outputs = [triton_grpc.InferRequestedOutput("no-output")]
    refused("grpc: unknown output", lambda: client.infer(model, tensors(inputs, 1, make), outputs=outputs), "unexpected inference output 'no-output'")
    check("grpc: still ready", client.is_server_ready())


def check_steady(client, model, inputs, make, seconds):
    versions, failed, asked = {}, [], 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        asked += 1
        try:
            version = client.infer(model, tensors(inputs, 1, make)).get_response().model_version
            versions[version] = versions.get(version, 0) + 1
        except InferenceServerException as error:
            failed.append(str(error))
    check("grpc: no request failed", not failed, f"{asked} requests, by version {versions}, {failed[:3]}")


def check_http(address, model):
    import tritonclient.http as triton_http

    client = triton_http.InferenceServerClient(address)
    check("http: live", client.is_server_live())
    check("http: ready", client.is_server_ready())
    check("http: model ready", client.is_model_ready(model))
    check("http: unknown model is not ready", not client.is_model_ready("no-model"))
    metadata = client.get_model_metadata(model)
    inputs = [(spec["name"], spec["datatype"], spec["shape"]) for spec in metadata["inputs"]]

    def make(name, sizes, datatype):
        tensor = triton_http.InferInput(name, sizes, datatype)
        binary = tensor.set_data_from_numpy
        tensor.set_data_from_numpy = lambda array: binary(array.astype(str).astype(object) if datatype == "BYTES" else array, binary_data=False)
        return tensor

    wanted = [triton_http.InferRequestedOutput(spec["name"], binary_data=False) for spec in metadata["outputs"]]
    result = client.infer(model, tensors(inputs, 3, make), outputs=wanted, request_id="check")
    arrays = [result.as_numpy(spec["name"]) for spec in metadata["outputs"]]
    check("http: 3 rows of JSON tensors", all(array is not None and array.shape[0] == 3 for array in arrays))
    check("http: id", result.get_response()["id"] == "check")
    refused("http: unknown model", lambda: client.infer("no-model", tensors(inputs, 1, make)), "'no-model' is not found")
    client.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--grpc", default="127.0.0.1:8001")
    parser.add_argument("--http", default="")
    parser.add_argument("--seconds", type=float, default=0)
    arguments = parser.parse_args()
    check_grpc(arguments.grpc, arguments.model, arguments.seconds)
    if arguments.http:
        check_http(arguments.http, arguments.model)
    finish()


if __name__ == "__main__":
    main()
