"""Asks a running server over REST through unmodified clients, and says what did not hold.

    pip install 'tritonclient[http]' kserve
    python tests/compat/tritonclient_http_check.py MODEL... [--http 127.0.0.1:8080]

tritonclient.http asks in binary and in JSON, compressed and not, KServe's client in both; inputs are made from each
model's metadata. Exit code 1 when a check fails.
"""

import argparse
import asyncio
import sys

import httpx
import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

failures = []
# What JSON cannot carry.
binary_only = {"FP16", "BF16"}


def check(name, holds, detail=""):
    print(("ok    " if holds else "FAILED"), name, detail)
    if not holds:
        failures.append(name)


def refused(name, ask, status, *texts):
    """The call must fail with the status and all of the texts in its message."""
    try:
        ask()
    except InferenceServerException as error:
        said = error.message()
        check(name, error.status() == str(status) and all(text in said for text in texts), f"{error.status()} {said}")
    else:
        check(name, False, "no error")


def array_of(datatype, sizes, seed):
    """Values that are told apart, the greatest and the smallest among them."""
    count = int(np.prod(sizes))
    kind = np.dtype(triton_to_np_dtype(datatype))
    if datatype == "BYTES":
        values = np.array([f"{seed}-{index} ü€".encode() for index in range(count)], dtype=object)
    elif datatype == "BOOL":
        values = (np.arange(count) + seed) % 2 == 0
    elif np.issubdtype(kind, np.integer):
        values = np.resize(np.array([np.iinfo(kind).max, np.iinfo(kind).min, seed, 0], dtype=kind), count)
    else:
        values = (np.arange(count) * 0.37 - seed).astype(kind)
    return values.reshape(sizes)


class Model:
    def __init__(self, client, name):
        self.client = client
        self.name = name
        self.metadata = client.get_model_metadata(name)
        self.inputs = self.metadata["inputs"]
        self.outputs = [spec["name"] for spec in self.metadata["outputs"]]
        kinds = {spec["datatype"] for spec in self.inputs + self.metadata["outputs"]}
        self.in_json = not kinds & binary_only
        self.rows = 3 if all(spec["shape"][:1] == [-1] for spec in self.inputs) else 1

    def arrays(self, rows):
        sizes = lambda shape: [size if size != -1 else (rows if axis == 0 else 2) for axis, size in enumerate(shape)]
        return [array_of(spec["datatype"], sizes(spec["shape"]), index) for index, spec in enumerate(self.inputs)]

    def tensors(self, arrays, binary):
        made = []
        for spec, array in zip(self.inputs, arrays):
            tensor = triton.InferInput(spec["name"], list(array.shape), spec["datatype"])
            texts = not binary and spec["datatype"] == "BYTES"
            tensor.set_data_from_numpy(np.vectorize(bytes.decode, otypes=[object])(array) if texts else array, binary_data=binary)
            made.append(tensor)
        return made

    def infer(self, arrays, binary=True, binary_out=None, **more):
        if binary_out is not None:
            more["outputs"] = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in self.outputs]
        return self.client.infer(self.name, self.tensors(arrays, binary), **more)


def bits(result, name):
    """An output's values as they can be compared, whatever they came as."""
    array = result.as_numpy(name)
    if array.dtype != object:
        return array.tobytes()
    return [value if isinstance(value, bytes) else value.encode() for value in array.flatten()]


def check_model(client, name):
    model = Model(client, name)
    check(f"{name}: ready", client.is_model_ready(name))
    config = client.get_model_config(name)
    check(f"{name}: configuration", [spec["name"] for spec in config["input"]] == [spec["name"] for spec in model.inputs])
    arrays = model.arrays(model.rows)
    first = model.infer(arrays, request_id="a1")
    answer = first.get_response()
    check(f"{name}: binary", answer["id"] == "a1" and answer["model_name"] == name, f"version {answer['model_version']}")
    wanted = {output: bits(first, output) for output in model.outputs}
    same = lambda result: all(bits(result, output) == wanted[output] for output in model.outputs)
    for coding in ("gzip", "deflate"):
        check(f"{name}: request in {coding}", same(model.infer(arrays, request_compression_algorithm=coding)))
        check(f"{name}: answer in {coding}", same(model.infer(arrays, response_compression_algorithm=coding)))
    version = client.infer(name, model.tensors(arrays, True), model_version=answer["model_version"])
    check(f"{name}: a named version", same(version))
    check(f"{name}: parameters", same(model.infer(arrays, priority=1, timeout=10_000_000, parameters={"mine": 7})))
    pending = [client.async_infer(name, model.tensors(arrays, True)) for _ in range(16)]
    check(f"{name}: 16 at once", all(same(one.get_result()) for one in pending))
    if model.in_json:
        check(f"{name}: JSON in, binary out", same(model.infer(arrays, binary=False, binary_out=True)))
        check(f"{name}: binary in, JSON out", same(model.infer(arrays, binary_out=False)))
        check(f"{name}: JSON both ways", same(model.infer(arrays, binary=False, binary_out=False)))
        mixed = [triton.InferRequestedOutput(output, binary_data=at % 2 == 0) for at, output in enumerate(model.outputs)]
        check(f"{name}: outputs of both kinds", same(client.infer(name, model.tensors(arrays, True), outputs=mixed)))
    else:
        refused(f"{name}: no FP16 in JSON", lambda: model.infer(arrays, binary_out=False), 400, "is not supported. Please use the binary data format")
    body, length = triton.InferenceServerClient.generate_request_body(model.tensors(arrays, True))
    headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
    plain = httpx.post(f"http://{client._parsed_url.host}:{client._parsed_url.port}/v2/models/{name}/infer", content=body, headers=headers)
    header = plain.headers.get("Inference-Header-Content-Length")
    parsed = triton.InferenceServerClient.parse_response_body(plain.content, header_length=header)
    check(f"{name}: a body made and read by hand", plain.status_code == 200 and same(parsed))
    versions = client.get_inference_statistics(name)["model_stats"]
    answered = sum(one["inference_stats"]["success"]["count"] for one in versions)
    check(f"{name}: statistics", answered > 0, f"{answered} answered")
    check_errors(client, model, arrays)


