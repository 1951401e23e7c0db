"""Measuring on real files: metrics, evaluation of the codec, and what each part of it is worth."""

LPIPS_NETS = ("alex", "squeeze", "vgg")  # backbones; published tables use the first
