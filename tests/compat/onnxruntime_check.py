"""Compares a running server's answers with ONNX Runtime's own, bit for bit.

    pip install 'tritonclient[grpc]' onnxruntime
    python tests/compat/onnxruntime_check.py MODEL FILE.onnx [--grpc 127.0.0.1:8001] [--rows 10000] [--seed 1]

Random rows, in requests of 1 to 40 rows. Asked one at a time, each answer must have the bits of ONNX Runtime's run of that
request. Asked 64 at a time, they are answered out of common batches: each must have the bits of the request's own run or of
the run of all rows at once, since ONNX Runtime multiplies a single row by another kernel than several. Exit code 1 when one
differs.
"""

import argparse
import threading

import numpy as np
import onnxruntime
import tritonclient.grpc as triton_grpc
from asking import check, finish
from tritonclient.utils import triton_to_np_dtype


def random_rows(rng, datatype, sizes):
    if datatype == "BYTES":
        return rng.choice(np.array(["AA", "BB", "", "ä"], dtype=object), sizes)
    kind = np.dtype(triton_to_np_dtype(datatype))
    if kind.kind == "f":
        return (rng.standard_normal(sizes) * 3).astype(kind)
    return rng.integers(0, 2, sizes).astype(kind)


def ask_all(address, model, requests, at_once):
    client = triton_grpc.InferenceServerClient(address)
    answers = [None] * len(requests)
    places = threading.Semaphore(at_once)

    def done(index, result, error):
        answers[index] = error if result is None else result
        places.release()

    for index, request in enumerate(requests):
        tensors = []
        for (name, datatype), array in request.items():
            tensor = triton_grpc.InferInput(name, list(array.shape), datatype)
            tensor.set_data_from_numpy(array)
            tensors.append(tensor)
        places.acquire()
        client.async_infer(model, tensors, lambda result, error, index=index: done(index, result, error))
    for _ in range(at_once):
        places.acquire()
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    check(f"{len(requests)} answers, {at_once} at once", not failed, str(failed[:1]))
    return answers


def same_bits(one, other):
    if one.dtype == object:
        text = lambda value: value if isinstance(value, bytes) else str(value).encode()
        return one.shape == other.shape and [text(v) for v in one.ravel()] == [text(v) for v in other.ravel()]
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("file")
    parser.add_argument("--grpc", default="127.0.0.1:8001")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    metadata = triton_grpc.InferenceServerClient(arguments.grpc).get_model_metadata(arguments.model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(arguments.file, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(arguments.seed)
    whole = {
        (spec.name, spec.datatype): random_rows(rng, spec.datatype, [arguments.rows, *[max(1, size) for size in spec.shape[1:]]])
        for spec in metadata.inputs
    }
    cuts = [0]
    while cuts[-1] < arguments.rows:
        cuts.append(min(arguments.rows, cuts[-1] + int(rng.integers(1, 41))))
    requests = [{key: rows[start:end] for key, rows in whole.items()} for start, end in zip(cuts, cuts[1:])]
    run = lambda feeds: session.run(None, {name: array for (name, _), array in feeds.items()})
    together = run(whole)
    alone = [run(request) for request in requests]
    names = [output.name for output in session.get_outputs()]
    rows = f"{arguments.rows} rows in {len(requests)} requests, onnxruntime {onnxruntime.__version__}"
    equal = lambda got, wanted: all(same_bits(one, other) for one, other in zip(got, wanted))
    for at_once in (1, 64):
        differ, batched = 0, 0
        answers = ask_all(arguments.grpc, arguments.model, requests, at_once)
        for answer, own, start, end in zip(answers, alone, cuts, cuts[1:]):
            if isinstance(answer, Exception):
                continue
            got = [answer.as_numpy(name) for name in names]
            if equal(got, own):
                continue
            batched += 1
            differ += at_once == 1 or not equal(got, [other[start:end] for other in together])
        detail = f"{differ} differ, {batched} have a batch's bits; {rows}"
        check(f"the same bits as ONNX Runtime, {at_once} at once", differ == 0, detail)
    finish()


if __name__ == "__main__":
    main()
