"""Public checkpoints of the parts that `base` is made of, one small adapter a source."""

from .mage_vit import MAGE_VIT
from .mage_vqgan import MAGE_VQGAN
from .mlicpp import MLICPP
from .source import Source

SOURCES: dict[str, Source] = {source.name: source for source in (MAGE_VQGAN, MAGE_VIT, MLICPP)}
