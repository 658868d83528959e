"""Side by side: this project, scikit-learn, PyTorch, and the bare matrix products that none of them can do without.

``python -m benchmarks`` measures everything; ``python -m benchmarks train`` and its like measure a part. Each side
works in a process of its own, with the threads that it chooses itself, and takes its turn with the others.
"""
