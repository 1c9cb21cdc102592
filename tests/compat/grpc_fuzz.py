"""Sends a running server bodies that are mutated requests, and watches its memory.

    pip install 'tritonclient[grpc]'
    python tests/compat/grpc_fuzz.py MODEL [--grpc 127.0.0.1:8001] [--requests 100000] [--seed 1] [--pid PID]

Every body must be answered, with OK, INVALID_ARGUMENT or NOT_FOUND; the server must be ready afterwards. With --pid, the
resident memory of that process is printed after each tenth. Exit code 1 when a check fails.
"""

import argparse
import collections
import random
import threading

import grpc
import tritonclient.grpc as triton_grpc
from asking import check, finish, tensors

method = "/inference.GRPCInferenceService/ModelInfer"


def bodies_of(client, model):
    """Encoded requests: raw and typed, with everything that a request may have."""
    inputs = [(spec.name, spec.datatype, list(spec.shape)) for spec in client.get_model_metadata(model).inputs]
    made = []
    for rows in (1, 3, 50):
        request = triton_grpc._utils._get_inference_request(
            inputs=tensors(inputs, rows, triton_grpc.InferInput), model_name=model, model_version="", request_id=f"f{rows}",
            outputs=None, sequence_id=0, sequence_start=False, sequence_end=False, priority=rows % 3, timeout=10_000_000,
            parameters={"event_ids": "[" + ",".join(["null"] * rows) + "]", "flag": True},
        )
        made.append(request.SerializeToString())
        typed = type(request)()
        typed.CopyFrom(request)
        del typed.raw_input_contents[:]
        for tensor in typed.inputs:
            count = 1
            for size in tensor.shape:
                count *= size
            tensor.contents.fp32_contents.extend([0.5] * count)
        made.append(typed.SerializeToString())
    return made


def mutated(rng, bodies):
    body = bytearray(rng.choice(bodies))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(body) + 1)
        kind = rng.randrange(7)
        if kind == 0 and at < len(body):
            body[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del body[at : at + rng.randrange(1, 16)]
        elif kind == 2:
            body[at:at] = rng.randbytes(rng.randrange(1, 16))
        elif kind == 3:
            body[at:at] = body[at : at + rng.randrange(1, 64)]
        elif kind == 4:
            del body[at:]
        elif kind == 5:
            body[at : at + 1] = b"\xff\xff\xff\xff" + bytes([rng.randrange(128)])
        else:
            other = rng.choice(bodies)
            body[at:] = other[rng.randrange(len(other)) :]
    return bytes(body)


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--grpc", default="127.0.0.1:8001")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pid", type=int, default=0)
    arguments = parser.parse_args()
    client = triton_grpc.InferenceServerClient(arguments.grpc)
    bodies = bodies_of(client, arguments.model)
    rng = random.Random(arguments.seed)
    channel = grpc.insecure_channel(arguments.grpc)
    ask = channel.unary_unary(method, request_serializer=None, response_deserializer=None)
    told = collections.Counter()
    places = threading.Semaphore(64)

    def done(call):
        told[call.code().name] += 1
        places.release()

    memory = []
    for index in range(arguments.requests):
        places.acquire()
        ask.future(mutated(rng, bodies), timeout=60).add_done_callback(done)
        if arguments.pid and (index + 1) % max(1, arguments.requests // 10) == 0:
            memory.append(resident(arguments.pid))
            print(f"      {index + 1} bodies, {memory[-1]} MiB", flush=True)
    for _ in range(64):
        places.acquire()
    expected = {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}
    check(f"{arguments.requests} bodies answered", sum(told.values()) == arguments.requests and set(told) <= expected, dict(told))
    check("ready afterwards", client.is_server_ready() and client.is_model_ready(arguments.model))
    if memory:
        # Until half of them are sent, caches and heaps still grow to their size.
        half = memory[len(memory) // 2 - 1]
        check("memory at most a tenth above its reading at half", memory[-1] <= 1.1 * half, f"{memory} MiB")
    finish()


if __name__ == "__main__":
    main()
