"""A reader of .ulb files, written from docs/format.md alone, to prove that it suffices.

It shares no code with the package, needs only numpy, and goes as far as the document is normative:
to every symbol, and to y_hat.
"""

from independent.coder import CutDecoder, Decoder
from independent.context import Context
from independent.header import Damaged, Future, OtherWeights, read_header
from independent.symbols import read_payload

MODEL_NUMBERS = {"b55": 1}


def check_weights(header, weights):
    """Section "Checks", its last three rows."""
    number = MODEL_NUMBERS.get(weights.tag, 15)
    if (header.model, header.tag) != (number, weights.tag):
        raise OtherWeights(f"model {header.model}, weights {header.tag}")
    if header.mode > 7:
        raise Future(f"index mode {header.mode}")
    if header.gain > weights.gains - 1:
        raise Damaged(f"gain {header.gain}")


def read_symbols(data, weights, context):
    """The symbols of a whole file; the caller says each pass's means and scales."""
    header = read_header(data)
    check_weights(header, weights)
    return read_payload(header, Decoder(header.payload), weights, context)


def read(data, weights):
    """The symbols and y_hat of a whole file."""
    context = Context(weights)
    symbols = read_symbols(data, weights, context)
    return symbols, context.finish(symbols.latents)


def read_cut(data, weights):
    """Section "A cut file": as `read_symbols`, and how many symbols were received."""
    header = read_header(data, cut=True)
    check_weights(header, weights)
    coder = CutDecoder(header.payload, header.whole)
    return read_payload(header, coder, weights, Context(weights)), coder.count
