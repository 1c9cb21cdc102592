"""Builds the benchmark's tables from the flights snapshot: prepare.py SNAPSHOT_FOLDER OUT_FOLDER.

Writes OUT/flights.json (columns, dictionaries, row counts) and OUT/flights.bin (float64 columns one after the other:
features, then the label; train rows first). NaN is missing; a category is its index in the dictionary, -1 is missing.
Every fourth labelled flight is held out. Weather is the latest observation that was one hour old at departure.
"""
import json
import sys

import numpy as np
import pandas as pd

CATEGORIES = ["carrier", "origin", "dest"]
SCHEDULE = ["month", "day_of_week", "hour", "minute", "carrier", "origin", "dest", "distance", "sched_arr_time"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def read(folder):
    flights = pd.read_parquet(f"{folder}/flights.parquet").dropna(subset=["arr_delay"])
    at = flights["scheduled_departure"]
    flights = flights.assign(month=at.dt.month, day_of_week=at.dt.day_of_week, hour=at.dt.hour, minute=at.dt.minute)
    weather = pd.read_parquet(f"{folder}/weather.parquet")
    weather["known_at"] = (weather["observed_at"] + pd.Timedelta(hours=1)).astype(at.dtype)
    return pd.merge_asof(
        flights.sort_values("scheduled_departure", kind="stable"),
        weather.sort_values("known_at", kind="stable")[["origin", "known_at", *WEATHER]],
        left_on="scheduled_departure", right_on="known_at", by="origin",
    )


def main(folder, out):
    table = read(folder)
    held_out = np.arange(len(table)) % 4 == 3
    table = pd.concat([table[~held_out], table[held_out]])
    header, blocks = [], []
    for name in SCHEDULE + WEATHER:
        if name in CATEGORIES:
            dictionary = sorted(table[name].dropna().unique())
            codes = pd.Categorical(table[name], categories=dictionary).codes
            header.append({"name": name, "kind": "category", "dictionary": dictionary})
            blocks.append(np.asarray(codes, dtype="<f8"))
        else:
            header.append({"name": name, "kind": "number"})
            blocks.append(np.asarray(table[name], dtype="<f8"))
    blocks.append(np.asarray(table["arr_delay"] > 15, dtype="<f8"))
    facts = {"rows": len(table), "train": int((~held_out).sum()), "schedule": len(SCHEDULE), "columns": header}
    with open(f"{out}/flights.json", "w") as file:
        json.dump(facts, file)
    np.concatenate(blocks).tofile(f"{out}/flights.bin")
    print({key: facts[key] for key in ("rows", "train", "schedule")}, "columns", len(header))


if __name__ == "__main__":
    main(*sys.argv[1:3])
