"""Transformers from pixels and labels to what a network learns from."""
