"""Transformers from the columns of a table to what a network learns from, and whole pipelines of them."""
