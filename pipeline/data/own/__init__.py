"""The readers of people's own formats: pictures in folders of classes or named by a CSV, CSVs of pixels, and arrays."""
