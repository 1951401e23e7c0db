"""Measuring on real files: metrics, other codecs, reports; one-off experiments have a folder of their own."""

LPIPS_NETS = ("alex", "squeeze", "vgg")  # backbones; published tables use the first
