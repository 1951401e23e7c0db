"""The range coder, reading and writing. Section: Range coder."""

from bisect import bisect_right
from itertools import accumulate

from independent.header import Damaged

TOTAL = 1 << 24
WORD = 1 << 32


class Table:
    """How the symbols of one table share out 0 to 2^24 - 1. Section "Range coder"."""

    def __init__(self, lowest, lefts, lost):
        """`lost` is what stands for a symbol that was cut off."""
        self.lowest, self.lefts, self.lost = lowest, lefts, lost

    @classmethod
    def of_frequencies(cls, lowest, frequencies):
        """The intervals "by table"."""
        n = len(frequencies)
        sums = accumulate(frequencies, initial=0)
        lefts = [c * (TOTAL - n) // 65536 + i for i, c in enumerate(sums)]
        return cls(lowest, [*lefts[:-1], TOTAL], lowest + frequencies.index(max(frequencies)))

    @classmethod
    def uniform(cls, n):
        """The intervals "uniform"."""
        return cls(0, [*range(0, TOTAL // n * n, TOTAL // n), TOTAL], -1)

    def interval(self, value):
        """The left end and the width of a value's interval."""
        left = self.lefts[value - self.lowest]
        return left, self.lefts[value - self.lowest + 1] - left


class Decoder:
    """Section "Range coder": D and R, and the payload's words with `fill` bytes after them."""

    def __init__(self, payload, fill=b"\0"):
        self.payload, self.fill, self.at = payload, fill, 0
        self.r = (1 << 64) - 1
        self.d = self._word() * WORD + self._word()

    def _word(self):
        word = self.payload[self.at : self.at + 4]
        self.at += 4
        return int.from_bytes(word + self.fill * (4 - len(word)), "big")

    def symbol(self, table):
        """The next symbol's value."""
        scale = self.r // TOTAL
        q = self.d // scale
        if q >= TOTAL:
            raise Damaged("the payload says no symbol")
        value = table.lowest + bisect_right(table.lefts, q) - 1
        left, width = table.interval(value)
        self.d -= scale * left
        self.r = scale * width
        if self.r < WORD:
            self.r *= WORD
            self.d = self.d * WORD + self._word()
        return value


class CutDecoder:
    """Section "A cut file": two decoders side by side, for as long as they agree."""

    def __init__(self, payload, whole=False):
        self.pair = Decoder(payload, b"\0"), Decoder(payload, b"\0" if whole else b"\xff")
        self.lost, self.count = False, 0

    def symbol(self, table):
        """The next symbol's value, or what stands for it once the two have differed."""
        if not self.lost:
            try:
                first, second = (decoder.symbol(table) for decoder in self.pair)
                self.lost = first != second
            except Damaged:
                self.lost = True
        if self.lost:
            return table.lost
        self.count += 1
        return first


class Encoder:
    """The paragraph "Writer". It has the face of a decoder: `choose` gives each symbol's value."""

    def __init__(self, choose):
        self.choose = choose
        self.low, self.r, self.s = 0, (1 << 64) - 1, 0

    def symbol(self, table):
        """Chooses a value, codes it and returns it."""
        value = self.choose(table)
        left, width = table.interval(value)
        scale = self.r // TOTAL
        self.low += scale * left
        self.r = scale * width
        if self.r < WORD:
            self.low, self.r, self.s = self.low * WORD, self.r * WORD, self.s + 1
        return value

    def accepts(self, payload):
        """Whether a payload, filled up with zeros, decodes to the symbols."""
        size = 8 + 4 * self.s
        number = int.from_bytes(payload.ljust(size, b"\0"), "big")
        return len(payload) <= size and self.low <= number < self.low + self.r

    def payload(self):
        """A shortest payload."""
        for length in range(9 + 4 * self.s):
            unit = 256 ** (8 + 4 * self.s - length)
            number = -(-self.low // unit)
            if number * unit < self.low + self.r:
                return number.to_bytes(length, "big")


def call(coder, tables, numbers):
    """The paragraph "Calls": values in the order of the list; coded in that of its tables."""
    values = [0] * len(numbers)
    for place in sorted(range(len(numbers)), key=lambda place: numbers[place]):
        values[place] = coder.symbol(tables[numbers[place]])
    return values
