"""One timed fit of LightGBM or scikit-learn on the prepared table, one thread: peer.py TABLE_FOLDER NAME COLUMNS PARAMETERS.

NAME is lightgbm or scikit-learn; COLUMNS is schedule or all; PARAMETERS is JSON with iterations, learning_rate,
max_leaves, min_rows, l2. Prints {"seconds", "cpu_seconds", "log_loss", "version"}. The times are those of binning and boosting.
"""
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402


def read(folder, columns):
    with open(f"{folder}/flights.json") as file:
        facts = json.load(file)
    block = np.fromfile(f"{folder}/flights.bin", dtype="<f8").reshape(-1, facts["rows"])
    width = facts["schedule"] if columns == "schedule" else len(facts["columns"])
    table, label = np.ascontiguousarray(block[:width].T), block[-1]
    categories = [i for i, column in enumerate(facts["columns"][:width]) if column["kind"] == "category"]
    n = facts["train"]
    return table[:n], label[:n], table[n:], label[n:], categories


def log_loss(label, probability):
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log(1 - p)))


def timed(work):
    begin, begin_cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - begin_cpu}


def lightgbm(train, label, test, categories, given):
    import lightgbm as peer

    parameters = {
        "objective": "binary", "num_threads": 1, "verbosity": -1, "deterministic": True, "seed": 1,
        "force_row_wise": True,
        "learning_rate": given["learning_rate"], "num_leaves": given["max_leaves"],
        "min_data_in_leaf": given["min_rows"], "lambda_l2": given["l2"],
    }
    def work():
        data = peer.Dataset(train, label, categorical_feature=categories)
        return peer.train(parameters, data, given["iterations"])

    model, times = timed(work)
    return times, model.predict(test), peer.__version__


def scikit_learn(train, label, test, categories, given):
    import sklearn
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=given["iterations"], learning_rate=given["learning_rate"], max_leaf_nodes=given["max_leaves"],
        min_samples_leaf=given["min_rows"], l2_regularization=given["l2"], categorical_features=categories,
        early_stopping=False, random_state=1,
    )
    _, times = timed(lambda: model.fit(train, label))
    return times, model.predict_proba(test)[:, 1], sklearn.__version__


def main(folder, name, columns, parameters):
    train, label, test, truth, categories = read(folder, columns)
    fit = lightgbm if name == "lightgbm" else scikit_learn
    times, probability, version = fit(train, label, test, categories, json.loads(parameters))
    print(json.dumps({**times, "log_loss": log_loss(truth, probability), "version": version}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
