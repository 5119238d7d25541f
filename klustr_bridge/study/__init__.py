"""The study: which features and which reduction make the best map of a drum library.

This room owns the experiment of *klustr* (Lamtharn Hantrakul and Avneesh Sarwate, 2017), on any folder of
samples: labels, preparation, features, reductions, scores, ranking and report. It is a leaf: only the
command line imports it, and it must not touch a library.
"""
