"""What the checks share: their verdicts, and tensors made from a model's metadata."""

import sys

import numpy as np
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

failures = []


def check(name, holds, detail=""):
    print(("ok    " if holds else "FAILED"), name, detail)
    if not holds:
        failures.append(name)


def refused(name, ask, *texts):
    """The call must fail with all of the texts in its message."""
    try:
        ask()
    except InferenceServerException as error:
        said = str(error)
        check(name, all(text in said for text in texts), said)
    else:
        check(name, False, "no error")


def tensors(inputs, rows, make):
    """One tensor an input: zeros, or for BYTES the text 'x'; sizes that vary are `rows`, then 1."""
    made = []
    for name, datatype, shape in inputs:
        sizes = [int(size) for size in shape]
        sizes = [size if size != -1 else (rows if axis == 0 else 1) for axis, size in enumerate(sizes)]
        if datatype == "BYTES":
            array = np.full(sizes, b"x", dtype=object)
        else:
            array = np.zeros(sizes, dtype=triton_to_np_dtype(datatype))
        tensor = make(name, sizes, datatype)
        tensor.set_data_from_numpy(array)
        made.append(tensor)
    return made


def finish():
    print(f"{len(failures)} failed" if failures else "all held")
    sys.exit(1 if failures else 0)
