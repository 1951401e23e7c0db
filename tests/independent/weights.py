"""The weight file. Section: Weight file."""

import hashlib
import json

import numpy as np
from independent.coder import Table

DTYPES = {"F16": "<f2", "F32": "<f4", "I32": "<i4"}


class Weights:
    """A safetensors file: its tensors, its sizes, its tables and its tag."""

    def __init__(self, data):
        self.data = data
        self.tag = hashlib.sha256(data).hexdigest()[:3]
        self.start = 8 + int.from_bytes(data[:8], "little")
        self.entries = json.loads(data[8 : self.start])
        config = json.loads(self.entries["__metadata__"]["config"])
        continuous, index_model = config["continuous"], config.get("index_model")
        self.index_depth = index_model["depth"] if index_model else None
        self.context = continuous["context"]
        self.latents, self.hyper_channels = continuous["latents"], continuous["hyper_channels"]
        self.phases, self.gains = continuous["phases"], continuous["gains"]
        slices = continuous["slices"]
        self.slices = [self.latents // slices] * slices if isinstance(slices, int) else slices

    def __contains__(self, name):
        return name in self.entries

    def __getitem__(self, name):
        entry = self.entries[name]
        begin, end = (self.start + offset for offset in entry["data_offsets"])
        return np.frombuffer(self.data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])

    def tables(self, family):
        """The paragraph "Tables": the tables of a family."""
        lowest, lengths, frequencies = (
            self[f"tables.{family}.{part}"].tolist() for part in ("lowest", "lengths", "frequencies")
        )
        tables, at = [], 0
        for low, length in zip(lowest, lengths, strict=True):
            tables.append(Table.of_frequencies(low, frequencies[at : at + length]))
            at += length
        return tables
