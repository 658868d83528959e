"""The readers of people's own formats: pictures in folders of classes or named by a CSV, and CSVs of pixels."""