def check_errors(client, model, arrays):
    name = model.name
    tensors = lambda: model.tensors(arrays, True)
    spec = model.inputs[0]
    wrong = "INT8" if spec["datatype"] != "INT8" else "FP32"

    def tensor(kind, sizes, raw):
        made = triton.InferInput(spec["name"], sizes, kind)
        made._parameters["binary_data_size"] = len(raw)
        made._raw_data = raw
        return made

    refused(f"{name}: unknown model", lambda: client.infer("no-model", tensors()), 404, "Request for unknown model: 'no-model' is not found")
    refused(f"{name}: unknown version", lambda: client.infer(name, tensors(), model_version="999999"), 404, f"Request for unknown model: '{name}' version 999999 is not found")
    refused(f"{name}: wrong datatype", lambda: client.infer(name, [tensor(wrong, list(arrays[0].shape), b""), *tensors()[1:]]), 400, f"inference input '{spec['name']}' data-type is '{wrong}', but model '{name}' expects '{spec['datatype']}'")
    shape = [*arrays[0].shape, 1]
    refused(f"{name}: wrong shape", lambda: client.infer(name, [tensor(spec["datatype"], shape, b""), *tensors()[1:]]), 400, f"unexpected shape for input '{spec['name']}' for model '{name}'. Expected [")
    if spec["datatype"] != "BYTES":
        raw = arrays[0].tobytes()
        refused(f"{name}: wrong byte count", lambda: client.infer(name, [tensor(spec["datatype"], list(arrays[0].shape), raw + b"0"), *tensors()[1:]]), 400, f"[request id: <id_unknown>] input byte size mismatch for input '{spec['name']}' for model '{name}'. Expected {len(raw)}, got {len(raw) + 1}")
    outputs = [triton.InferRequestedOutput("no-output")]
    refused(f"{name}: unknown output", lambda: client.infer(name, tensors(), outputs=outputs), 400, f"unexpected inference output 'no-output' for model '{name}'")
    refused(f"{name}: missing input", lambda: client.infer(name, []), 400, "missing required input")


def check_server(client):
    check("live and ready", client.is_server_live() and client.is_server_ready())
    check("metadata", "binary_tensor_data" in client.get_server_metadata()["extensions"])
    check("unknown model is not ready", not client.is_model_ready("no-model"))
    check("index", all(model["state"] for model in client.get_model_repository_index()))
    check("no shared memory", client.get_system_shared_memory_status() == [])
    refused("load", lambda: client.load_model("x"), 503, "explicit model load / unload is not allowed")
    refused("unload", lambda: client.unload_model("x"), 503, "explicit model load / unload is not allowed")
    refused("metadata of an unknown model", lambda: client.get_model_metadata("no-model"), 404, "'no-model' is not found")
    refused("statistics of an unknown model", lambda: client.get_inference_statistics("no-model"), 400, "requested model 'no-model' is not available")


async def check_kserve(address, client, names):
    sys.argv = sys.argv[:1]  # kserve reads the command line when it is imported
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

    base = f"http://{address}"
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as kserve:
        check("kserve: live", await kserve.is_server_live(base) is True)
        check("kserve: ready", await kserve.is_server_ready(base) is True)
        check("kserve: unknown model is not ready", await kserve.is_model_ready(base, "no-model") is False)
        try:
            await kserve.infer(base, {"inputs": []}, model_name="no-model")
            check("kserve: unknown model", False, "no error")
        except httpx.HTTPStatusError as error:
            check("kserve: unknown model", "Request for unknown model: 'no-model' is not found" in str(error), str(error))
        for name in names:
            model = Model(client, name)
            check(f"kserve: {name} is ready", await kserve.is_model_ready(base, name))
            arrays = model.arrays(model.rows)
            reference = model.infer(arrays)
            for binary in (True, False) if model.in_json else (True,):
                inputs = []
                for spec, array in zip(model.inputs, arrays):
                    made = InferInput(spec["name"], list(array.shape), spec["datatype"])
                    made.set_data_from_numpy(array, binary_data=binary)
                    inputs.append(made)
                parameters = {"binary_data_output": True} if binary else None
                request = InferRequest(model_name=name, infer_inputs=inputs, request_id="k1", parameters=parameters)
                answer = await kserve.infer(base, request, model_name=name)
                holds = answer.id == "k1"
                for output in answer.outputs:
                    got, wanted = output.as_numpy(), reference.as_numpy(output.name)
                    texts = lambda values: [value if isinstance(value, bytes) else str(value).encode() for value in values.flatten()]
                    holds &= texts(got) == texts(wanted) if wanted.dtype == object else np.array_equal(got, wanted)
                check(f"kserve: {name} in {'binary' if binary else 'JSON'}", holds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--http", default="127.0.0.1:8080")
    arguments = parser.parse_args()
    client = triton.InferenceServerClient(arguments.http, concurrency=8)
    check_server(client)
    for name in arguments.models:
        check_model(client, name)
    asyncio.run(check_kserve(arguments.http, client, arguments.models))
    client.close()
    print(f"{len(failures)} failed" if failures else "all held")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
