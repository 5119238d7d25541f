"""Training of the learned ear: from a folder of labelled sounds to the two files that the package ships.

A program of the repository, no part of the package, and the only place that knows PyTorch. What the files
were made of and what they are worth stands in ``MODEL_CARD.md``.
"""
