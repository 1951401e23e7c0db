"""Two systems that choose where codes are spent: MQ-VAE with Stackformer, DQ-VAE with DQ-Transformer.

docs/sparse.md says what they are, and where they mend the public code.
"""
