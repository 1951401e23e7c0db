"""The networks. They know tensors and nothing of bytes; only `ulbic.codec` turns one into the other."""
